"""The fixed costs of an environment, as tables and sentences for the docs."""

from dataclasses import replace

from lab.bench.warming.workloads import PROGRAM_S
from lab.kept_records import kept_records
from lab.markdown import wrapped
from lab.photo_costs import MEMORY_MB, PRICES
from warmlens.planner.at_rest import (
    ALARMS,
    OWN_METRICS,
    WARMER_METRICS,
    WEB_ACL_RULES,
    AtRest,
    at_rest_items,
)
from warmlens.planner.bill import Item, less_free_tier, total_usd
from warmlens.planner.photo import MONTH_S
from warmlens.registry.pruning import KEPT

DEV = AtRest(metrics=OWN_METRICS, alarms=8, image_gb=0.3, stored_gb=0.1)
"""The fixed parts of the environment dev; tests count its alarms and metrics."""
WARM_ALARMS = 4
"""Alarms that a warmer adds; tests count them."""
ROUND_METRICS = WARMER_METRICS + 1
"""Own metrics without a call: the warmer's, and `Fault`, which the classifier also writes for a
wakeup. The others are billed in hours with calls only."""
_AT_REST = {
    "container images": ("container image in ECR", "some 0.3 GB for each image pushed"),
    "models and the page": ("model, page and CDK's files in S3", "about 0.1 GB"),
    "alarms": ("alarms", "8; free tier: 10"),
    "dashboard": ("dashboard", "1; free tier: 3"),
    "own metrics": (
        "own metrics",
        "8 of the classifier (2 of them for [what it recognizes](metrics.md#of-the-classifier)) "
        "and 1 of `uploads`, billed only in hours with calls; free tier: 10",
    ),
}


def at_rest_table() -> str:
    """Return the table of docs/deploy.md on what an environment costs at rest."""
    lines = [
        "| what | in `dev` | USD each | USD a month, less the free tier | and without it |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    items = {item.name: item for item in at_rest_items(DEV, PRICES)}
    left = {item.name: item for item in less_free_tier(list(items.values()), PRICES)}
    for name, (what, has) in _AT_REST.items():
        item, each = items[name], PRICES[items[name].price]
        lines.append(f"| {what} | {has} | {each:g} | {left[name].usd:.2f} | {item.usd:.2f} |")
    return "\n".join(lines)


def warming_table() -> str:
    """Return the table of docs/choices.md on the kinds of warming."""
    rows = [
        ("`off`", "an occasional cold start is fine: tests, background work", "0"),
        (
            "`ping` (default)",
            "people wait, few calls come at once, and most of them should be warm",
            f"{pinged_usd(5):.2f} ([simulated](warming.md#chosen-hold-and-number))",
        ),
        (
            "`snapstart`",
            "every start should be short, however many users come at once, and none need be warm",
            f"{snapshot_usd():.2f} for each version that is kept, and {restored_usd(1_000):.2f} "
            "for 1,000 starts",
        ),
        (
            "`provisioned`",
            "no call within the provisioned concurrency may be cold, and that is worth its price",
            f"{provisioned_usd(5):.2f}",
        ),
    ]
    lines = [
        "| `warming` | choose it when | five instances, USD a month |",
        "| --- | --- | ---: |",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def added_table() -> str:
    """Return the table of docs/deploy.md on what settings add."""
    acl_usd = total_usd(at_rest_items(_acl(), PRICES))
    rows = [
        (
            "five instances kept warm by ping",
            '`warming="ping"`, `warm_instances=5`; [simulated](warming.md#chosen-hold-and-number)',
            f"{pinged_usd(5):.2f}",
        ),
        (
            "five instances kept warm by provisioned concurrency",
            '`warming="provisioned"`, `warm_instances=5`',
            f"{provisioned_usd(5):.2f}",
        ),
        (
            "a snapshot of each version that is kept",
            f'`warming="snapstart"`; 1,000 starts from it: ${restored_usd(1_000):.2f}',
            f"{snapshot_usd():.2f}",
        ),
        (
            "web ACL",
            f"`waf=True`: ${PRICES['waf_acl_per_month']:g} for the list and "
            f"${PRICES['waf_rule_per_month']:g} for each of its rules",
            f"{acl_usd:.2f}",
        ),
        (
            "metrics that warming writes, without the free tier",
            f'`warming="ping"`: {ROUND_METRICS}',
            f"{ROUND_METRICS * PRICES['metric_per_month']:.2f}",
        ),
        (
            f"{ALARMS - DEV.alarms} alarms more than `dev`, without the free tier",
            "`deployment`, `warming`, `waf`",
            f"{(ALARMS - DEV.alarms) * PRICES['alarm_per_month']:.2f}",
        ),
        (
            "model on EFS, too",
            f'`model_store="efs"`: ${PRICES["efs_per_gb_month"]:.2f} a GB; its S3 endpoint is free',
            f"{0.024 * PRICES['efs_per_gb_month']:.2f}",
        ),
    ]
    lines = ["| what | setting | USD a month |", "| --- | --- | ---: |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def rest_sentence() -> str:
    """Return the sentence of docs/deploy.md on staging and prod at rest."""
    acl = at_rest_items(_acl(), PRICES)
    whole = whole_at_rest()
    free = less_free_tier(whole, PRICES)
    return wrapped(
        f"Without traffic, `staging` and `prod` cost ${total_usd(free):.2f} a month each, plus the "
        f"ping. ${total_usd(acl):.2f} of it are the web ACL, which `waf=False` removes. If "
        f"CloudWatch's free tier is used up, they cost ${total_usd(whole):.2f}: each has {ALARMS} "
        f"alarms, and {ROUND_METRICS} own metrics that warming writes. The other own metrics are "
        "billed only in hours with calls."
    )


def warm_sentence() -> str:
    """Return the sentence of docs/deploy.md on dev at rest with warm instances."""
    free = total_usd(less_free_tier(warm_dev(), PRICES))
    return wrapped(
        f"Without a call, `dev` with two warm instances costs ${free:.2f} a month with AWS's free "
        f"tier and ${total_usd(warm_dev()):.2f} without it ([why](#what-it-costs-without-traffic)),"
        f" plus cents for the pings."
    )


def idle_dev() -> list[Item]:
    """Return the items of dev in a month without a call."""
    return at_rest_items(replace(DEV, metrics=0), PRICES)


def warm_dev() -> list[Item]:
    """Return the items of dev with a warmer in a month without a call, without the pings."""
    warm = replace(DEV, metrics=ROUND_METRICS, alarms=DEV.alarms + WARM_ALARMS)
    return at_rest_items(warm, PRICES)


def whole_at_rest() -> list[Item]:
    """Return the items of staging and prod at rest, without the instances kept warm by pings."""
    return at_rest_items(AtRest(web_acl_rules=WEB_ACL_RULES, metrics=ROUND_METRICS), PRICES)


def _acl() -> AtRest:
    return AtRest(web_acl_rules=WEB_ACL_RULES, metrics=0, alarms=0, dashboards=0)


def pinged_usd(instances: int) -> float:
    """Return the simulated cost of instances kept by pings in a month, without wakes ahead."""
    (found,) = (
        each.value
        for each in kept_records("chosen")
        if (each.name, each.metric) == (f"{instances} by hand", "warming_usd_per_month")
        and each.conditions["within_s"] == PROGRAM_S
    )
    return found


def provisioned_usd(instances: int) -> float:
    """Return the cost of provisioned concurrency in a month, without its calls."""
    return instances * MONTH_S * MEMORY_MB / 1024 * PRICES["provisioned_x86_per_gb_s"]


def snapshot_usd() -> float:
    """Return the cost of the snapshot of one version in a month."""
    return MONTH_S * MEMORY_MB / 1024 * PRICES["snapstart_cache_per_gb_s"]


def restored_usd(starts: int) -> float:
    """Return the cost of starts from a snapshot."""
    return starts * MEMORY_MB / 1024 * PRICES["snapstart_restore_per_gb"]


def snapshot_sentences() -> str:
    """Return the paragraph of docs/warming.md on the snapshots of SnapStart."""
    return wrapped(
        "Each published version has a snapshot, which is billed until the version is deleted, for "
        f"at least three hours, used or not. In us-east-1 at {MEMORY_MB:,} MB, it costs "
        f"${snapshot_usd():.2f} a month, and 1,000 starts from it cost ${restored_usd(1_000):.2f}. "
        "Deploys delete no version, and `warmlens model serve` keeps the newest ten: "
        f"${KEPT * snapshot_usd():.0f} a month."
    )
