"""The comparison of prices with AWS's public price list, from a server with files in its format."""

import csv
import io
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.invoke import invoke
from warmlens.cli import app
from warmlens.prices import read_prices
from warmlens.prices.products import Product, products

COLUMNS = [
    *("SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate"),
    *("StartingRange", "EndingRange", "Unit", "PricePerUnit", "Currency", "serviceCode"),
    *("Location", "usageType", "operation", "Operating System", "Tenancy", "Pre Installed S/W"),
    *("CapacityStatus", "Access Type"),
]
ABOUT = [
    ["FormatVersion", "v1.0"],
    ["Disclaimer", "This pricing list is for informational purposes only, ..."],
    ["Publication Date", "2027-01-15T17:07:46Z"],
    ["Version", "20270115170746"],
    ["OfferCode", "AWSLambda"],
]
Row = dict[str, str]


class PriceListServer:
    """A server of price lists, by the paths of AWS's.

    Attributes:
        files: the files by path; each is sent as it is.
        asked: paths that were asked for.
        cut_bytes: bytes of each file that never come.
        url: where it is.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut_bytes = 0
        self.url = ""

    def path(self, product: Product, region: str) -> str:
        of_region = f"{region}/" if product.of_region else ""
        return f"/offers/v1.0/aws/{product.service}/current/{of_region}index.csv"

    def serve(self, rows: dict[str, list[Row]]) -> None:
        self.files = {path: as_csv(listed) for path, listed in rows.items()}


def as_csv(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows(ABOUT)
    writer.writerow(COLUMNS)
    writer.writerows([row.get(column, "") for column in COLUMNS] for row in rows)
    return text.getvalue().encode()


def priced(product: Product, usd: float, **more: str) -> Row:
    usage = sorted(product.usage_types)[0]
    return {
        "SKU": f"SKU-{usage}{more.get('operation', '')}",
        "TermType": "OnDemand",
        "PriceDescription": 'per "unit", first tier',
        "StartingRange": "0",
        "EndingRange": "Inf",
        "PricePerUnit": f"{usd:.10f}",
        "Currency": "USD",
        "usageType": usage,
        **product.where,
        **more,
    }


def decoys(product: Product) -> list[Row]:
    """Rows that real lists have beside a product: other terms, free and later tiers, its kin."""
    usage = sorted(product.usage_types)[0]
    return [
        priced(product, 9.0, TermType="Reserved"),
        priced(product, 0.0, StartingRange="0", EndingRange="1"),
        priced(product, 8.0, StartingRange="1000000"),
        priced(product, 7.0, usageType=f"Outposts-{usage}", SKU="A"),
        priced(product, 7.0, usageType=f"TS-{usage}", SKU="B"),
        priced(product, 7.0, usageType=f"Global-{usage}", SKU="C"),
        priced(product, 7.0, Currency="CNY", SKU="D"),
        *(
            priced(product, 6.0, SKU=f"OTHER-{usage}{column}", **{column: "another"})
            for column in product.where
        ),
    ]


def aws_list(server: PriceListServer, region: str) -> dict[str, list[Row]]:
    """Return a list with our prices, and with some of what we have none for."""
    ours, rows = read_prices(region).prices, dict[str, list[Row]]()
    for name, product in products(region).items():
        listed = rows.setdefault(server.path(product, region), [])
        if name in ours:
            listed += [*decoys(product), priced(product, ours[name], StartingRange="0.5")]
    return rows


@pytest.fixture
def server() -> Iterator[PriceListServer]:
    lists = PriceListServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            lists.asked.append(self.path)
            file = lists.files.get(self.path)
            self.send_response(404 if file is None else 200)
            self.send_header("content-length", str(len(file or b"") + lists.cut_bytes))
            self.end_headers()
            self.wfile.write(file or b"")

        def log_message(self, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    lists.url = f"http://127.0.0.1:{http.server_port}"
    yield lists
    http.shutdown()
    thread.join()
    http.server_close()


def check(server: PriceListServer, *options: str, region: str = "ap-northeast-2") -> Any:
    return invoke(app, "prices", "check", "--url", server.url, "--region", region, *options)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "ap-northeast-2"])
def test_prices_that_agree_with_awss_list_end_with_0(server: PriceListServer, region: str) -> None:
    server.serve(aws_list(server, region))
    result = check(server, "--ec2", "--json", region=region)
    assert result.exit_code == 0, result.stdout
    document = json.loads(result.stdout)
    assert document["not_compared"] == []
    by_name = {each["name"]: each for each in document["compared"]}
    ours = read_prices(region)
    assert by_name.keys() == ours.prices.keys() | ours.missing.keys()
    for name, usd in ours.prices.items():
        each = by_name[name]
        assert (each["ours"], each["status"], each["date"]) == (usd, "same", "2027-01-15")
        assert each["aws"] == pytest.approx(usd)
    assert {by_name[name]["status"] for name in ours.missing} <= {"in neither"}


def test_a_price_that_differs_is_shown_with_both_and_ends_with_3(server: PriceListServer) -> None:
    rows = aws_list(server, "ap-northeast-2")
    product = products("ap-northeast-2")["logs_per_gb"]
    (row,) = (
        each
        for each in rows[server.path(product, "ap-northeast-2")]
        if each["PricePerUnit"] == "0.7600000000"
    )
    row["PricePerUnit"] = "0.8360000000"
    server.serve(rows)
    result = check(server)
    assert result.exit_code == 3
    (line,) = (each for each in result.stdout.splitlines() if each.startswith("logs_per_gb"))
    assert line.split("\t") == ["logs_per_gb", "0.76", "0.836", "+10.0%", "2027-01-15", "differs"]


def test_ec2s_large_file_is_read_only_if_asked_for(server: PriceListServer) -> None:
    server.serve(aws_list(server, "us-east-1"))
    result = check(server, region="us-east-1")
    assert result.exit_code == 0
    assert not [path for path in server.asked if "AmazonEC2" in path]
    assert len(server.asked) == len(set(server.asked))
    last = result.stdout.splitlines()[-1]
    assert last.startswith("Not compared without --ec2: ec2_c7g_large_per_h, ec2_c7i_large_per_h")


def test_a_written_file_has_awss_prices_and_is_one_that_the_planner_takes(
    server: PriceListServer, tmp_path: Path
) -> None:
    region, file = "ap-northeast-2", tmp_path / "new.json"
    rows, found = aws_list(server, region), products(region)
    efs = found["efs_per_gb_month"]
    rows[server.path(efs, region)].append(priced(efs, 0.33))
    s3 = found["s3_per_put"]
    for row in rows[server.path(s3, region)]:
        if row["usageType"] in s3.usage_types and row["PricePerUnit"] == "0.0000045000":
            row["PricePerUnit"] = "0.0000040000"
    server.serve(rows)
    assert check(server, "--write", str(file)).exit_code == 3
    written = read_prices(region, file)
    ours = read_prices(region).prices
    assert written.prices == {**ours, "s3_per_put": 0.000004, "efs_per_gb_month": 0.33}
    assert written.missing == {"efs_read_per_gb": "no source was found on 2026-11-30"}
    assert written.date == "2027-01-15"
    document = json.loads(file.read_text(encoding="utf-8"))
    sourced = [name for each in document["sources"] for name in each["prices"]]
    assert sorted(sourced) == sorted(document["prices"])
    (of_efs,) = (each for each in document["sources"] if "efs_per_gb_month" in each["prices"])
    assert of_efs["source"].endswith("/AmazonEFS/current/ap-northeast-2/index.csv")
    (of_ec2,) = (each for each in document["sources"] if "ec2_c7i_large_per_h" in each["prices"])
    assert "skypilot" in of_ec2["source"]  # it was not compared
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("rows_of_it", [[], [0.1, 0.2]])
def test_nothing_is_written_unless_every_price_was_matched_once(
    server: PriceListServer, tmp_path: Path, rows_of_it: list[float]
) -> None:
    region, file = "ap-northeast-2", tmp_path / "prices.json"
    file.write_text("as before", encoding="utf-8")
    rows, ecr = aws_list(server, region), products(region)["ecr_per_gb_month"]
    rows[server.path(ecr, region)] = [
        priced(ecr, usd, SKU=f"{number}") for number, usd in enumerate(rows_of_it)
    ]
    server.serve(rows)
    result = check(server, "--write", str(file))
    assert result.exit_code == 1
    why = "2 different prices" if rows_of_it else "no such product"
    assert result.stderr.startswith("not_in_price_list: ")
    assert f"nothing was written: ecr_per_gb_month ({why})" in result.stderr
    assert file.read_text(encoding="utf-8") == "as before"
    result = check(server)
    assert result.exit_code == 3
    assert "ecr_per_gb_month\t0.1\t\t\t2027-01-15\tnot found" in result.stdout


def test_without_a_network_it_says_so(server: PriceListServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = check(server)
    assert result.exit_code == 1
    assert result.stderr.startswith("no_network: AWS's price list was not read: http://127.0.0.1:")
    assert "try again where there is a network" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (None, "no_price_list", "HTTP 404"),
        (b"<html>\n<p>Sign in\n", "bad_price_list", "not a price list of AWS"),
        (b"", "bad_price_list", "not a price list of AWS"),
        (as_csv([{"SKU": "1"}])[:-30], "bad_price_list", "columns instead of 20"),
        (as_csv([]).replace(b'"usageType"', b'"x"'), "bad_price_list", "it has no usageType"),
    ],
)
def test_what_is_no_price_list_is_refused(
    server: PriceListServer, text: bytes | None, code: str, words: str
) -> None:
    server.serve(aws_list(server, "ap-northeast-2"))
    path = next(path for path in server.files if "AWSLambda" in path)
    del server.files[path]
    if text is not None:
        server.files[path] = text
    result = check(server)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{code}: ")
    assert words in result.stderr


def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(
    server: PriceListServer, tmp_path: Path
) -> None:
    server.serve(aws_list(server, "ap-northeast-2"))
    server.cut_bytes = 10
    result = check(server, "--write", str(tmp_path / "new.json"))
    assert (result.exit_code, result.stderr.partition(":")[0]) == (1, "no_network")
    assert not list(tmp_path.iterdir())


def test_every_price_has_a_product_and_only_the_known_regions_do() -> None:
    names = {name for region in ("us-east-1",) for name in read_prices(region).prices}
    assert products("us-east-1").keys() == names
    result = invoke(app, "prices", "check", "--region", "eu-north-9")
    assert (result.exit_code, result.stderr.partition(":")[0]) == (1, "unknown_region")


def test_the_list_of_prices_has_the_date_and_source_of_each() -> None:
    result = invoke(app, "prices", "list", "--region", "ap-northeast-2")
    assert result.exit_code == 0
    rows = {line.split("\t")[0]: line.split("\t") for line in result.stdout.splitlines()[1:]}
    prices = read_prices("ap-northeast-2")
    assert rows.keys() == prices.prices.keys() | prices.missing.keys()
    assert rows["logs_per_gb"][1:3] == ["0.76", "2026-09-22"]
    assert rows["efs_per_gb_month"] == [
        *("efs_per_gb_month", "missing", "", "no source was found on 2026-11-30")
    ]
