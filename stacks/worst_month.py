"""The worst month of an environment: the most that callers with its key can spend.

Each item is an upper bound of its own: calls come at the highest rate for a whole month, each one
is a cold start that takes all the time and memory it may, and every upload is as large as allowed.
`docs/cost-ceiling.md` lists the costs that no setting bounds, which are left out.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.prices import DEFAULT_REGION, SHORT, RegionPrices

if TYPE_CHECKING:
    from stacks.settings import Settings

MONTH_DAYS = 30
MONTH_S = MONTH_DAYS * 86_400
INIT_S = 10
"""Maximum of an init, which is billed beside the call's own time: Lambda developer guide,
"Understanding the Lambda execution environment lifecycle"."""
PART_BYTES = 4 * 2**20  # lambda_src/classifier/download.py
MODEL_BYTES = 110 * 10**6
"""Of a model, which each cold start reads: above the largest that is shipped."""
UPLOADS_S, UPLOADS_GB = 10, 0.25  # stacks/constructs/uploads.py
WARMER_OVERHEAD_S, WARMER_GB, WARMER_RUNS = 30, 0.5, 2  # stacks/warming.py; a failed run is retried
HTTP_API_UNITS = 20
"""Of 512 KB, in which HTTP APIs are billed: they take up to 10 MB, though a function takes 6 (API
Gateway developer guide, "Quotas for configuring and running an HTTP API")."""
CALL_LOG_BYTES, ACCESS_LOG_BYTES, WAF_LOG_BYTES = 3_000, 1_000, 14_000
"""Lines of the functions and Lambda; of API Gateway; of the web ACL, which logs all headers: API
Gateway takes up to 10,240 bytes of them."""
ANSWER_BYTES, MODEL_ANSWER_BYTES = 10_000, 50_000
"""An answer of `/model` has the names of all classes; those of the shipped models are smaller."""
WEB_ACL_RULES, METRICS, ALARMS, STORED_GB = 5, 15, 20, 10


@dataclass(frozen=True)
class Item:
    """One line of the worst month.

    Attributes:
        name: what is paid for.
        usd: highest cost of 30 days, in USD.
        lower: settings that lower it, most effective first.
    """

    name: str
    usd: float
    lower: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Calls:
    """The most calls in a month: with a key, some kinds of these, and preflights without one."""

    keyed: float
    uploads: float
    models: float
    preflights: float

    @property
    def all(self) -> float:
        return self.keyed + self.preflights


def worst_month(settings: "Settings", region: str | None = None) -> list[Item]:
    """Return the items of an environment's worst month, the largest first.

    Args:
        settings: settings of the environment.
        region: region whose prices are taken, and those of us-east-1 where they are not known;
            None takes that of the settings.
    """
    return _items(settings, _prices(settings, region))


def _prices(settings: "Settings", region: str | None) -> RegionPrices:
    return RegionPrices(region or settings.region or DEFAULT_REGION)


def _items(settings: "Settings", prices: RegionPrices) -> list[Item]:
    calls = _calls(settings)
    items = [
        *_classifier_items(settings, calls, prices),
        *_around_calls(settings, calls, prices),
        *_upload_items(settings, calls, prices),
        *_warming_items(settings, prices),
        *_fixed_items(settings, prices),
    ]
    return sorted((item for item in items if item.usd), key=lambda item: -item.usd)


def total_usd(items: list[Item]) -> int:
    """Return the sum of items, in whole dollars, rounded up."""
    return math.ceil(sum(item.usd for item in items))


def budget_refusal(settings: "Settings", region: str) -> str | None:
    """Return what is wrong with `budget_usd`; None if the worst month does not exceed it.

    Args:
        settings: settings of the environment.
        region: region whose prices are taken, as by :func:`worst_month`.
    """
    if settings.budget_usd is None:
        return None
    if settings.image_expiry_days is None:
        return "allowed is None, since image_expiry_days = None keeps uploads for ever"
    prices = _prices(settings, region)
    items = _items(settings, prices)
    total = total_usd(items)
    if total <= settings.budget_usd:
        return None
    largest = items[:3]
    costs = ", ".join(f"{item.name} {math.ceil(item.usd):,}" for item in largest)
    note = f" ({prices.note})" if prices.note else ""
    return (
        f"allowed is at least {total}, the worst month of these settings in USD{note}, most of it "
        f"{costs}; {_ways_out(settings, largest)} (docs/cost-ceiling.md)"
    )


def _ways_out(settings: "Settings", items: list[Item]) -> str:
    """Return what to do about the most expensive items, or about the budget, in words."""
    ways: dict[str, list[str]] = {"lower": [], "turn off": [], "raise": []}
    for name in dict.fromkeys(name for item in items for name in item.lower[:2]):
        value = getattr(settings, name)
        if value is True:
            ways["turn off"].append(name)
        elif value is not False:
            ways["raise" if name == "warming_period_min" else "lower"].append(name)
    ways["raise"].append("budget_usd")
    *others, last = (f"{verb} {', '.join(names)}" for verb, names in ways.items() if names)
    return f"{', '.join(others)}, or {last}" if others else last


def worst_month_tables(all_settings: tuple["Settings", ...]) -> str:
    """Return a Markdown table of the worst month of each environment, for docs/cost-ceiling.md."""
    parts = []
    for settings in all_settings:
        prices = _prices(settings, None)
        items = _items(settings, prices)
        head = f"### `{settings.env_name}`: ${total_usd(items):,} a month at most"
        rows = [
            f"| {item.name} | {item.usd:,.2f} | {', '.join(f'`{each}`' for each in item.lower)} |"
            for item in items
        ]
        note = [f"Prices of {prices.note}.", ""] if prices.note else []
        table = ["| item | USD | lowered by |", "| --- | --- | --- |", *rows]
        parts.append("\n".join([head, "", *note, *table]))
    return "\n\n".join(parts)


def _calls(settings: "Settings") -> _Calls:
    """Return the most calls that the API lets through in a month.

    Each method has a limit of its own, which is the stage's where it has no other; a key's usage
    plan limits all of its calls together: API Gateway developer guide, "Throttle requests to your
    REST APIs".
    """
    # Uploads and deletions have the same rate, counted apart; so have wakeups and calls of /model.
    uploads_rps = 2 * settings.throttle_uploads_rps
    wakeup_rps = settings.throttle_wakeup_rps
    rate_rps = settings.throttle_rate_rps + 2 * wakeup_rps + uploads_rps
    if settings.auth == "api_key":
        rate_rps = min(rate_rps, settings.throttle_rate_rps)
    keyed = float(rate_rps * MONTH_S)
    if settings.daily_quota is not None:
        keyed = min(keyed, settings.daily_quota * MONTH_DAYS)
    # The root, and each of four paths; a browser asks without the key.
    preflights = 5 * settings.throttle_rate_rps * MONTH_S if settings.cors_origins else 0
    uploads, models = (min(keyed, rps * MONTH_S) for rps in (uploads_rps, wakeup_rps))
    return _Calls(keyed, uploads, models, preflights)


def _classifier_items(settings: "Settings", calls: _Calls, prices: RegionPrices) -> list[Item]:
    """Return the classifier's items. A call reaches it at most once: an upload may wake it."""
    gigabytes, short = settings.memory_mb / 1024, SHORT[settings.architecture]
    of_calls, pinged = calls.keyed * (settings.timeout_s + INIT_S), _pinged_s(settings)
    reserved = settings.reserved_concurrency
    most = math.inf if reserved is None else float(reserved * MONTH_S)
    seconds = min(of_calls + pinged, most)
    limits = ("daily_quota", "reserved_concurrency", "throttle_rate_rps", "timeout_s", "memory_mb")
    warm = ("warm_instances", "warming_period_min") if pinged and of_calls < most else ()
    limits = (*warm, *limits) if pinged > of_calls else (*limits, *warm)
    starts = calls.keyed
    gets = math.ceil(settings.max_image_bytes / PART_BYTES)
    items = [
        Item(
            "the classifier's time",
            seconds * gigabytes * prices[f"lambda_{short}_per_gb_s"],
            limits,
        )
    ]
    if settings.model_store == "s3":
        gets += math.ceil(MODEL_BYTES / PART_BYTES)
    if settings.model_store == "efs":
        read_gb = starts * MODEL_BYTES / 1e9
        items.append(
            Item("models read by EFS", read_gb * prices["efs_read_per_gb"], ("daily_quota",))
        )
    if settings.warming == "snapstart":
        restored = starts * gigabytes * prices["snapstart_restore_per_gb"]
        items.append(Item("snapshots restored", restored, ("daily_quota", "memory_mb")))
    reads = Item(
        "reads of S3", starts * gets * prices["s3_per_get"], ("daily_quota", "throttle_rate_rps")
    )
    return [*items, reads]


def _pinged_s(settings: "Settings") -> float:
    """Return the most seconds for which warming rounds hold instances."""
    held_s = settings.warming_budget_s + settings.max_hold_ms / 1000 + INIT_S
    return _rounds(settings) * held_s * _mean_warm(settings)


def _mean_warm(settings: "Settings") -> float:
    return sum(settings.warm_by_hour) / len(settings.warm_by_hour)


def _around_calls(settings: "Settings", calls: _Calls, prices: RegionPrices) -> list[Item]:
    rates = ("daily_quota", "throttle_rate_rps")
    log_bytes = calls.keyed * CALL_LOG_BYTES
    if settings.access_logs:
        log_bytes += calls.all * (ACCESS_LOG_BYTES + WAF_LOG_BYTES * settings.waf)
    months = settings.log_retention_days / MONTH_DAYS
    per_log_gb = prices["logs_per_gb"] + months * prices["logs_storage_per_gb_month"]
    of_models = calls.models * (MODEL_ANSWER_BYTES - ANSWER_BYTES)
    answers_gb = (calls.keyed * ANSWER_BYTES + of_models) / 1e9
    api_price = prices[f"{settings.api}_api_per_request"]
    if settings.api == "http":
        api_price *= HTTP_API_UNITS
    items = [
        Item("API calls", calls.all * api_price, rates),
        Item("calls of functions", 2 * calls.keyed * prices["lambda_per_request"], rates),
        Item("answers", answers_gb * prices["data_out_per_gb"], rates),
        Item("logs", log_bytes / 1e9 * per_log_gb, (*rates, "log_retention_days", "access_logs")),
    ]
    if settings.waf:
        items.append(
            Item("requests that the web ACL sees", calls.all * prices["waf_per_request"], rates)
        )
    if settings.web:
        each = prices["cloudfront_per_request"] + prices["cloudfront_function_per_call"]
        items.append(Item("calls by CloudFront", calls.keyed * each, rates))
    if settings.traced_share:
        # The rule is for what the API begins; Lambda may trace all wakes and the warmer's runs.
        traces = settings.traced_share * calls.all + _wakes(settings, calls) + _rounds(settings)
        items.append(Item("traces", traces * prices["xray_per_trace"], ("tracing", *rates)))
    return items


def _wakes(settings: "Settings", calls: _Calls) -> float:
    return calls.uploads if settings.wakes_ahead else 0


def _rounds(settings: "Settings") -> float:
    """Return the runs of the warmer, repeated ones included."""
    if settings.warming != "ping":
        return 0
    return MONTH_S / (settings.warming_period_min * 60) * WARMER_RUNS


def _upload_items(settings: "Settings", calls: _Calls, prices: RegionPrices) -> list[Item]:
    limits = ("throttle_uploads_rps", "daily_quota", "image_expiry_days", "max_image_bytes")
    # Half of the calls at this rate are deletions, if they come at the highest rate.
    uploads = min(calls.uploads, settings.throttle_uploads_rps * MONTH_S)
    # S3 deletes at the midnight that follows; without an expiry this is the first month's end.
    days = MONTH_DAYS if settings.image_expiry_days is None else settings.image_expiry_days + 1
    stored_gb = uploads / MONTH_DAYS * days * settings.max_image_bytes / 1e9
    signed_gb_s = calls.uploads * (UPLOADS_S + INIT_S) * UPLOADS_GB
    return [
        Item("uploads kept in S3", stored_gb * prices["s3_per_gb_month"], limits),
        Item("writes to S3", uploads * prices["s3_per_put"], limits[:2]),
        Item(
            "the uploads function's time", signed_gb_s * prices["lambda_arm_per_gb_s"], limits[:2]
        ),
    ]


def _warming_items(settings: "Settings", prices: RegionPrices) -> list[Item]:
    gigabytes, short = settings.memory_mb / 1024, SHORT[settings.architecture]
    limits = ("warm_instances", "memory_mb")
    if settings.warming == "provisioned":
        gb_s = _mean_warm(settings) * MONTH_S * gigabytes
        price = prices[f"provisioned_{short}_per_gb_s"]
        return [Item("provisioned concurrency", gb_s * price, limits)]
    if settings.warming == "snapstart":
        price = prices["snapstart_cache_per_gb_s"]
        return [Item("snapshot of one version", MONTH_S * gigabytes * price, ("memory_mb",))]
    if settings.warming == "ping":
        runs = _rounds(settings)
        gb_s = runs * (settings.warming_budget_s + WARMER_OVERHEAD_S) * WARMER_GB
        usd = gb_s * prices["lambda_arm_per_gb_s"] + runs * prices["scheduler_per_invocation"]
        return [Item("the warmer", usd, ("warming_period_min", "warming_budget_s"))]
    return []


def _fixed_items(settings: "Settings", prices: RegionPrices) -> list[Item]:
    items = [Item("models and images", STORED_GB * prices["ecr_per_gb_month"])]
    if settings.waf:
        rules = WEB_ACL_RULES * prices["waf_rule_per_month"]
        items.append(Item("the web ACL", prices["waf_acl_per_month"] + rules, ("waf",)))
    watched = METRICS * prices["metric_per_month"]
    if settings.monitoring:
        watched += ALARMS * prices["alarm_per_month"] + prices["dashboard_per_month"]
    items.append(Item("metrics, alarms, dashboard", watched, ("monitoring",)))
    if settings.model_store == "efs":
        items.append(Item("files in EFS", STORED_GB * prices["efs_per_gb_month"]))
    return items
