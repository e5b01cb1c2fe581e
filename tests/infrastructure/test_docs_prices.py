"""Prices in the docs: each is computed by a block of cog, or here, or listed with the reason."""

import math
import re
from collections.abc import Iterator

import pytest

from lab.photo_costs import FARGATE_GB
from stacks.worst_month import ACCESS_LOG_BYTES, WAF_LOG_BYTES
from tests.docs_text import typed, without
from warmlens.paths import ROOT
from warmlens.planner.at_rest import WEB_ACL_RULES
from warmlens.prices import read_prices
from warmlens.records import read_records

US, EU = read_prices(), read_prices("eu-west-1")
READ = 21  # metrics, by warmlens watch: a test counts them
RECORDS = ROOT / "docs" / "lab" / "records"
PAGES = ["README.md", *sorted(f"docs/{each.name}" for each in (ROOT / "docs").glob("*.md"))]
PAGES += ["docs/lab/README.md"]
FIGURE = re.compile(
    r"\$ ?\d[\d,]*(?:\.\d+)?|\b\d[\d,.]* (?:USD|dollars|cents)\b"
    r"|(?:\d{1,3}(?:,\d{3})+|\b[a-z]+ (?:million|thousand))"
    r"(?: requests| photos| calls)? a (?:day|month)\b"
)
"""A sum of money, or a traffic at which two bills are equal."""


def million(name: str) -> float:
    return US[name] * 1e6


def recorded(file: str, name: str, metric: str, **conditions: object) -> float:
    (found,) = {
        each.value
        for each in read_records((RECORDS / file).read_text(encoding="utf-8"))
        if (each.name, each.metric) == (name, metric)
        and conditions.items() <= each.conditions.items()
    }
    return found


def computed() -> dict[str, list[str]]:
    """The passages of pages that have figures, from prices and records."""
    acl_usd = US["waf_acl_per_month"] + WEB_ACL_RULES * US["waf_rule_per_month"]
    rest, http = million("rest_api_per_request"), million("http_api_per_request")
    vcpu_h, gb_h = US["fargate_x86_per_vcpu_h"], US["fargate_x86_per_gb_h"]
    task_usd = 720 * (vcpu_h + FARGATE_GB * gb_h)
    logged_gb = (ACCESS_LOG_BYTES + WAF_LOG_BYTES) * 1e6 / 1e9
    log_usd = US["logs_per_gb"] + US["logs_storage_per_gb_month"]
    call_usd = US["rest_api_per_request"] + US["lambda_per_request"]
    gb_s_usd = 1769 / 1024 * US["lambda_x86_per_gb_s"]
    cold_s = (
        recorded(
            "speed.jsonl",
            "ours",
            "cold_start_ms",
            memory_mb=1769,
            input_px=128,
            model_store="image",
            page_cache="warm",
        )
        / 1000
    )
    return {
        "docs/api.md": [
            f"cost ${http:.2f} for each 512 KB of a call, rounded up, instead of ${rest:.2f}: "
            f"above {0.5 * (rest // http):.1f} MB a photo",
            f"${call_usd + 0.003 * gb_s_usd:.7f} with an idle instance and "
            f"${call_usd + cold_s * gb_s_usd:.7f} with a new one",
        ],
        "docs/choices.md": [
            f"limits each address | ${rest:.2f} |",
            f"up to {0.5 * (rest // http):.1f} MB | ${http:.2f} for each 512 KB of a call |",
            f"one of 4 MB eight, ${8 * http:.0f} a million",
            f"a web ACL is ${acl_usd:.0f} a month and ${million('waf_per_request'):.2f} a million",
            f"with any number of photos: ${acl_usd:.0f} for a web ACL",
            f"the web ACL's ${acl_usd:.2f} a month",
            f"for each hour in which its model runs, ${4 * 720:,} a month",
        ],
        "docs/comparison.md": [
            f"about ${task_usd:.0f} a month for 1 vCPU and 2 GB, "
            f"${task_usd + 720 * US['alb_per_h']:.0f} with a load balancer, computed for 30 days",
            f"${vcpu_h} per vCPU-hour and ${gb_h} per GB-hour",
        ],
        "docs/cost-ceiling.md": [
            f"each is a write: ${million('s3_per_put'):.0f} for a million",
            f"with `waf` ${million('waf_per_request'):.2f} for a million and a line of its log: a "
            f"million costs up to ${math.ceil(million('waf_per_request') + logged_gb * log_usd)}.",
            f"at ${US['cloudfront_per_gb']:g} a GB and "
            f"${million('cloudfront_per_request'):.0f} for a million requests "
            f"(${EU['cloudfront_per_request'] * 1e6:.2f} from Europe)",
        ],
        "docs/operations.md": [
            f"these are {READ}: about ${READ * 60 * US['metric_per_read']:.3f} an hour"
        ],
    }


ELSEWHERE = {
    ("docs/choices.md", "$200"): "AWS's credit for new accounts, no price",
    ("docs/choices.md", "$4"): "Rekognition's price, with its source beside it",
    ("docs/performance.md", "$6.45"): "the paper's prices, lab/experiments/paper.json",
}
"""Figures that neither a block nor :func:`computed` covers, and why they may be typed."""


def figures(text: str) -> Iterator[str]:
    header: list[str] = []
    for line in text.splitlines():
        yield from FIGURE.findall(line)
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        for title, cell in zip(header, cells, strict=False):
            if re.search(r"USD|\$", title) and re.search(r"\d", cell):
                yield cell
        header = (header or cells) if cells else []


@pytest.mark.parametrize("page", PAGES)
def test_no_price_is_typed_that_nothing_computes(page: str) -> None:
    found = set(figures(without(typed(page), computed().get(page, []))))
    allowed = {figure for name, figure in ELSEWHERE if name == page}
    assert found == allowed, f"type no price into {page}: compute it in a block, or here"


def test_the_pages_that_are_computed_are_read() -> None:
    assert computed().keys() | {page for page, _ in ELSEWHERE} <= set(PAGES)


def test_a_typed_price_is_found() -> None:
    text = (
        "It is $1,234.50, or 1,000,000 requests a day.\n\n| a | USD |\n| --- | ---: |\n| b | 2 |\n"
    )
    assert list(figures(text)) == ["$1,234.50", "1,000,000 requests a day", "2"]
    assert list(figures(without(text, ["or 1,000,000 requests a day."]))) == ["$1,234.50", "2"]
    assert list(figures("from about seven million calls a month on")) == [
        "seven million calls a month"
    ]
    with pytest.raises(AssertionError, match="is there 0 times"):
        without(text, ["It is $1,234.60"])
