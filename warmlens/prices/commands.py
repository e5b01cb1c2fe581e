"""The commands `warmlens prices list` and `check`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from warmlens.command_line import AsJson, PriceRegion
from warmlens.console import out
from warmlens.groups import Group
from warmlens.prices import DEFAULT_REGION, price_text, read_prices, read_sources
from warmlens.prices.products import BASE_URL
from warmlens.progress import progress_bar

DIFFERENT = 3
app = typer.Typer(cls=Group, no_args_is_help=True, help="List prices and compare them with AWS's.")


@app.command(name="list", epilog="Example: warmlens prices list --region ap-northeast-2")
def list_command(region: PriceRegion = DEFAULT_REGION, as_json: AsJson = False) -> None:
    """List the prices of a region, each with its date and source.

    Prices without a source are listed with the reason.
    """
    prices = read_prices(region)
    sources = {name: each for each in read_sources(region) for name in each.prices}
    rows = [(name, usd, sources[name]) for name, usd in prices.prices.items()]
    if as_json:
        listed = [
            {"name": name, "usd": usd, "date": of.date, "source": of.source}
            for name, usd, of in rows
        ]
        document = {"region": region, "prices": listed, "missing": dict(prices.missing)}
        typer.echo(json.dumps(document, indent=2))
        return
    table = Table("price", "USD", "date", "source")
    for name, usd, of in rows:
        table.add_row(name, price_text(usd), of.date, of.source)
    for name, why in prices.missing.items():
        table.add_row(name, "missing", "", why)
    out.print_table(table)


@app.command(epilog="Example: warmlens prices check --region eu-west-1 --write prices.json")
def check(
    region: PriceRegion = DEFAULT_REGION,
    ec2: Annotated[
        bool, typer.Option("--ec2", help="Also compare EC2's prices, which downloads about 300 MB.")
    ] = False,
    url: Annotated[str, typer.Option(help="URL of the price list or of a copy.")] = BASE_URL,
    write: Annotated[
        Path | None,
        typer.Option(help="File to write AWS's prices to, for plan --prices."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the prices of a region with AWS's public price list.

    Needs the network, but no AWS account. Stores nothing of what it reads. Exit code 1 if the list
    cannot be read, 3 if a price differs or is missing on one side.
    """
    from warmlens.prices.comparison import compare, write_prices

    prices = read_prices(region)
    with progress_bar("reading AWS's price list") as on_file:
        compared = compare(prices, ec2=ec2, base_url=url, on_file=on_file)
    left_out = sorted(prices.prices.keys() - {each.name for each in compared})
    if write is not None:
        write_prices(write, prices, compared)
    if as_json:
        rows = [
            {
                "name": each.name,
                "ours": each.ours,
                "aws": each.listed.usd,
                "difference": each.difference,
                "date": each.listed.date,
                "status": each.status,
            }
            for each in compared
        ]
        document = {"region": region, "compared": rows, "not_compared": left_out}
        typer.echo(json.dumps(document, indent=2))
    else:
        table = Table("price", "ours, USD", "AWS's, USD", "difference", "AWS's list of", "")
        for each in compared:
            share = "" if each.difference is None else f"{each.difference:+.1%}"
            figures = (each.ours, each.listed.usd)
            table.add_row(each.name, *map(_usd, figures), share, each.listed.date, each.status)
        out.print_table(table)
        if left_out:
            out.print(f"Not compared without --ec2: {', '.join(left_out)}.")
    if not all(each.agrees for each in compared):
        raise typer.Exit(DIFFERENT)


def _usd(price: float | None) -> str:
    return "" if price is None else price_text(price)
