"""`warmlens plan simulate` and `cost`: one configuration, in figures and item by item."""

import dataclasses
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
from warmlens.planner.budget import require_affordable, warn_if_slow
from warmlens.planner.candidates import Assumptions, Candidate
from warmlens.planner.cost import MONTH_S, Item, monthly_items, needed_prices, total_usd
from warmlens.planner.outcome import Outcomes
from warmlens.planner.report import cost_records
from warmlens.planner.scenario import HOUR_S, SCALING_PER_10_S
from warmlens.planner.service_times import DEFAULT_INPUT_PX, DEFAULT_MEGAPIXELS, X86_64, pick
from warmlens.planner.simulate import Backend, resolve_backend, simulate
from warmlens.planner.traffic import LONGEST_S, Traffic, in_words_of_time, whole_days_s
from warmlens.prices import DEFAULT_REGION, PriceList, read_prices
from warmlens.progress import progress_bar
from warmlens.records import write_records

PERCENTILES = (50, 95, 99, 99.9)
SHORTEST_H, LONGEST_H = 0.01, LONGEST_S / HOUR_S


def simulate_command(
    rps: o.Rps = None,
    traffic: o.TrafficFile = None,
    hours: Annotated[
        float | None,
        typer.Option(help="Simulated time; once through the traffic, in whole days, unless given."),
    ] = None,
    warm: o.Warm = "0",
    warming: o.Warming = None,
    hold_ms: o.HoldMs = 400,
    memory_mb: o.MemoryMb = 1769,
    model_store: o.Store = "image",
    architecture: o.Architecture = X86_64,
    bursts: o.BurstSize = 10,
    bursts_per_hour: o.BurstsPerHour = 0,
    region: o.Region = DEFAULT_REGION,
    prices: o.PricesFile = None,
    speed: o.Speed = None,
    input_px: o.InputPx = DEFAULT_INPUT_PX,
    megapixels: o.Megapixels = DEFAULT_MEGAPIXELS,
    idle_min: o.IdleMin = o.IDLE_MIN,
    platform_ms: o.PlatformMs = 0,
    concurrency: o.Concurrency = o.CONCURRENCY,
    scaling: o.Scaling = SCALING_PER_10_S,
    seed: o.Seed = 1,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="Times to simulate; more give narrower intervals.")
    ] = 1,
    backend: o.BackendOption = Backend.AUTO,
    as_json: o.AsJson = False,
) -> None:
    """Simulate users' calls and tell what they meet and what they cost.

    Counts and the cost are those of all simulated hours; low and high are the ends of a 95 %
    interval. Exit code 1 where an input is refused; 2 is a mistake in the command line itself.
    """
    begun_s = time.monotonic()
    users = o.users_of(rps, traffic, bursts, bursts_per_hour)
    measured = o.measured_of(speed, input_px, megapixels)
    picked = pick(measured, memory_mb, model_store, architecture)
    candidate = o.candidate_of(picked, warming, warm, hold_ms, concurrency)
    assumptions = o.assumptions_of(idle_min, platform_ms, concurrency, scaling)
    listed = read_prices(region, prices)
    horizon_s = whole_days_s(users) if hours is None else _horizon_s(hours)
    outcomes, items = _simulated(
        candidate, assumptions, users, listed, horizon_s, range(seed, seed + seeds), backend
    )
    months = outcomes.total.horizon_s / MONTH_S
    figures = {
        "traffic": users.description,
        "hours": horizon_s / HOUR_S,
        "times": seeds,
        **_figures(outcomes),
        "cost_usd": total_usd(items) * months,
        "cost_usd_by_item": {item.name: item.usd * months for item in items},
        "backend": resolve_backend(backend).value,
        "wall_s": round(time.monotonic() - begun_s, 3),
        "peak_rss_mb": round(_peak_rss_mb(), 1),
        "plan": candidate.label,
        "seed": seed,
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


def cost_command(
    rps: o.Rps = None,
    traffic: o.TrafficFile = None,
    warm: o.Warm = "0",
    warming: o.Warming = None,
    hold_ms: o.HoldMs = 400,
    memory_mb: o.MemoryMb = 1769,
    model_store: o.Store = "image",
    architecture: o.Architecture = X86_64,
    bursts: o.BurstSize = 10,
    bursts_per_hour: o.BurstsPerHour = 0,
    region: o.Region = DEFAULT_REGION,
    prices: o.PricesFile = None,
    speed: o.Speed = None,
    input_px: o.InputPx = DEFAULT_INPUT_PX,
    megapixels: o.Megapixels = DEFAULT_MEGAPIXELS,
    idle_min: o.IdleMin = o.IDLE_MIN,
    platform_ms: o.PlatformMs = 0,
    concurrency: o.Concurrency = o.CONCURRENCY,
    scaling: o.Scaling = SCALING_PER_10_S,
    seed: o.Seed = 1,
    backend: o.BackendOption = Backend.AUTO,
    as_json: o.AsJson = False,
) -> None:
    """Tell what 30 days of one configuration cost, item by item.

    The traffic is simulated once through, in whole days. Exit code 1 where an input is refused; 2
    is a mistake in the command line itself.
    """
    users = o.users_of(rps, traffic, bursts, bursts_per_hour)
    measured = o.measured_of(speed, input_px, megapixels)
    picked = pick(measured, memory_mb, model_store, architecture)
    candidate = o.candidate_of(picked, warming, warm, hold_ms, concurrency)
    assumptions = o.assumptions_of(idle_min, platform_ms, concurrency, scaling)
    listed = read_prices(region, prices)
    horizon_s = whole_days_s(users)
    _, items = _simulated(candidate, assumptions, users, listed, horizon_s, [seed], backend)
    conditions: dict[str, object] = {
        "plan": candidate.label,
        "traffic": users.description,
        "hours": horizon_s / HOUR_S,
        "region": region,
        "prices": listed.date,
        "seed": seed,
    }
    if as_json:
        typer.echo(write_records(cost_records(items, conditions)), nl=False)
        return
    out.print(f"Traffic: {users.description}; simulated: {in_words_of_time(horizon_s)}.")
    table = Table("item", "quantity a month", "unit", "price, USD", "USD a month")
    for item in items:
        table.add_row(
            item.name,
            f"{item.quantity:,.2f}",
            item.unit,
            f"{listed[item.price]:.10f}".rstrip("0"),
            f"{item.usd:.4f}",
        )
    table.add_row("total", "", "", "", f"{total_usd(items):.4f}")
    out.print_table(table)


def _horizon_s(hours: float) -> float:
    if not SHORTEST_H <= hours <= LONGEST_H:
        raise WarmlensError(
            "bad_horizon", f"--hours {hours:g}: give {SHORTEST_H:g} to {LONGEST_H:,.0f}, a year"
        )
    return hours * HOUR_S


def _simulated(
    candidate: Candidate,
    assumptions: Assumptions,
    users: Traffic,
    listed: PriceList,
    horizon_s: float,
    seeds: Sequence[int],
    backend: Backend,
) -> tuple[Outcomes, list[Item]]:
    deployment = candidate.deployment(assumptions, o.MODEL_BYTES)
    listed.require(needed_prices(deployment, candidate.warming))
    scenario = candidate.scenario(assumptions)
    warn_if_slow(require_affordable(users, horizon_s=horizon_s, times=len(seeds)), backend)
    outcomes = Outcomes()
    with progress_bar("simulating") as on_progress:
        for seed in seeds:
            outcomes.add(simulate(scenario, users, horizon_s=horizon_s, seed=seed, backend=backend))
            on_progress(outcomes.times, len(seeds))
    if not outcomes.total.requests:
        raise WarmlensError(
            "no_traffic",
            f"{users.description}: no call came in the simulated {in_words_of_time(horizon_s)}",
        )
    return outcomes, monthly_items([outcomes.total], deployment, listed)


def _figures(outcomes: Outcomes) -> dict[str, Any]:
    outcome = outcomes.total
    shown = {
        field.name: getattr(outcome, field.name)
        for field in dataclasses.fields(outcome)
        if field.name not in ("latencies", "busy_seen", "hour_samples", "hour_busy", "hour_alive")
    }
    cold = outcomes.cold_share()
    percentiles: dict[str, float | None] = {}
    for percent in PERCENTILES:
        found = outcomes.percentile_ms(percent)
        percentiles[f"p{percent:g}_ms"] = round(found.value, 3)
        percentiles[f"p{percent:g}_low_ms"] = round(found.low, 3)
        known = found.high < float("inf")
        percentiles[f"p{percent:g}_high_ms"] = round(found.high, 3) if known else None
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
