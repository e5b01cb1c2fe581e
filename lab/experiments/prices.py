"""Cost of a request at the paper's prices and at today's."""

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.photo_costs import LAMBDA_ALONE
from warmlens.planner.bill import of_parts, total_usd
from warmlens.planner.cost import SHORT
from warmlens.planner.photo import Usage, Way, photo_items
from warmlens.prices import read_prices

_HERE = Path(__file__).parent
PAPER: dict[str, Any] = json.loads((_HERE / "paper.json").read_text(encoding="utf-8"))
TODAY = read_prices()
_WAY = Way(page=False, waf=False)
DAYS_PER_MONTH = 30
HOURS_PER_MONTH = DAYS_PER_MONTH * 24
PINGS_PER_MONTH = DAYS_PER_MONTH * 24 * 12
"""One every five minutes."""


@dataclass(frozen=True)
class Ec2:
    """An EC2 instance type with its price.

    Attributes:
        name: its type.
        usd_per_hour: its price on demand.
        vcpus: its processors.
        sustained_share: share of the processors that it may use permanently.
        architecture: of its processors.
    """

    name: str
    usd_per_hour: float
    vcpus: int
    sustained_share: float
    architecture: str


def servers() -> list[Ec2]:
    """Return the EC2 instance types that Lambda is compared with."""
    return [
        Ec2("t3.medium", TODAY["ec2_t3_medium_per_h"], 2, 0.2, "x86_64"),
        Ec2("c7i.large", TODAY["ec2_c7i_large_per_h"], 2, 1.0, "x86_64"),
        Ec2("c7g.large", TODAY["ec2_c7g_large_per_h"], 2, 1.0, "arm64"),
    ]


def paper_usd(memory_mb: int, duration_ms: float) -> float:
    """Return the cost of a request at the paper's prices: billed by 100 ms, without init.

    Args:
        memory_mb: 448, 768, 1536 or 3008, which Table 6 has.
        duration_ms: its duration.

    Raises:
        KeyError: Table 6 does not have the memory size.
    """
    units = math.ceil(duration_ms / PAPER["billed_in_ms"])
    per_unit: float = PAPER["usd_per_100_ms"][str(memory_mb)]
    return float(units * per_unit + PAPER["usd_per_request"])


def function_usd(
    memory_mb: float,
    duration_ms: float,
    *,
    init_ms: float = 0.0,
    architecture: str = "x86_64",
    provisioned: bool = False,
) -> float:
    """Return Lambda's cost of a request today: billed by 1 ms, with init.

    Source: AWS's announcement that Lambda bills the init phase of all functions from August 2025.

    Args:
        memory_mb: memory size.
        duration_ms: duration of the call.
        init_ms: duration of its init; 0 on a warm instance.
        architecture: `x86_64` or `arm64`.
        provisioned: the call met provisioned concurrency, whose time has a price of its own.
    """
    billed_ms = math.ceil(duration_ms + init_ms)
    return billed_usd(memory_mb, billed_ms, architecture=architecture, provisioned=provisioned)


def billed_usd(
    memory_mb: float,
    billed_ms: float,
    *,
    architecture: str = "x86_64",
    provisioned: bool = False,
) -> float:
    """Return Lambda's cost of a request: the bill of a photo with its other parts switched off.

    Args:
        memory_mb, architecture, provisioned: as of :func:`function_usd`.
        billed_ms: its billed time, or the mean of several.
    """
    gb_s = billed_ms / 1000 * memory_mb / 1024
    usage = Usage(
        photos=1,
        gb_s=0.0 if provisioned else gb_s,
        provisioned_gb_s=gb_s if provisioned else 0.0,
        architecture=SHORT[architecture],
    )
    return total_usd(of_parts(photo_items(usage, _WAY, TODAY), LAMBDA_ALONE))


def today_usd(
    memory_mb: float, duration_ms: float, *, init_ms: float = 0.0, architecture: str = "x86_64"
) -> float:
    """Return the cost of a request today, with the S3 GET of its photo, without the API.

    The arguments are those of :func:`function_usd`.
    """
    billed = function_usd(memory_mb, duration_ms, init_ms=init_ms, architecture=architecture)
    return billed + TODAY["s3_per_get"]


def storage_usd() -> float:
    """Return the cost of a request in S3: one PUT and one GET of its photo."""
    return TODAY["s3_per_put"] + TODAY["s3_per_get"]


def mean_usd(usd: Callable[[float], float], durations_ms: Sequence[float]) -> float:
    """Return the mean cost of a call; a bill is a sum, so the mean counts, not the median.

    Args:
        usd: gives the cost of a call from its duration.
        durations_ms: measured calls.
    """
    return statistics.fmean(usd(duration_ms) for duration_ms in durations_ms)


def gb_s_usd(architecture: str, *, provisioned: bool = False) -> float:
    """Return the price of a GB-second, on demand or with provisioned concurrency."""
    short = SHORT[architecture]
    kind = "provisioned_duration" if provisioned else "lambda"
    return TODAY[f"{kind}_{short}_per_gb_s"]


def api_usd(api: str) -> float:
    """Return the price of a request to an API: `REST`, `HTTP` or `none`."""
    if api == "none":
        return 0.0
    return TODAY[{"REST": "rest_api_per_request", "HTTP": "http_api_per_request"}[api]]
