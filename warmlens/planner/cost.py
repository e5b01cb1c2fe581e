"""The monthly cost of a deployment, item by item, from a simulated outcome."""

from dataclasses import dataclass, field, replace

from warmlens.errors import WarmlensError
from warmlens.planner import photo
from warmlens.planner.bill import Item, Part, less_free_tier, priced
from warmlens.planner.outcome import Outcome
from warmlens.planner.photo import MONTH_S, PhotoBy, Usage, Way, photo_items
from warmlens.prices import PriceList

WARMER_MB = 512  # stacks/warming.py
WARMER_OVERHEAD_S = 0.5  # assumed: its own start, DryRun calls and answers
PART_BYTES = 4 * 2**20  # lambda_src/classifier/download.py
SHORT = {"x86_64": "x86", "arm64": "arm"}
SNAPSTART_PRICES = ("snapstart_cache_per_gb_s", "snapstart_restore_per_gb")
STORAGE = {"image": "ecr_per_gb_month", "s3": "s3_per_gb_month"}


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The deployment that is paid for.

    Attributes:
        architecture: `x86_64` or `arm64`.
        model_store: `image` or `s3`.
        model_bytes: size of the model's files.
        snapstart: whether instances start from a snapshot.
        way: the way of users' photos.
        free_tier: whether the part of AWS's free tier that does not end is taken off.

    Raises:
        WarmlensError: a value is not allowed.
    """

    memory_mb: int
    architecture: str = "x86_64"
    model_store: str = "image"
    model_bytes: int = 0
    snapstart: bool = False
    way: Way = field(default_factory=Way)
    free_tier: bool = False

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


def needed_prices(what: Deployment, warming: str) -> list[str]:
    """Return the names of the prices that a bill may need; warming is as in `Candidate`."""
    short = SHORT[what.architecture]
    names = [*photo.needed_prices(what.way), f"lambda_{short}_per_gb_s", STORAGE[what.model_store]]
    if what.model_store == "s3":
        names.append("s3_per_get")
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
        *_around_wakes(outcome, what, prices),
        replace(storage, fixed=True),
    ]
    items = [item for item in items if item.quantity]
    return less_free_tier(items, prices) if what.free_tier else items


def _user_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    months = outcome.horizon_s / MONTH_S
    usage = Usage(
        photos=outcome.requests / months,
        classified=outcome.served / months,
        gb_s=outcome.billed_ms / 1000 * what.memory_gb / months,
        provisioned_gb_s=outcome.provisioned_billed_ms / 1000 * what.memory_gb / months,
        architecture=SHORT[what.architecture],
    )
    items = photo_items(usage, what.way, prices)
    if what.model_store == "s3":
        # With SnapStart, the snapshot has the model: one instance fetched it, once.
        fetches = 0.0 if what.snapstart else outcome.instances / months
        gets = fetches * (1 + -(-what.model_bytes // PART_BYTES))
        items.append(priced(prices, "model read", gets, "GETs", "s3_per_get"))
    return items


def _around_wakes(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    """Return what wakes ahead cost beside the API's calls and the instances.

    Where photos are uploaded, a page that opens also starts the uploads function.
    """
    months, way = outcome.horizon_s / MONTH_S, what.way
    by_page, by_uploads = outcome.page_wakes / months, outcome.wakes - outcome.page_wakes
    lines = [
        *photo.call_lines(by_page * way.calls, replace(way, photo=PhotoBy.CALL, photo_bytes=1)),
        *photo.wake_lines(by_uploads / months, way),
    ]
    if way.photo is PhotoBy.UPLOAD:
        lines += photo.uploads_lines(by_page)
    return [
        replace(priced(prices, f"wakes ahead: {name}", quantity, unit, price), part=Part.WARMING)
        for name, quantity, unit, price in lines
    ]


def warming_items(outcome: Outcome, what: Deployment, prices: PriceList) -> list[Item]:
    """Return the monthly cost of warming. Init is billed since August 2025."""
    fixed = [
        *_warmer_items(outcome, what, prices),
        *_provisioned_items(outcome, what, prices),
        *_snapshot_items(what, prices),
    ]
    items = [
        *(replace(item, fixed=True) for item in fixed),
        *_wake_items(outcome, what, prices),
        *_restore_items(outcome, what, prices),
    ]
    return [replace(item, part=Part.WARMING) for item in items]


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
    calls = outcome.page_wakes * what.way.calls / months
    served = (outcome.wakes - outcome.wakes_throttled) / months
    gb_s = outcome.wakes_billed_ms / 1000 * what.memory_gb / months
    time_price = f"lambda_{SHORT[what.architecture]}_per_gb_s"
    api = f"{what.way.api}_api_per_request"
    return [
        priced(prices, "wakes ahead: API calls", calls, "calls", api),
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
