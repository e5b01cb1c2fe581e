"""What a simulated time costs, item by item. The total is the sum of the items and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from warmlens.errors import WarmlensError
from warmlens.planner.outcome import Outcome
from warmlens.prices import PriceList

MONTH_S = 30 * 86_400.0
WARMER_MB = 512  # stacks/warming.py
WARMER_OVERHEAD_S = 0.5  # assumed: its own start, DryRun calls and answers
API_CALLS = 2  # a user asks for a signed upload, then for the classes
PART_BYTES = 4 * 2**20  # lambda_src/classifier/download.py
SHORT = {"x86_64": "x86", "arm64": "arm"}
STORAGE = {"image": "ecr_per_gb_month", "s3": "s3_per_gb_month"}


@dataclass(frozen=True)
class Item:
    """One line of the bill.

    Attributes:
        name: what is paid for.
        quantity: how much of it.
        unit: of the quantity.
        price: name of its price in the price list.
        usd: quantity times price.
    """

    name: str
    quantity: float
    unit: str
    price: str
    usd: float


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What is paid for, beside what happens in a simulation.

    Attributes:
        memory_mb: the classifier's memory.
        architecture: `x86_64` or `arm64`.
        model_store: `image` or `s3`.
        model_bytes: size of the model's files.
        unbilled_ms_per_cold: part of a cold start before init, which is not billed.

    Raises:
        WarmlensError: a value is not allowed.
    """

    memory_mb: int
    architecture: str = "x86_64"
    model_store: str = "image"
    model_bytes: int = 0
    unbilled_ms_per_cold: int = 0

    def __post_init__(self) -> None:
        if not 128 <= self.memory_mb <= 10_240:
            raise WarmlensError(
                "bad_memory", f"memory of {self.memory_mb} MB: Lambda has 128 to 10240"
            )
        if self.architecture not in SHORT:
            raise WarmlensError(
                "bad_architecture", f"architecture {self.architecture}: x86_64 or arm64"
            )
        if self.model_store not in ("image", "s3"):
            raise WarmlensError(
                "bad_model_store",
                f"model store {self.model_store}: image or s3; what EFS costs is not known to the "
                "planner, since its cold starts were not measured",
            )

    @property
    def memory_gb(self) -> float:
        """The memory in the unit that is billed."""
        return self.memory_mb / 1024


def total_usd(items: Sequence[Item]) -> float:
    """Return the sum of the items."""
    return sum(item.usd for item in items)


def needed_prices(what: Deployment, warming: str) -> list[str]:
    """Return the names of the prices that a bill may need.

    Args:
        what: is paid for.
        warming: `off`, `ping` or `provisioned`.
    """
    short = SHORT[what.architecture]
    names = ["rest_api_per_request", "lambda_per_request", f"lambda_{short}_per_gb_s"]
    names += ["s3_per_get", "s3_per_put", STORAGE[what.model_store]]
    if warming == "ping":
        names += ["lambda_arm_per_gb_s", "scheduler_per_invocation"]
    if warming == "provisioned":
        names += [f"provisioned_{short}_per_gb_s", f"provisioned_duration_{short}_per_gb_s"]
    return names


def monthly_items(outcomes: Sequence[Outcome], what: Deployment, prices: PriceList) -> list[Item]:
    """Return what 30 days as simulated cost.

    Args:
        outcomes: one or more simulated times, which are averaged over.
        what: what was simulated.
        prices: of the region.

    Raises:
        WarmlensError: a price that is needed is missing.
    """
    months = sum(outcome.horizon_s for outcome in outcomes) / MONTH_S
    items = user_items(outcomes, what, prices, months) + warming_items(
        outcomes, what, prices, months
    )
    stored_gb = what.model_bytes / 1e9
    items.append(_item(prices, "model's storage", stored_gb, "GB-month", STORAGE[what.model_store]))
    return [item for item in items if item.quantity]


def user_items(
    outcomes: Sequence[Outcome], what: Deployment, prices: PriceList, months: float
) -> list[Item]:
    """Return what users' calls cost in a month, without what keeps instances warm."""
    served = sum(each.served for each in outcomes) / months
    requests = sum(each.requests for each in outcomes) / months
    cold = sum(each.cold for each in outcomes)
    billed_ms = sum(each.billed_ms for each in outcomes) - cold * what.unbilled_ms_per_cold
    provisioned_ms = sum(each.provisioned_billed_ms for each in outcomes)
    short = SHORT[what.architecture]
    gb = what.memory_gb
    fetches = (cold + sum(each.pings_cold for each in outcomes)) / months
    items = [
        _item(prices, "API calls", requests * API_CALLS, "calls", "rest_api_per_request"),
        _item(prices, "classifier's calls", served, "calls", "lambda_per_request"),
        _item(prices, "uploads' calls", requests, "calls", "lambda_per_request"),
        _item(
            prices,
            "classifier's time on demand",
            billed_ms / 1000 * gb / months,
            "GB-s",
            f"lambda_{short}_per_gb_s",
        ),
        _item(prices, "photos read", served, "GETs", "s3_per_get"),
        _item(prices, "photos written", requests, "PUTs", "s3_per_put"),
    ]
    if provisioned_ms:
        name = f"provisioned_duration_{short}_per_gb_s"
        quantity = provisioned_ms / 1000 * gb / months
        items.append(_item(prices, "classifier's time, provisioned", quantity, "GB-s", name))
    if what.model_store == "s3":
        gets = 1 + -(-what.model_bytes // PART_BYTES)
        items.append(_item(prices, "model read", fetches * gets, "GETs", "s3_per_get"))
    return items


def warming_items(
    outcomes: Sequence[Outcome], what: Deployment, prices: PriceList, months: float
) -> list[Item]:
    """Return what keeping instances warm costs in a month. Init is billed since August 2025."""
    runs = sum(each.runs for each in outcomes) / months
    pings = sum(each.pings - each.pings_throttled for each in outcomes) / months
    pings_cold = sum(each.pings_cold for each in outcomes)
    billed_ms = sum(each.pings_billed_ms for each in outcomes)
    held_s = (billed_ms - pings_cold * what.unbilled_ms_per_cold) / 1000
    runs_s = sum(each.runs_s for each in outcomes) / months + runs * WARMER_OVERHEAD_S
    provisioned_s = sum(each.provisioned_instance_s for each in outcomes)
    short, gb = SHORT[what.architecture], what.memory_gb
    items = []
    if runs:
        items += [
            _item(prices, "wakeups", pings, "calls", "lambda_per_request"),
            _item(
                prices,
                "instances held by wakeups",
                held_s * gb / months,
                "GB-s",
                f"lambda_{short}_per_gb_s",
            ),
            _item(prices, "warmer's runs", runs, "calls", "lambda_per_request"),
            _item(
                prices, "warmer's time", runs_s * WARMER_MB / 1024, "GB-s", "lambda_arm_per_gb_s"
            ),
            _item(prices, "warmer's schedule", runs, "calls", "scheduler_per_invocation"),
        ]
    if provisioned_s:
        items.append(
            _item(
                prices,
                "provisioned concurrency",
                provisioned_s * gb / months,
                "GB-s",
                f"provisioned_{short}_per_gb_s",
            )
        )
    return items


def _item(prices: PriceList, name: str, quantity: float, unit: str, price: str) -> Item:
    return Item(name, quantity, unit, price, quantity * prices[price])
