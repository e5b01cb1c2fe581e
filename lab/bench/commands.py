"""The commands `python -m lab bench`: benchmarks, printed as records or tables."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lab.bench.architectures.commands import architectures_command
from lab.bench.cases import cases_command
from lab.bench.extent import COLD_STARTS, WARM_CALLS, Extent, Quick, extent_of
from lab.bench.first_visitor.comparison import PLATFORM_MS, measure_visits
from lab.bench.forecast.minutes import measure_minutes
from lab.bench.forecast.week import measure_week
from lab.bench.one_call import measure_one_call
from lab.bench.overhead import measure_overhead
from lab.bench.peer import comparison as peer_comparison
from lab.bench.processors.comparison import measure_processors
from lab.bench.processors.instructions import measure_instructions
from lab.bench.replay import comparison as replay_comparison
from lab.bench.rounds import measure_rounds
from lab.bench.scale import scale_command
from lab.bench.simfaas import comparison as simfaas_comparison
from lab.bench.soak.commands import soak_command
from lab.bench.speed import commands as speed_commands
from lab.bench.wakes import measure_wakes
from lab.bench.warming.chosen import compare as compare_chosen
from lab.bench.warming.comparison import compare
from lab.bench.warming.presentation import draw
from lab.figures import write_figure
from warmlens.console import out
from warmlens.local.commands import MAX_PLATFORM_MS
from warmlens.local.venvs import Venv
from warmlens.paths import STATE
from warmlens.planner.options import BurstSize, BurstsPerHour, bursts_of
from warmlens.planner.traffic import Profile
from warmlens.planner.traffic_files import read_traffic
from warmlens.progress import spinner
from warmlens.records import Record, write_records
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

app = typer.Typer(no_args_is_help=True, help="Measure speed, warming and the local cloud.")
for command in (
    speed_commands.cold,
    speed_commands.warm,
    speed_commands.memory,
    speed_commands.fetch,
):
    app.command(epilog=f"Example: python -m lab bench {command.__name__}")(command)
app.command(name="architectures", epilog="Example: python -m lab bench architectures --rounds 3")(
    architectures_command
)
app.command(name="soak", epilog="Example: python -m lab bench soak --minutes 5")(soak_command)
app.command(name="cases", epilog="Example: python -m lab bench cases --json")(cases_command)
app.command(name="scale", epilog="Example: python -m lab bench scale --up-to 6")(scale_command)

AsJson = Annotated[
    bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
]


@app.command(epilog="Example: python -m lab bench warming --seed 2")
def warming(
    seed: Annotated[int, typer.Option(help="Seed of arrivals and lifetimes.")] = 1,
    chart_file: Annotated[
        Path | None, typer.Option("--chart", help="Chart to write, an SVG or PNG file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare warming policies by simulation.

    All policies have the same calls. The simulation follows the rules of the instance pool.
    """
    records = _collected_now(compare(seed=seed), "simulating", "workload")
    if chart_file is not None:
        write_figure(lambda figure: draw(records, figure), chart_file)
    _print(records, "workload", as_json=as_json)


@app.command(epilog="Example: python -m lab bench chosen --seeds 1")
def chosen(
    seeds: Annotated[int, typer.Option(min=1, help="Simulations of each choice.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Compare the hold and the instances that the warmer chooses itself with all others.

    Two weeks of real traffic are simulated: it learns from the first, and the second is compared.
    """
    records = _collected_now(compare_chosen(range(1, seeds + 1)), "simulating", "within_s")
    _print(records, "within_s", as_json=as_json)


@app.command(epilog="Example: python -m lab bench rounds --instances 5 --runs 20")
def rounds(
    instances: Annotated[
        list[int] | None,
        typer.Option(min=1, max=100, help="Number of instances to wake; may be repeated."),
    ] = None,
    runs: Annotated[
        int | None, typer.Option(min=1, help="Runs of the warmer for each number; 100 by default.")
    ] = None,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Count warmer runs that wake all wanted instances."""
    extent = extent_of(runs, full=100, few=5, quick=quick)
    measured = measure_rounds(instances or (1, 5, 20, 50), extent.count)
    records = _collected(measured, "warming", "instances", extent)
    _print(records, "instances", as_json=as_json)


@app.command(epilog="Example: python -m lab bench peer --instances 5 --runs 2")
def peer(
    instances: Annotated[
        list[int] | None,
        typer.Option(min=2, max=100, help="Number of instances to wake; may be repeated."),
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Runs of each warmer from an empty pool, for each number; "
            f"{COLD_STARTS} by default.",
        ),
    ] = None,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Count the instances that our warmer and lambda-warmer-py reach.

    Both run in turns on the same instances. The first run installs lambda-warmer-py into a virtual
    environment of its own.
    """
    venv = Venv(STATE / "environments", "peer", peer_comparison.REQUIREMENTS)
    asyncio.run(venv.install())
    extent = extent_of(runs, full=COLD_STARTS, few=2, quick=quick)
    compared = peer_comparison.compare(venv.python, instances or (5, 20, 50), extent.count)
    records = _collected(compared, "warming", "instances", extent)
    _print(records, "instances", as_json=as_json)


@app.command(epilog="Example: python -m lab bench wakes --runs 5")
def wakes(
    runs: Annotated[
        int | None,
        typer.Option(min=1, help=f"Runs for each group and hold; {COLD_STARTS} by default."),
    ] = None,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Count the instances that wakes ahead of several users start, by their hold.

    Calls of the users follow, and a call of somebody else in the middle of the holds.
    """
    extent = extent_of(runs, full=COLD_STARTS, few=3, quick=quick)
    records = _collected(measure_wakes(extent.count), "waking", "hold_ms", extent)
    _print(records, "hold_ms", as_json=as_json)


@app.command(epilog="Example: python -m lab bench overhead --calls 200")
def overhead(
    calls: Annotated[
        int | None,
        typer.Option(min=50, help="Calls for each executor and number of clients; 500 by default."),
    ] = None,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Time an empty warm call on the local cloud.

    It runs in the instance pool and in the emulator's own executor.
    """
    extent = extent_of(calls, full=500, few=50, quick=quick)
    with spinner("timing calls"):
        records = [extent.mark(each) for each in asyncio.run(measure_overhead(extent.count))]
    _print(records, "concurrency", as_json=as_json)


@app.command(name="first-visitor", epilog="Example: python -m lab bench first-visitor --rounds 2")
def first_visitor(
    platform_ms: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            max=MAX_PLATFORM_MS,
            help="Lambda's own part of a cold start in ms; may be repeated.",
        ),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=2, help=f"Visits of each kind; {COLD_STARTS} by default.")
    ] = None,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Time the first visitor's wait from tap to answer.

    All instances are gone, the photo has 0.3 MB, and the phone's link is emulated: a round trip of
    50 ms, 10 Mbit/s up.
    """
    extent = extent_of(rounds, full=COLD_STARTS, few=2, quick=quick)
    measured = measure_visits(platform_ms or PLATFORM_MS, extent.count)
    records = _collected(measured, "visiting", "platform_ms", extent)
    _print(records, "platform_ms", as_json=as_json)


@app.command(name="one-call", epilog="Example: python -m lab bench one-call --visits 2 --calls 10")
def one_call(
    visits: Annotated[
        int | None,
        typer.Option(min=2, help=f"Visits of the page in each way; {WARM_CALLS} by default."),
    ] = None,
    calls: Annotated[
        int | None,
        typer.Option(min=2, help=f"Calls of the function in each way; {WARM_CALLS} by default."),
    ] = None,
    quick: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Compare a photo in the call with an uploaded one.

    The same photo of 0.3 MB takes both ways in turns, with everything warm: over an emulated
    phone's link from tap to answer, and for the time in the function.
    """
    visited, called = (
        extent_of(each, full=WARM_CALLS, few=5, quick=quick) for each in (visits, calls)
    )
    records = _collected(
        measure_one_call(visited.count, called.count),
        "sending",
        "photo_bytes",
        visited if visited.is_quick else called,
    )
    _print(records, "photo_bytes", as_json=as_json)


@app.command(epilog="Example: python -m lab bench simfaas --seeds 5")
def simfaas(
    seeds: Annotated[int, typer.Option(min=3, help="Simulations of each example.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Compare the planner's simulator with SimFaaS.

    Both simulate SimFaaS's own examples, in turns. The first run installs SimFaaS into a
    virtual environment of its own.
    """
    venv = Venv(STATE / "environments", "simfaas", simfaas_comparison.REQUIREMENTS)
    asyncio.run(venv.install())
    compared = simfaas_comparison.compare(venv.python, seeds)
    records = _collected_now(compared, "simulating", "name")
    _print(records, "name", as_json=as_json)


@app.command(epilog="Example: python -m lab bench replay --traffic docs/examples/day.csv --hours 1")
def replay(
    traffic: Annotated[
        Path, typer.Option(help="Hourly profile: a CSV file with the columns hour,requests.")
    ],
    memory_mb: Annotated[
        int,
        typer.Option(
            "--memory-mb", min=128, max=10_240, help="Memory size of the classifier in MB."
        ),
    ] = MEMORY_MB_PER_VCPU,
    warm: Annotated[int, typer.Option(min=1, max=20, help="Instances to keep warm.")] = 2,
    hold_ms: Annotated[
        int,
        typer.Option(
            "--hold-ms", min=0, help="Time for which a wakeup keeps its instance busy, in ms."
        ),
    ] = 100,
    from_hour: Annotated[
        float, typer.Option(min=0, max=23, help="First hour of the day to replay.")
    ] = 7,
    hours: Annotated[float, typer.Option(min=0.1, max=24, help="Duration in hours.")] = 3,
    burst_size: BurstSize = None,
    bursts_per_hour: BurstsPerHour = 0,
    seed: Annotated[int, typer.Option(help="Seed of the calls and the idle expiries.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Replay part of a day on a local cloud.

    Idle time is skipped. The same calls are simulated for comparison.
    """
    users = read_traffic(traffic, bursts_of(burst_size, bursts_per_hour))
    replayed = replay_comparison.compare(
        users if isinstance(users, Profile) else users.as_profile(),
        from_hour=from_hour,
        hours=hours,
        memory_mb=memory_mb,
        warm=warm,
        hold_ms=hold_ms,
        seed=seed,
    )
    records = _collected(replayed, "replaying", "warm")
    _print(records, "warm", as_json=as_json)


@app.command(epilog="Example: python -m lab bench processors --rounds 3")
def processors(
    rounds: Annotated[int, typer.Option(min=2, help="Processes of each kind.")] = 10,
    calls: Annotated[int, typer.Option(min=1, help="Calls of each process.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Time the shipped models with AVX-512 and with AVX2 alone, on this machine.

    AVX-512 is hidden from ONNX Runtime, which then takes its code for AVX2.
    """
    records = _collected_now(measure_processors(rounds, calls), "timing", "model")
    _print(records, "model", as_json=as_json)


@app.command(epilog="Example: python -m lab bench forecast --seeds 20")
def forecast(
    seeds: Annotated[int, typer.Option(min=2, help="Simulations of each prediction.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Check predictions from real traffic of the past on what came next.

    A load balancer's second week is predicted from its first, and half an hour of an inference
    service from the half hour before.
    """
    both = itertools.chain(measure_week(seeds), measure_minutes(seeds))
    records = _collected_now(both, "simulating", "case")
    _print(records, "case", as_json=as_json)


@app.command(epilog="Example: python -m lab bench instructions --json")
def instructions(as_json: AsJson = False) -> None:
    """Count the instructions of the shipped models with AVX2 and on arm64, both emulated.

    Instructions are not time: processors differ in how many they execute at once.
    """
    records = _collected_now(measure_instructions(), "counting", "model")
    _print(records, "model", as_json=as_json)


def _collected_now(records: Iterable[Record], doing: str, condition: str) -> list[Record]:
    """Return all records; on a terminal, show the latest one."""
    with spinner(doing) as show:
        done = []
        for record in records:
            show(f"{record.name}, {condition} {record.conditions[condition]}, is done")
            done.append(record)
        return done


def _collected(
    records: AsyncIterator[Record], doing: str, condition: str, extent: Extent | None = None
) -> list[Record]:
    """Return all records, with the mode of their run."""

    async def run() -> list[Record]:
        with spinner(doing) as show:
            done = []
            async for record in records:
                show(f"{record.name}, {condition} {record.conditions[condition]}, is done")
                done.append(extent.mark(record) if extent else record)
            return done

    return asyncio.run(run())


def _print(records: Sequence[Record], condition: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(write_records(records), nl=False)
        return
    table = Table(condition, "name", "metric", "value", "p95", "p99", "ratio")
    for record in records:
        numbers = (record.value, record.p95, record.p99, record.ratio)
        table.add_row(
            str(record.conditions[condition]),
            record.name,
            record.metric,
            *("" if number is None else f"{number:.4g}" for number in numbers),
        )
    out.print_table(table)
