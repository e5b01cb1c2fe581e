"""The monthly cost of a deployment, item by item, from a simulated outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
        quantity: quantity a month, in the unit.
        price: name of its price in the price list.
        usd: quantity times price, in USD.
        fixed: whether it does not grow with the users' traffic.
    """

    name: str
    quantity: float
    unit: str
    price: str
    usd: float
    fixed: bool = False


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The deployment that is paid for.

    Attributes:
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
            raise WarmlensError("bad_memory", f"memory of {self.memory_mb} MB: give 128 to 10240")
        if self.architecture not in SHORT:
            raise WarmlensError(
                "bad_architecture", f"architecture {self.architecture}: x86_64 or arm64"
            )
        if self.model_store not in STORAGE:
            raise WarmlensError(
                "bad_model_store", f"no cost of model store {self.model_store}: give image or s3"
            )

    @property
    def memory_gb(self) -> float:
        """The memory in the unit that is billed."""
        return self.memory_mb / 1024


def total_usd(items: Sequence[Item]) -> float:
    """Return the sum of the items."""
    return sum(item.usd for item in items)


def needed_prices(what: Deployment, warming: str) -> list[str]:
    """Return the names of the prices that a bill may need; warming is as in `Candidate`."""
    short = SHORT[what.architecture]
    names = ["rest_api_per_request", "lambda_per_request", f"lambda_{short}_per_gb_s"]
    names += ["s3_per_get", "s3_per_put", STORAGE[what.model_store]]
    if warming == "ping":
        names += ["lambda_arm_per_gb_s", "scheduler_per_invocation"]
    if warming == "provisioned":
        names += [f"provisioned_{short}_per_gb_s", f"provisioned_duration_{short}_per_gb_s"]
    return names


def monthly_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    """Return the cost of 30 days that are like the simulated ones.

    Raises:
        WarmlensError: a price is missing.
    """
    stored_gb = what.model_bytes / 1e9
    storage = priced(prices, "model's storage", stored_gb, "GB-month", STORAGE[what.model_store])
    fixed = [*warming_items(outcome, what, prices), storage]
    items = [*_user_items(outcome, what, prices), *(replace(item, fixed=True) for item in fixed)]
    return [item for item in items if item.quantity]


def _user_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    months, short = outcome.horizon_s / MONTH_S, SHORT[what.architecture]
    served, requests = outcome.served / months, outcome.requests / months
    billed_ms = outcome.billed_ms - outcome.cold * what.unbilled_ms_per_cold
    on_demand = billed_ms / 1000 * what.memory_gb / months
    provisioned = outcome.provisioned_billed_ms / 1000 * what.memory_gb / months
    time_price = f"lambda_{short}_per_gb_s"
    items = [
        priced(prices, "API calls", requests * API_CALLS, "calls", "rest_api_per_request"),
        priced(prices, "classifier's calls", served, "calls", "lambda_per_request"),
        priced(prices, "uploads' calls", requests, "calls", "lambda_per_request"),
        priced(prices, "classifier's time on demand", on_demand, "GB-s", time_price),
        priced(prices, "photos read", served, "GETs", "s3_per_get"),
        priced(prices, "photos written", requests, "PUTs", "s3_per_put"),
    ]
    if provisioned:
        price = f"provisioned_duration_{short}_per_gb_s"
        items.append(priced(prices, "classifier's time, provisioned", provisioned, "GB-s", price))
    if what.model_store == "s3":
        fetches = (outcome.cold + outcome.pings_cold) / months
        gets = fetches * (1 + -(-what.model_bytes // PART_BYTES))
        items.append(priced(prices, "model read", gets, "GETs", "s3_per_get"))
    return items


def warming_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    """Return the monthly cost of keeping instances warm. Init is billed since August 2025."""
    months, short = outcome.horizon_s / MONTH_S, SHORT[what.architecture]
    runs, items = outcome.runs / months, []
    if runs:
        pings = (outcome.pings - outcome.pings_throttled) / months
        billed_ms = outcome.pings_billed_ms - outcome.pings_cold * what.unbilled_ms_per_cold
        held = billed_ms / 1000 * what.memory_gb / months
        warmer = (outcome.runs_s / months + runs * WARMER_OVERHEAD_S) * WARMER_MB / 1024
        items += [
            priced(prices, "wakeups", pings, "calls", "lambda_per_request"),
            priced(prices, "instances held by wakeups", held, "GB-s", f"lambda_{short}_per_gb_s"),
            priced(prices, "warmer's runs", runs, "calls", "lambda_per_request"),
            priced(prices, "warmer's time", warmer, "GB-s", "lambda_arm_per_gb_s"),
            priced(prices, "warmer's schedule", runs, "calls", "scheduler_per_invocation"),
        ]
    if outcome.provisioned_instance_s:
        gb_s = outcome.provisioned_instance_s * what.memory_gb / months
        price = f"provisioned_{short}_per_gb_s"
        items.append(priced(prices, "provisioned concurrency", gb_s, "GB-s", price))
    return items


def priced(prices: PriceList, name: str, quantity: float, unit: str, price: str) -> Item:
    """Return an item of the bill.

    Raises:
        WarmlensError: its price is missing.
    """
    return Item(name, quantity, unit, price, quantity * prices[price])
