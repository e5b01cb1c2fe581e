"""`warmlens plan`: what to deploy, simulated and priced before it is deployed."""

from pathlib import Path
from typing import Annotated

import typer

from warmlens.console import out
from warmlens.groups import Group
from warmlens.planner import options as o
from warmlens.planner.advice import advise, simulated_times
from warmlens.planner.budget import require_affordable, warn_if_slow
from warmlens.planner.chart import frontier_chart, require_writable, write_chart
from warmlens.planner.objective import read_objective
from warmlens.planner.one_configuration import cost_command, simulate_command
from warmlens.planner.plan import PlanRequest
from warmlens.planner.report import in_words, plan_records
from warmlens.planner.servers import comparison
from warmlens.planner.service_times import DEFAULT_INPUT_PX, DEFAULT_MEGAPIXELS
from warmlens.planner.simulate import Backend
from warmlens.prices import DEFAULT_REGION, read_prices
from warmlens.progress import progress_bar
from warmlens.records import write_records

NOTHING_MEETS = 3
app = typer.Typer(cls=Group)
app.command(name="simulate", epilog="Example: warmlens plan simulate --rps 2 --hours 24 --warm 2")(
    simulate_command
)
app.command(name="cost", epilog="Example: warmlens plan cost --rps 2 --warm 2")(cost_command)


@app.callback(invoke_without_command=True, epilog="Example: warmlens plan --rps 2 --slo p99=1s")
def plan(
    context: typer.Context,
    traffic: o.TrafficFile = None,
    rps: o.Rps = None,
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
        typer.Option(
            min=2,
            max=4000,
            help="Times to simulate each plan; as many as it takes unless given. What is proposed "
            "is simulated again, as often as the objective needs.",
        ),
    ] = None,
    servers: Annotated[
        bool, typer.Option("--servers/--no-servers", help="Compare with EC2 and Fargate.")
    ] = True,
    chart: Annotated[
        Path | None, typer.Option("--chart", help="Where to write the frontier, an SVG.")
    ] = None,
    backend: o.BackendOption = Backend.AUTO,
    as_json: o.AsJson = False,
) -> None:
    """Plan instances, memory and cost before deploying.

    Finds the cheapest way to deploy that meets an objective, for a file's traffic or a rate.
    Exit code 1 where an input is refused, 3 where nothing meets the objective; 2 is a mistake in
    the command line itself.
    """
    if context.invoked_subcommand is not None:
        return
    if chart is not None:
        require_writable(chart)
    request = PlanRequest(
        traffic=o.users_of(rps, traffic, bursts, bursts_per_hour),
        objective=read_objective(slo, cold_share),
        measured=o.measured_of(speed, input_px, megapixels),
        prices=read_prices(region, prices),
        model_bytes=o.MODEL_BYTES,
        assumptions=o.assumptions_of(idle_min, platform_ms, concurrency),
        seed=seed,
        seeds=seeds,
        backend=backend,
    )
    calls = require_affordable(
        request.traffic, horizon_s=request.horizon_s, times=simulated_times(request)
    )
    warn_if_slow(calls, backend)
    with progress_bar("simulating plans") as on_progress:
        advice = advise(request, on_progress)
    records = list(plan_records(advice, request))
    compared = comparison(advice, request) if servers and not as_json else []
    if as_json:
        typer.echo(write_records(records), nl=False)
    else:
        out.print(in_words(advice, request, compared), end="")
    if chart is not None:
        write_chart(chart, frontier_chart(records))
    if advice.chosen is None:
        raise typer.Exit(NOTHING_MEETS)
