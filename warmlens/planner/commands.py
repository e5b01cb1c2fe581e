"""`warmlens plan`: what to deploy, simulated and priced before it is deployed."""

import dataclasses
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from warmlens.planner import options as o
from warmlens.planner.advice import Question, advise
from warmlens.planner.candidates import Candidate
from warmlens.planner.chart import frontier_chart
from warmlens.planner.cost import monthly_items, total_usd
from warmlens.planner.errors import PlanError
from warmlens.planner.model import HOUR_S, by_hour
from warmlens.planner.objective import read_objective
from warmlens.planner.outcome import Outcome
from warmlens.planner.report import cost_records, in_words, plan_records
from warmlens.planner.scale import scale_command
from warmlens.planner.servers import break_evens, provisioned_pays_above
from warmlens.planner.service_times import (
    DEFAULT_INPUT_PX,
    DEFAULT_MEGAPIXELS,
    X86_64,
    Measured,
    pick,
)
from warmlens.planner.simulate import Engine, engine_in_force, simulate
from warmlens.planner.traffic import Profile, Trace, constant_rate
from warmlens.planner.traffic_files import read_traffic
from warmlens.prices import DEFAULT_REGION, PriceError, read_prices
from warmlens.records import write_records
from warmlens.refusals import tell_refusal
from warmlens.tables import print_table
from warmlens.under_way import counted, under_way

SLOW_REQUESTS = 2_000_000
# As measured by `warmlens plan scale`, docs/planning.md.
PYTHON_PER_S, KERNEL_PER_S = 1e5, 3e6
app = typer.Typer()
app.command(name="scale")(scale_command)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

TrafficFile = Annotated[
    Path | None,
    typer.Option(
        "--traffic",
        help="CSV with the columns hour,requests (UTC) or arrival_s, or CloudWatch's JSON.",
    ),
]
Rps = Annotated[float | None, typer.Option(help="Users a second, all day, instead of --traffic.")]
Warm = Annotated[int, typer.Option(min=0, max=1000, help="Instances to keep warm, all day.")]
Warming = Annotated[
    str | None, typer.Option(help="off, ping or provisioned; ping where --warm is above 0.")
]
HoldMs = Annotated[int, typer.Option("--hold-ms", min=0, max=20_000, help="warming_hold_ms.")]
MemoryMb = Annotated[int, typer.Option("--memory-mb", help="A memory size that was measured.")]
Architecture = Annotated[str, typer.Option(help="x86_64 or arm64, if that was measured.")]
Store = Annotated[str, typer.Option("--model-store", help="One that was measured with it.")]


@app.callback(invoke_without_command=True)
def plan(
    context: typer.Context,
    traffic: TrafficFile = None,
    rps: Rps = None,
    slo: Annotated[str, typer.Option(help="Objective, such as p99=1s or p99.9=400ms.")] = "p99=1s",
    cold_share: Annotated[
        str | None, typer.Option("--cold-share", help="Most users that may be cold, 0.1%.")
    ] = None,
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
    seed: o.Seed = 1,
    seeds: Annotated[
        int | None,
        typer.Option(min=2, max=1000, help="Times to simulate; as many as it takes unless given."),
    ] = None,
    servers: Annotated[
        bool, typer.Option("--servers/--no-servers", help="Compare with EC2 and Fargate.")
    ] = True,
    chart: Annotated[
        Path | None, typer.Option("--chart", help="Where to write the frontier, an SVG.")
    ] = None,
    engine: o.EngineOption = Engine.AUTO,
    as_json: o.AsJson = False,
) -> None:
    """Say how many instances, how much memory and what it costs, before deploying.

    Finds the cheapest way to deploy that meets an objective, for a file's traffic or a rate.
    Exit code 1 where an input is refused, 2 where nothing meets the objective.
    """
    if context.invoked_subcommand is not None:
        return
    with _refusals(as_json=as_json):
        question = Question(
            traffic=_users(rps, traffic, bursts, bursts_per_hour),
            objective=read_objective(slo, cold_share),
            measured=o.measured_of(speed, input_px, megapixels),
            prices=read_prices(region, prices),
            model_bytes=o.model_bytes(),
            assumptions=o.assumptions_of(idle_min, platform_ms, concurrency),
            seed=seed,
            seeds=seeds,
            engine=engine,
        )
        _say_slow(question.traffic.expected(question.horizon_s) * question.seed_count * 50, engine)
        with counted(err, "simulating plans") as on_progress:
            advice = advise(question, on_progress)
        compared = break_evens(question, advice.chosen) if servers and advice.chosen else []
        pays_above = provisioned_pays_above(question) if servers else None
        records = list(plan_records(advice, question))
    if chart is not None:
        chart.write_text(frontier_chart(records))
    if as_json:
        typer.echo(write_records(records), nl=False)
    else:
        typer.echo(in_words(advice, question, compared, pays_above), nl=False)
    if advice.chosen is None:
        raise typer.Exit(2)


@app.command(name="simulate")
def simulate_command(
    rps: Rps = None,
    traffic: TrafficFile = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="Simulated time.")] = 24.0,
    warm: Warm = 0,
    warming: Warming = None,
    hold_ms: HoldMs = 400,
    memory_mb: MemoryMb = 1769,
    model_store: Store = "image",
    architecture: Architecture = X86_64,
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
    seed: o.Seed = 1,
    engine: o.EngineOption = Engine.AUTO,
    as_json: o.AsJson = False,
) -> None:
    """Simulate users' calls and tell what they meet and what they cost.

    The cost is that of the simulated hours. Exit code 1 where an input is refused.
    """
    begun_s = time.monotonic()
    with _refusals(as_json=as_json):
        users = _users(rps, traffic, bursts, bursts_per_hour)
        measured = o.measured_of(speed, input_px, megapixels)
        candidate = _candidate(
            pick(measured, memory_mb, model_store, architecture), warming, warm, hold_ms
        )
        assumptions = o.assumptions_of(idle_min, platform_ms, concurrency)
        listed = read_prices(region, prices)
        _say_slow(users.expected(hours * HOUR_S), engine)
        with under_way(err, "simulating"):
            outcome = simulate(
                candidate.model(assumptions),
                users,
                horizon_s=hours * HOUR_S,
                seed=seed,
                engine=engine,
            )
        deployment = candidate.deployment(assumptions, o.model_bytes())
        monthly = total_usd(monthly_items([outcome], deployment, listed))
    figures = {
        **_figures(outcome),
        "cost_usd": monthly * hours / (30 * 24),
        "engine": engine_in_force(engine).value,
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
        table.add_row(name, f"{value:.6g}" if isinstance(value, float) else str(value))
    print_table(out, table)


@app.command(name="cost")
def cost_command(
    rps: Rps = None,
    traffic: TrafficFile = None,
    warm: Warm = 0,
    warming: Warming = None,
    hold_ms: HoldMs = 400,
    memory_mb: MemoryMb = 1769,
    model_store: Store = "image",
    architecture: Architecture = X86_64,
    bursts: o.BurstSize = 10,
    bursts_per_hour: o.BurstsPerHour = 0,
    region: o.Region = DEFAULT_REGION,
    prices: o.PricesFile = None,
    speed: o.Speed = None,
    input_px: o.InputPx = DEFAULT_INPUT_PX,
    megapixels: o.Megapixels = DEFAULT_MEGAPIXELS,
    idle_min: o.IdleMin = o.IDLE_MIN,
    concurrency: o.Concurrency = o.CONCURRENCY,
    seed: o.Seed = 1,
    engine: o.EngineOption = Engine.AUTO,
    as_json: o.AsJson = False,
) -> None:
    """Tell what 30 days of one configuration cost, item by item, from a simulated day."""
    with _refusals(as_json=as_json):
        users = _users(rps, traffic, bursts, bursts_per_hour)
        measured = o.measured_of(speed, input_px, megapixels)
        candidate = _candidate(
            pick(measured, memory_mb, model_store, architecture), warming, warm, hold_ms
        )
        assumptions = o.assumptions_of(idle_min, 0, concurrency)
        listed = read_prices(region, prices)
        with under_way(err, "simulating"):
            outcome = simulate(
                candidate.model(assumptions), users, horizon_s=24 * HOUR_S, seed=seed, engine=engine
            )
        deployment = candidate.deployment(assumptions, o.model_bytes())
        items = monthly_items([outcome], deployment, listed)
    conditions: dict[str, object] = {
        "plan": candidate.label,
        "traffic": users.description,
        "region": region,
        "prices": listed.date,
        "seed": seed,
    }
    if as_json:
        typer.echo(write_records(cost_records(items, conditions)), nl=False)
        return
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
    print_table(out, table)


@contextmanager
def _refusals(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except (PlanError, PriceError) as error:
        tell_refusal(error.code, str(error), as_json=as_json)
        raise typer.Exit(1) from None


def _users(
    rps: float | None, traffic: Path | None, burst_size: int, bursts_per_hour: float
) -> Profile | Trace:
    if (rps is None) == (traffic is None):
        raise PlanError("no_traffic", "give the users: either --traffic FILE or --rps NUMBER")
    bursts = o.bursts_of(burst_size, bursts_per_hour)
    if traffic is not None:
        return read_traffic(traffic, bursts)
    assert rps is not None
    return constant_rate(rps, bursts)


def _candidate(measured: Measured, warming: str | None, warm: int, hold_ms: int) -> Candidate:
    kind = warming or ("ping" if warm else "off")
    if kind not in ("off", "ping", "provisioned") or (kind == "off") != (warm == 0):
        raise PlanError(
            "bad_warming",
            f"warming {kind} with --warm {warm}: off with 0, ping or provisioned with more",
        )
    return Candidate(
        measured=measured,
        warming=kind,
        by_hour=by_hour(warm),
        hold_ms=hold_ms if kind == "ping" else 0,
    )


def _figures(outcome: Outcome) -> dict[str, Any]:
    shown = {
        field.name: getattr(outcome, field.name)
        for field in dataclasses.fields(outcome)
        if field.name not in ("latencies", "busy_seen", "hour_samples", "hour_busy", "hour_alive")
    }
    percentiles = {
        f"p{percent:g}_ms": round(outcome.percentile_ms(percent), 3)
        for percent in (50, 95, 99, 99.9)
    }
    samples = [max(1, each) for each in outcome.hour_samples]
    return {
        "requests": shown.pop("requests"),
        "cold_share": outcome.cold_share,
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


def _say_slow(requests: float, engine: Engine) -> None:
    if requests > SLOW_REQUESTS and engine_in_force(engine) is Engine.PYTHON:
        err.print(
            f"{requests:,.0f} calls in plain Python take about {requests / PYTHON_PER_S:,.0f} s; "
            "with pip install -r requirements-planner.txt the figures are the same, after about "
            f"{1 + requests / KERNEL_PER_S:,.0f} s.",
            markup=False,
        )
