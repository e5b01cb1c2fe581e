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
SNAPSTART_PRICES = ("snapstart_cache_per_gb_s", "snapstart_restore_per_gb")
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
        snapstart: whether instances start from a snapshot.

    Raises:
        WarmlensError: a value is not allowed.
    """

    memory_mb: int
    architecture: str = "x86_64"
    model_store: str = "image"
    model_bytes: int = 0
    snapstart: bool = False

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
    if warming == "snapstart":
        names += SNAPSTART_PRICES
    if "ping" in warming:
        names += ["lambda_arm_per_gb_s", "scheduler_per_invocation"]
    if warming == "provisioned":
        names += [f"provisioned_{short}_per_gb_s", f"provisioned_duration_{short}_per_gb_s"]
    return names


def snapstart_priced(prices: PriceList) -> bool:
    """Return whether the prices of SnapStart are known."""
    return all(name in prices.prices for name in SNAPSTART_PRICES)


def monthly_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    """Return the cost of 30 days that are like the simulated ones.

    Raises:
        WarmlensError: a price is missing.
    """
    stored_gb = what.model_bytes / 1e9
    storage = priced(prices, "model's storage", stored_gb, "GB-month", STORAGE[what.model_store])
    items = [
        *_user_items(outcome, what, prices),
        *warming_items(outcome, what, prices),
        replace(storage, fixed=True),
    ]
    return [item for item in items if item.quantity]


def _user_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    months, short = outcome.horizon_s / MONTH_S, SHORT[what.architecture]
    served, requests = outcome.served / months, outcome.requests / months
    on_demand = outcome.billed_ms / 1000 * what.memory_gb / months
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
        # With SnapStart, the snapshot has the model: one instance fetched it, once.
        fetches = 0.0 if what.snapstart else outcome.instances / months
        gets = fetches * (1 + -(-what.model_bytes // PART_BYTES))
        items.append(priced(prices, "model read", gets, "GETs", "s3_per_get"))
    return items


def warming_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    """Return the monthly cost of warming. Init is billed since August 2025."""
    fixed = [
        *_warmer_items(outcome, what, prices),
        *_provisioned_items(outcome, what, prices),
        *_snapshot_items(what, prices),
    ]
    return [
        *(replace(item, fixed=True) for item in fixed),
        *_wake_items(outcome, what, prices),
        *_restore_items(outcome, what, prices),
    ]


def _warmer_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    months, short = outcome.horizon_s / MONTH_S, SHORT[what.architecture]
    runs = outcome.runs / months
    if not runs:
        return []
    pings = (outcome.pings - outcome.pings_throttled) / months
    held = outcome.pings_billed_ms / 1000 * what.memory_gb / months
    warmer = (outcome.runs_s / months + runs * WARMER_OVERHEAD_S) * WARMER_MB / 1024
    return [
        priced(prices, "wakeups", pings, "calls", "lambda_per_request"),
        priced(prices, "instances held by wakeups", held, "GB-s", f"lambda_{short}_per_gb_s"),
        priced(prices, "warmer's runs", runs, "calls", "lambda_per_request"),
        priced(prices, "warmer's time", warmer, "GB-s", "lambda_arm_per_gb_s"),
        priced(prices, "warmer's schedule", runs, "calls", "scheduler_per_invocation"),
    ]


def _provisioned_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    if not outcome.provisioned_instance_s:
        return []
    gb_s = outcome.provisioned_instance_s * what.memory_gb * MONTH_S / outcome.horizon_s
    price = f"provisioned_{SHORT[what.architecture]}_per_gb_s"
    return [priced(prices, "provisioned concurrency", gb_s, "GB-s", price)]


def _wake_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    """A wake of the page is a call of the API, that of the uploads function is not."""
    if not outcome.wakes:
        return []
    months = outcome.horizon_s / MONTH_S
    calls, served = outcome.page_wakes / months, (outcome.wakes - outcome.wakes_throttled) / months
    gb_s = outcome.wakes_billed_ms / 1000 * what.memory_gb / months
    time_price = f"lambda_{SHORT[what.architecture]}_per_gb_s"
    return [
        priced(prices, "wakes ahead: API calls", calls, "calls", "rest_api_per_request"),
        priced(prices, "wakes ahead", served, "calls", "lambda_per_request"),
        priced(prices, "instances woken ahead", gb_s, "GB-s", time_price),
    ]


def _snapshot_items(what: Deployment, prices: PriceList) -> list[Item]:
    if not what.snapstart:
        return []
    gb_s = what.memory_gb * MONTH_S
    return [priced(prices, "snapshot of one version", gb_s, "GB-s", "snapstart_cache_per_gb_s")]


def _restore_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    if not what.snapstart:
        return []
    restored_gb = outcome.instances * what.memory_gb * MONTH_S / outcome.horizon_s
    return [priced(prices, "snapshots restored", restored_gb, "GB", "snapstart_restore_per_gb")]


def priced(prices: PriceList, name: str, quantity: float, unit: str, price: str) -> Item:
    """Return an item of the bill.

    Raises:
        WarmlensError: its price is missing.
    """
    return Item(name, quantity, unit, price, quantity * prices[price])
