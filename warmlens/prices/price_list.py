"""AWS's public price list, read over HTTP as it comes: its files are large and need no account.

Each service has a file for each region and one for all of them (AWS Billing user guide, "Getting
price list files manually"). The first five rows of a CSV file describe it, the sixth names the
columns; each further row is a price of a product (the same guide, "Reading the service price list
files").
"""

import csv
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from warmlens.errors import WarmlensError
from warmlens.prices import CURRENCY
from warmlens.prices.products import BASE_URL, Product

TIMEOUT_S = 30.0  # without a byte
_PUBLISHED = "Publication Date"
_ABOUT_ROWS = 5


@dataclass(frozen=True)
class Listed:
    """A price of AWS's list.

    Attributes:
        usd: price of the first tier that is not free; None if the list has no such product, or
            several with different prices.
        date: date of the list, YYYY-MM-DD.
        url: its address.
        why: why there is no price.
    """

    usd: float | None
    date: str
    url: str
    why: str = ""


def list_url(product: Product, region: str, base_url: str = BASE_URL) -> str:
    """Return the address of the file that has a product."""
    of_region = f"{region}/" if product.of_region else ""
    return f"{base_url.rstrip('/')}/offers/v1.0/aws/{product.service}/current/{of_region}index.csv"


def read_list(client: httpx.Client, url: str, products: Mapping[str, Product]) -> dict[str, Listed]:
    """Return the prices of products of one file.

    Args:
        client: an HTTP client.
        url: address of the file.
        products: the products by name.

    Raises:
        WarmlensError: the file cannot be fetched, or is not a price list.
    """
    tiers: dict[str, dict[str, list[tuple[float, float]]]] = {name: {} for name in products}
    wanted = frozenset().union(*(each.usage_types for each in products.values()))
    with _rows(client, url) as (date, columns, rows):
        usage_at = columns.index("usageType")
        for row in rows:
            if len(row) != len(columns):
                raise ValueError(f"a row has {len(row)} columns instead of {len(columns)}")
            if row[usage_at] not in wanted:  # nearly all of them
                continue
            values = dict(zip(columns, row, strict=True))
            for name, product in products.items():
                if _is(values, product):
                    tier = float(values["StartingRange"]), float(values["PricePerUnit"])
                    tiers[name].setdefault(values["SKU"], []).append(tier)
    return {name: _listed(found, date, url) for name, found in tiers.items()}


def _is(values: Mapping[str, str], product: Product) -> bool:
    return (
        (values["TermType"], values["Currency"]) == ("OnDemand", CURRENCY)
        and values["usageType"] in product.usage_types
        and all(values.get(column) == value for column, value in product.where.items())
    )


def _listed(skus: Mapping[str, list[tuple[float, float]]], date: str, url: str) -> Listed:
    paid = [sorted(tier for tier in tiers if tier[1] > 0) for tiers in skus.values()]
    first = {tiers[0][1] for tiers in paid if tiers}
    if len(first) == 1:
        return Listed(first.pop(), date, url)
    why = f"{len(first)} different prices" if first else "no such product"
    return Listed(None, date, url, why)


def open_client() -> httpx.Client:
    """Return an HTTP client for the list."""
    return httpx.Client(timeout=TIMEOUT_S, follow_redirects=True)


@contextmanager
def _rows(client: httpx.Client, url: str) -> Iterator[tuple[str, list[str], Iterator[list[str]]]]:
    """Open a file; gives its date, its columns and its rows."""
    try:
        with client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                why = f"{url}: HTTP {response.status_code}"
                raise WarmlensError("no_price_list", f"{why}; the list may have moved: see --url")
            rows = csv.reader(response.iter_lines())
            about = {row[0]: row[1] for row in itertools.islice(rows, _ABOUT_ROWS)}
            columns = next(rows, [])
            needed = {"SKU", "TermType", "StartingRange", "PricePerUnit", "Currency", "usageType"}
            missing = sorted(needed - set(columns))
            if _PUBLISHED not in about or missing:
                raise ValueError(f"it has no {missing[0] if missing else _PUBLISHED}")
            yield about[_PUBLISHED][: len("2026-11-30")], columns, rows
    except httpx.HTTPError as error:
        why = f"{url}: {str(error) or type(error).__name__}"
        raise WarmlensError(
            "no_network",
            f"AWS's price list was not read: {why}; try again where there is a network",
        ) from None
    except (ValueError, IndexError, csv.Error) as error:
        raise WarmlensError("bad_price_list", f"{url}: not a price list of AWS: {error}") from None
