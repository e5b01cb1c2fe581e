"""Figures of the short answers in the docs, by name, from prices and records."""

from dataclasses import replace

from lab.bench.cases import CASES as TRAFFIC
from lab.bench.cases import OBJECTIVE
from lab.cold_start import first_visit_s, one_vcpu, one_vcpu_s3
from lab.costs_at_rest import DEV, idle_dev, whole_at_rest
from lab.kept_records import kept_records
from lab.photo_costs import (
    HTTP_IN_CALL,
    IN_CALL,
    MEMORY_MB,
    PHOTOS,
    PRICES,
    UPLOAD,
    usd_per_million,
)
from warmlens.planner.at_rest import at_rest_items
from warmlens.planner.bill import less_free_tier, total_usd
from warmlens.planner.photo import Usage, photo_items

_LARGE = "1,000 a second"
_WAKEUP_S = 0.003  # of an idle instance: decision 99


def costs() -> dict[str, str]:
    """Return the costs that answers name, in USD.

    A month without a call (`dev`, `prod`, and `dev_paid`, `prod_paid` without the free tier;
    `dev_called` without it and with calls in each hour), and a million photos (`in_call`,
    `upload`, `http`, and `page` with the page and its web ACL; `woken` with a wakeup for each).
    """
    dev, whole = idle_dev(), whole_at_rest()
    sums = {
        "dev": total_usd(less_free_tier(dev, PRICES)),
        "dev_paid": total_usd(dev),
        "dev_called": total_usd(at_rest_items(DEV, PRICES)),
        "prod": total_usd(less_free_tier(whole, PRICES)),
        "prod_paid": total_usd(whole),
        "in_call": usd_per_million(IN_CALL),
        "upload": usd_per_million(UPLOAD),
        "woken": usd_per_million(IN_CALL) + wakeups_usd(),
        "http": usd_per_million(HTTP_IN_CALL),
        "page": usd_per_million(replace(IN_CALL, page=True, waf=True)),
    }
    return {name: f"${usd:.2f}" for name, usd in sums.items()}


def wakeups_usd() -> float:
    """Return the cost of a million wakeups of idle instances."""
    gb_s = PHOTOS * _WAKEUP_S * MEMORY_MB / 1024
    return total_usd(photo_items(Usage(photos=PHOTOS, gb_s=gb_s), IN_CALL, PRICES))


def waits() -> dict[str, str]:
    """Return the waits that answers name, in seconds.

    A cold start on AWS (`image`, `s3`), and visits (`later`, `first`, `at_once`) where Lambda's own
    part takes `slowest`.
    """
    speed = kept_records("speed")
    later, first, at_once, slowest_s = first_visit_s(kept_records("first-visitor"))
    return {
        "image": one_vcpu(speed).on_aws_s,
        "s3": one_vcpu_s3(speed).on_aws_s,
        "later": f"{later:.2f}",
        "first": f"{first:.2f}",
        "at_once": f"{at_once:.2f}",
        "slowest": f"{slowest_s:g}",
    }


def steady_load() -> dict[str, str]:
    """Return the plan for 1,000 photos a second all day: `plan`, `usd` a month, `command`."""
    (found,) = (
        each
        for each in kept_records("planner-cases")
        if (each.conditions.get("case"), each.metric, each.conditions.get("rank"))
        == (_LARGE, "cost_usd_per_month", "chosen")
    )
    return {
        "plan": found.name,
        "usd": f"${found.value:,.0f}",
        "command": f"warmlens plan {TRAFFIC[_LARGE]} {OBJECTIVE}",
        "date": found.date,
    }
