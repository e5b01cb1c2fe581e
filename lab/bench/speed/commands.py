"""`python -m lab bench cold`, `warm`, `memory` and `fetch`: the classifier against a baseline."""

import functools
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lab.bench.speed.chart import SIZE, draw
from lab.bench.speed.cold import Case, measure_cold
from lab.bench.speed.fetch import measure_fetch
from lab.bench.speed.harness import Harness, running_harness
from lab.bench.speed.memory import measure_memory
from lab.bench.speed.versions import PAPER_PX
from lab.bench.speed.warm import measure_warm
from lab.figures import write_figure
from warmlens.console import out
from warmlens.progress import spinner
from warmlens.records import Record, write_records
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU, Isolation

SHOWN = ("memory_mb", "page_cache", "model_store", "stage", "megapixels", "megapixels_up_to")


class PageCache(StrEnum):
    """State of the kernel's page cache before a start."""

    WARM = "warm"
    DROPPED = "dropped"


class Store(StrEnum):
    """Store that the model is loaded from."""

    IMAGE = "image"
    S3 = "s3"


MemorySizes = Annotated[
    list[int] | None,
    typer.Option(
        "--memory-mb", min=128, max=10_240, help="Memory size; may be repeated. 1769 is 1 vCPU."
    ),
]
InputPx = Annotated[
    int,
    typer.Option(min=32, max=512, help="Input size of the model in pixels; 224 is the paper's."),
]
WithBaseline = Annotated[
    bool,
    typer.Option(
        "--baseline/--no-baseline",
        help="Beside PyTorch, or the classifier alone: a tenth the time.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
]


def cold(
    memory_mb: MemorySizes = None,
    page_cache: Annotated[
        list[PageCache] | None,
        typer.Option(help="State of the kernel's page cache; may be repeated; warm unless given."),
    ] = None,
    store: Annotated[
        list[Store] | None, typer.Option(help="Model store; may be repeated; image unless given.")
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, help="Starts of each implementation in each case.")
    ] = 5,
    input_px: InputPx = PAPER_PX,
    with_baseline: WithBaseline = True,
    chart_file: Annotated[
        Path | None, typer.Option("--chart", help="Chart to write, an SVG or PNG file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time cold starts by stage."""
    cases = [
        Case(memory_mb=size_mb, page_cache=cache, store=each)
        for each in store or [Store.IMAGE]
        for cache in page_cache or [PageCache.WARM]
        for size_mb in memory_mb or [MEMORY_MB_PER_VCPU]
    ]

    def measure(harness: Harness, isolation: Isolation) -> Iterator[Record]:
        return measure_cold(harness, cases, runs=runs, isolation=isolation)

    records = _measured(measure, input_px, with_baseline=with_baseline, as_json=as_json)
    if chart_file is not None:
        write_figure(lambda figure: draw(records, figure), chart_file, size=SIZE)


def warm(
    memory_mb: MemorySizes = None,
    calls: Annotated[int, typer.Option(min=5, help="Calls with each photo.")] = 50,
    input_px: InputPx = PAPER_PX,
    with_baseline: WithBaseline = True,
    as_json: AsJson = False,
) -> None:
    """Time warm calls with photos of three sizes.

    The photos have 0.3, 2 and 12 megapixels. The cost of a million calls is computed, too.
    """

    def measure(harness: Harness, isolation: Isolation) -> Iterator[Record]:
        sizes = memory_mb or [MEMORY_MB_PER_VCPU]
        return measure_warm(harness, sizes, calls=calls, isolation=isolation)

    _measured(measure, input_px, with_baseline=with_baseline, as_json=as_json)


def memory(
    runs: Annotated[int, typer.Option(min=1, help="Instances of each implementation.")] = 3,
    input_px: InputPx = PAPER_PX,
    as_json: AsJson = False,
) -> None:
    """Measure peak memory and package sizes."""

    def measure(harness: Harness, isolation: Isolation) -> Iterator[Record]:
        return measure_memory(harness, runs=runs, isolation=isolation)

    _measured(measure, input_px, as_json=as_json)


def fetch(
    runs: Annotated[int, typer.Option(min=1, help="Downloads of each kind.")] = 20,
    input_px: InputPx = PAPER_PX,
    as_json: AsJson = False,
) -> None:
    """Time the download of a model from S3.

    It is compared with the limit of the connection.
    """

    def measure(harness: Harness, _: Isolation) -> Iterator[Record]:
        return measure_fetch(harness, runs=runs)

    _measured(measure, input_px, as_json=as_json)


def _measured(
    measure: Callable[[Harness, Isolation], Iterator[Record]],
    input_px: int,
    *,
    with_baseline: bool = True,
    as_json: bool,
) -> list[Record]:
    records: list[Record] = []
    harness_of = functools.partial(running_harness, input_px, with_baseline=with_baseline)
    with spinner("measuring") as show, harness_of() as harness:
        for record in measure(harness, best_isolation()):
            records.append(record)
            show(f"{record.name}, {record.metric}, {_about(record)}, is done")
            if as_json:
                typer.echo(write_records([record]), nl=False)
    if not as_json:
        _print(records)
    return records


def _about(record: Record) -> str:
    conditions = record.conditions
    return ", ".join(f"{key} {conditions[key]}" for key in SHOWN if key in conditions)


def _print(records: list[Record]) -> None:
    table = Table("name", "metric", "conditions", "value", "unit", "p95", "p99", "ratio")
    for record in records:
        numbers = (record.value, record.p95, record.p99, record.ratio)
        value, p95, p99, ratio = ("" if each is None else f"{each:.4g}" for each in numbers)
        table.add_row(
            record.name, record.metric, _about(record), value, record.unit, p95, p99, ratio
        )
    out.print_table(table)
