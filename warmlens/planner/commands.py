"""The command `warmlens plan`, and the group of its subcommands."""

from pathlib import Path
from typing import Annotated

import typer

from warmlens.console import out
from warmlens.groups import Group
from warmlens.planner import options as o
from warmlens.planner.advice import advise
from warmlens.planner.budget import require_affordable, warn_if_slow
from warmlens.planner.chart import frontier_chart, require_writable, write_chart
from warmlens.planner.objective import read_objective
from warmlens.planner.one_configuration import cost_command, simulate_command
from warmlens.planner.plan import PlanRequest
from warmlens.planner.report import in_words, plan_records
from warmlens.planner.servers import comparison
from warmlens.planner.service_times import of_store
from warmlens.progress import progress_bar
from warmlens.records import write_records

NOTHING_MEETS = 3
LIKELY_SIMULATED = 30  # times of the seeds, for all candidates and checks
app = typer.Typer(cls=Group)
app.command(name="simulate", epilog="Example: warmlens plan simulate --rps 2 --hours 24 --warm 2")(
    simulate_command
)
app.command(name="cost", epilog="Example: warmlens plan cost --rps 2 --warm 2")(cost_command)


@app.callback(invoke_without_command=True, epilog="Example: warmlens plan --rps 2 --slo p99=1s")
@o.with_option_groups
def plan(
    context: typer.Context,
    users: o.UserOptions,
    *,
    slo: Annotated[
        str, typer.Option(help="Latency objective, such as p99=1s or p99.9=400ms.")
    ] = "p99=1s",
    cold_share: Annotated[
        str | None, typer.Option(help="Maximum share of cold starts, for example 0.1%.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=4000,
            help="Simulations of each plan. Default: as many as needed. Proposed plans are "
            "simulated again, as often as the objective requires.",
        ),
    ] = None,
    model_store: Annotated[
        str | None,
        typer.Option(
            help="Plan with one model store, such as s3. Default: the fastest one measured at "
            "each memory size."
        ),
    ] = None,
    servers: Annotated[
        bool, typer.Option("--servers/--no-servers", help="Compare with EC2 and Fargate.")
    ] = True,
    chart: Annotated[
        Path | None, typer.Option(help="SVG file to write the cost-latency frontier to.")
    ] = None,
    data: o.DataOptions,
    bill: o.BillOptions,
    as_json: o.AsJson = False,
) -> None:
    """Plan instances, memory and cost before deploying.

    Finds the cheapest deployment that meets an objective, for the traffic in a file or a constant
    rate. Exit code 1 if an input is not valid, 2 if an option is not, 3 if nothing meets the
    objective.
    """
    if context.invoked_subcommand is not None:
        return
    if chart is not None:
        require_writable(chart)
    measured = of_store(data.measured(), model_store)
    request = PlanRequest(
        traffic=users.read(measured),
        objective=read_objective(slo, cold_share),
        measured=measured,
        prices=data.price_list(),
        model_bytes=o.MODEL_BYTES,
        way=bill.way(data.clients),
        free_tier=bill.free_tier,
        assumptions=data.assumptions(),
        seed=data.seed,
        seeds=seeds,
        backend=data.backend,
    )
    request.require_calls()
    calls = require_affordable(request.traffic, horizon_s=request.horizon_s, times=seeds or 1)
    if seeds is not None:
        warn_if_slow(calls * LIKELY_SIMULATED, data.backend)
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
