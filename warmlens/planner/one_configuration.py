"""The commands `warmlens plan simulate` and `plan cost`, for one configuration."""

import json
import resource
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from warmlens.console import out
from warmlens.errors import WarmlensError
from warmlens.planner import options as o
from warmlens.planner.bill import Item, total_usd
from warmlens.planner.budget import require_affordable, warn_if_slow
from warmlens.planner.candidates import Candidate, wakes_ahead
from warmlens.planner.cost import monthly_items, needed_prices
from warmlens.planner.outcome import Outcomes
from warmlens.planner.photo import MONTH_S
from warmlens.planner.report import FREE_TIER, at_rest_line, cost_records
from warmlens.planner.scenario import HOUR_S
from warmlens.planner.service_times import pick
from warmlens.planner.simulate import resolve_backend, simulate
from warmlens.planner.traffic import LONGEST_S, Traffic, in_words_of_time, whole_days_s
from warmlens.prices import price_text
from warmlens.progress import progress_bar
from warmlens.records import write_records

PERCENTILES = (50, 95, 99, 99.9)
SHORTEST_H, LONGEST_H = 0.01, LONGEST_S / HOUR_S


@o.with_option_groups
def simulate_command(
    users: o.UserOptions,
    *,
    hours: Annotated[
        float | None,
        typer.Option(help="Hours to simulate. Default: the whole traffic once, in whole days."),
    ] = None,
    deployment: o.DeploymentOptions,
    data: o.DataOptions,
    bill: o.BillOptions,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="Simulations; more give narrower intervals.")
    ] = 1,
    as_json: o.AsJson = False,
) -> None:
    """Simulate users' calls: cold starts, latency and cost.

    Counts and cost are for all simulated hours; low and high are the ends of a 95 % interval.
    Exit code 1 if an input is not valid, 2 if an option is not.
    """
    begun_s = time.monotonic()
    traffic, candidate = users.read(data.measured()), _candidate(deployment, data, bill)
    horizon_s = whole_days_s(traffic) if hours is None else _horizon_s(hours)
    all_seeds = range(data.seed, data.seed + seeds)
    outcomes, items = _simulated(candidate, deployment, data, bill, traffic, horizon_s, all_seeds)
    months = outcomes.total.horizon_s / MONTH_S
    figures = {
        "traffic": traffic.description,
        "hours": horizon_s / HOUR_S,
        "times": seeds,
        **_figures(outcomes),
        "cost_usd": total_usd(items) * months,
        "cost_usd_by_item": {item.name: item.usd * months for item in items},
        "backend": resolve_backend(data.backend).value,
        "wall_s": round(time.monotonic() - begun_s, 3),
        "peak_rss_mb": round(_peak_rss_mb(), 1),
        "plan": candidate.label,
        "measured": candidate.measured.source,
        "photo": bill.way(data.clients).description,
        "seed": data.seed,
    }
    if as_json:
        typer.echo(json.dumps(figures))
        return
    table = Table("figure", "value")
    for name, value in figures.items():
        if isinstance(value, dict):
            for part, usd in value.items():
                table.add_row(f"  {part}", f"{usd:.6g}")
        else:
            table.add_row(name, f"{value:.6g}" if isinstance(value, float) else str(value))
    out.print_table(table)


@o.with_option_groups
def cost_command(
    users: o.UserOptions,
    deployment: o.DeploymentOptions,
    data: o.DataOptions,
    bill: o.BillOptions,
    as_json: o.AsJson = False,
) -> None:
    """Print the cost of 30 days of one configuration, item by item.

    Simulates the traffic once, in whole days. Exit code 1 if an input is not valid, 2 if an option
    is not.
    """
    traffic, candidate = users.read(data.measured()), _candidate(deployment, data, bill)
    prices, way = data.price_list(), bill.way(data.clients)
    horizon_s = whole_days_s(traffic)
    _, items = _simulated(candidate, deployment, data, bill, traffic, horizon_s, [data.seed])
    conditions: dict[str, object] = {
        "plan": candidate.label,
        "traffic": traffic.description,
        "hours": horizon_s / HOUR_S,
        "region": prices.region,
        "prices": prices.date,
        "photo": way.description,
        "free_tier": bill.free_tier,
        "seed": data.seed,
    }
    if as_json:
        typer.echo(write_records(cost_records(items, conditions)), nl=False)
        return
    out.print(f"Traffic: {traffic.description}; simulated: {in_words_of_time(horizon_s)}.")
    out.print(f"Times: {candidate.measured.source}.")
    out.print(f"Prices: {prices.region}, {prices.date}.")
    out.print(f"Each photo: {way.description}.")
    if bill.free_tier:
        out.print(FREE_TIER)
    table = Table("item", "quantity a month", "unit", "price, USD", "USD a month")
    for item in items:
        price = price_text(prices[item.price])
        table.add_row(item.name, f"{item.quantity:,.2f}", item.unit, price, f"{item.usd:.4f}")
    table.add_row("total", "", "", "", f"{total_usd(items):.4f}")
    out.print_table(table)
    rest = at_rest_line(way, prices, warmer=candidate.pings, free_tier=bill.free_tier)
    out.print(rest)


def _candidate(
    deployment: o.DeploymentOptions, data: o.DataOptions, bill: o.BillOptions
) -> Candidate:
    wanted = deployment.memory_mb, deployment.model_store, deployment.architecture
    candidate = deployment.candidate(pick(data.measured(), *wanted), data.concurrency)
    if candidate.wakes_ahead and not wakes_ahead(data.assumptions(), bill.way(data.clients)):
        why = "--clients api with --photo call: nothing wakes ahead; give --warming off or ping"
        raise WarmlensError("bad_warming", why)
    return candidate


def _horizon_s(hours: float) -> float:
    if not SHORTEST_H <= hours <= LONGEST_H:
        raise WarmlensError(
            "bad_horizon", f"--hours {hours:g}: give {SHORTEST_H:g} to {LONGEST_H:,.0f}, a year"
        )
    return hours * HOUR_S


def _simulated(
    candidate: Candidate,
    options: o.DeploymentOptions,
    data: o.DataOptions,
    bill: o.BillOptions,
    traffic: Traffic,
    horizon_s: float,
    seeds: Sequence[int],
) -> tuple[Outcomes, list[Item]]:
    assumptions, prices = data.assumptions(options.scaling_per_10_s), data.price_list()
    way = bill.way(data.clients)
    deployment = candidate.deployment(o.MODEL_BYTES, way, free_tier=bill.free_tier)
    prices.require(needed_prices(deployment, candidate.warming))
    scenario, backend = candidate.scenario(assumptions, way), data.backend
    warn_if_slow(require_affordable(traffic, horizon_s=horizon_s, times=len(seeds)), backend)
    outcomes = Outcomes()
    with progress_bar("simulating") as on_progress:
        for seed in seeds:
            outcomes.add(
                simulate(scenario, traffic, horizon_s=horizon_s, seed=seed, backend=backend)
            )
            on_progress(outcomes.times, len(seeds))
    if not outcomes.total.requests:
        why = f"no call came in the simulated {in_words_of_time(horizon_s)}"
        raise WarmlensError("no_traffic", f"{traffic.description}: {why}")
    return outcomes, monthly_items(outcomes.total, deployment, prices)


def _figures(outcomes: Outcomes) -> dict[str, Any]:
    outcome = outcomes.total
    hidden = "latencies", "busy_seen", "hour_samples", "hour_busy", "hour_alive"
    shown = {name: value for name, value in vars(outcome).items() if name not in hidden}
    cold = outcomes.cold_share()
    percentiles: dict[str, float | None] = {}
    for percent in PERCENTILES:
        latency_ms = outcomes.percentile_ms(percent)
        percentiles[f"p{percent:g}_ms"] = round(latency_ms.value, 3)
        percentiles[f"p{percent:g}_low_ms"] = round(latency_ms.low, 3)
        known = latency_ms.high < float("inf")
        percentiles[f"p{percent:g}_high_ms"] = round(latency_ms.high, 3) if known else None
    samples = [max(1, each) for each in outcome.hour_samples]
    return {
        "requests": shown.pop("requests"),
        "cold_share": cold.value,
        "cold_share_low": cold.low,
        "cold_share_high": cold.high,
        **percentiles,
        "throttled_share": outcome.throttled_share,
        "slowed_by_round_share": outcome.slowed_share,
        "mean_busy": outcome.mean_busy,
        "mean_instances": outcome.mean_alive,
        **shown,
        "hour_instances": [
            round(alive / count, 2)
            for alive, count in zip(outcome.hour_alive, samples, strict=True)
        ],
    }


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere
