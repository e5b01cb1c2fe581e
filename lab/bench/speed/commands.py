"""`python -m lab bench cold`, `warm`, `memory` and `fetch`: the classifier and two baselines."""

import functools
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lab.bench.extent import (
    COLD_STARTS,
    WARM_CALLS,
    Extent,
    Quick,
    extent_of,
    require_elsewhere,
)
from lab.bench.speed.chart import SIZE, draw
from lab.bench.speed.cold import Case, measure_cold
from lab.bench.speed.comparison import BASELINES
from lab.bench.speed.fetch import measure_fetch
from lab.bench.speed.harness import Harness, running_harness
from lab.bench.speed.memory import measure_memory
from lab.bench.speed.versions import PAPER_PX
from lab.bench.speed.warm import measure_warm
from lab.figures import write_figure
from lab.markdown import figure_cell, ratio_cell
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


class Megapixels(StrEnum):
    """Sizes of the photos that calls are timed with."""

    SMALL = "0.3"
    MEDIUM = "2"
    LARGE = "12"


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
        help="Beside PyTorch and plain ONNX Runtime, or the classifier alone: a tenth the time.",
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
        int | None,
        typer.Option(min=1, help=f"Starts of each handler in each case; {COLD_STARTS} by default."),
    ] = None,
    quick: Quick = False,
    input_px: InputPx = PAPER_PX,
    with_baseline: WithBaseline = True,
    chart_file: Annotated[
        Path | None, typer.Option("--chart", help="Chart to write, an SVG or PNG file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time cold starts by stage."""
    extent = extent_of(runs, full=COLD_STARTS, few=2, quick=quick)
    require_elsewhere(chart_file, quick=extent.is_quick)
    cases = [
        Case(memory_mb=size_mb, page_cache=cache, store=each)
        for each in store or [Store.IMAGE]
        for cache in page_cache or [PageCache.WARM]
        for size_mb in memory_mb or [MEMORY_MB_PER_VCPU]
    ]

    def measure(harness: Harness, isolation: Isolation) -> Iterator[Record]:
        return measure_cold(harness, cases, runs=extent.count, isolation=isolation)

    records = _measured(measure, input_px, extent, with_baseline=with_baseline, as_json=as_json)
    if chart_file is not None:
        write_figure(lambda figure: draw(records, figure), chart_file, size=SIZE)


def warm(
    memory_mb: MemorySizes = None,
    calls: Annotated[
        int | None, typer.Option(min=5, help=f"Calls with each photo; {WARM_CALLS} by default.")
    ] = None,
    megapixels: Annotated[
        list[Megapixels] | None,
        typer.Option(help="Size of a photo; may be repeated; all three unless given."),
    ] = None,
    quick: Quick = False,
    input_px: InputPx = PAPER_PX,
    with_baseline: WithBaseline = True,
    as_json: AsJson = False,
) -> None:
    """Time warm calls with photos of three sizes.

    The photos have 0.3, 2 and 12 megapixels. The cost of a million calls is computed, too.
    """
    extent = extent_of(calls, full=WARM_CALLS, few=10, quick=quick)

    def measure(harness: Harness, isolation: Isolation) -> Iterator[Record]:
        sizes = memory_mb or [MEMORY_MB_PER_VCPU]
        photos = [float(each) for each in megapixels or Megapixels]
        return measure_warm(harness, sizes, calls=extent.count, isolation=isolation, photos=photos)

    _measured(measure, input_px, extent, with_baseline=with_baseline, as_json=as_json)


def memory(
    runs: Annotated[
        int | None,
        typer.Option(min=1, help=f"Instances of each handler; {COLD_STARTS} by default."),
    ] = None,
    quick: Quick = False,
    input_px: InputPx = PAPER_PX,
    as_json: AsJson = False,
) -> None:
    """Measure peak memory and package sizes."""
    extent = extent_of(runs, full=COLD_STARTS, few=1, quick=quick)

    def measure(harness: Harness, isolation: Isolation) -> Iterator[Record]:
        return measure_memory(harness, runs=extent.count, isolation=isolation)

    _measured(measure, input_px, extent, as_json=as_json)


def fetch(
    runs: Annotated[
        int | None, typer.Option(min=1, help=f"Downloads of each kind; {WARM_CALLS} by default.")
    ] = None,
    quick: Quick = False,
    input_px: InputPx = PAPER_PX,
    as_json: AsJson = False,
) -> None:
    """Time the download of a model from S3.

    It is compared with the limit of the connection.
    """
    extent = extent_of(runs, full=WARM_CALLS, few=5, quick=quick)

    def measure(harness: Harness, _: Isolation) -> Iterator[Record]:
        return measure_fetch(harness, runs=extent.count)

    _measured(measure, input_px, extent, as_json=as_json)


def _measured(
    measure: Callable[[Harness, Isolation], Iterator[Record]],
    input_px: int,
    extent: Extent,
    *,
    with_baseline: bool = True,
    as_json: bool,
) -> list[Record]:
    records: list[Record] = []
    harness_of = functools.partial(running_harness, input_px, with_baseline=with_baseline)
    with spinner("measuring") as show, harness_of() as harness:
        for record in map(extent.mark, measure(harness, best_isolation())):
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
    bases = [base for base in BASELINES if any(base in (each.ratios or {}) for each in records)]
    columns = ("name", "metric", "conditions", "samples", "value (95 %)", "unit", "p95", "p99")
    table = Table(*columns, "slowest", *(f"ratio to {BASELINES[base]}" for base in bases))
    for record in records:
        table.add_row(
            record.name,
            record.metric,
            _about(record),
            str(record.samples or ""),
            figure_cell(record.value, record.interval, ".4g"),
            record.unit,
            *("" if each is None else f"{each:.4g}" for each in (record.p95, record.p99)),
            "" if record.largest is None else f"{record.largest:.4g}",
            *(ratio_cell(record, base, inverse=True) for base in bases),
        )
    out.print_table(table)
