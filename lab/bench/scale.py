"""`python -m lab bench scale`: time and memory of simulations of 10^4 to 10^8 requests."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from lab.markdown import measured_by
from warmlens.console import out
from warmlens.errors import WarmlensError
from warmlens.planner.simulate import Backend
from warmlens.progress import spinner
from warmlens.records import Record, machine, today, write_records

COMMAND = "python -m lab bench scale"
DAY_S = 86_400
LARGEST_PYTHON = 10**6
_WARM = 5


def scale_command(
    up_to: Annotated[
        int, typer.Option(min=4, max=8, help="Largest number of requests, as a power of ten.")
    ] = 8,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
    ] = False,
) -> None:
    """Time simulations by number of requests.

    Each simulates a day of 10^4 to 10^8 requests with five warm instances, in a new process. An
    unmeasured run first compiles the kernel where that is needed.
    """
    records = []
    with spinner("simulating days") as tell:
        for record in measure_scale(up_to):
            tell(f"{record.conditions['intended_requests']:,} requests, {record.name}, are done")
            records.append(record)
    if as_json:
        typer.echo(write_records(records), nl=False)
    else:
        out.print(table(records), end="")


def measure_scale(up_to: int) -> Iterator[Record]:
    """Yield the wall time and peak memory of each simulated day.

    Args:
        up_to: the largest power of ten.
    """
    _run(1000, Backend.NUMBA)
    for requests in (10**power for power in range(4, up_to + 1)):
        backends = (
            [Backend.NUMBA, Backend.PYTHON] if requests <= LARGEST_PYTHON else [Backend.NUMBA]
        )
        found = {backend: _run(requests, backend) for backend in backends}
        for backend, figures in found.items():
            for metric, unit in (("wall_s", "s"), ("peak_rss_mb", "MB")):
                base = found.get(Backend.PYTHON)
                yield Record(
                    name=backend.value,
                    metric=metric,
                    value=figures[metric],
                    unit=unit,
                    kind="measured",
                    conditions={"requests": figures["requests"], "intended_requests": requests},
                    command=COMMAND,
                    machine=machine(),
                    date=today(),
                    samples=1,
                    ratio=figures[metric] / base[metric] if base else None,
                    ratio_to=Backend.PYTHON.value if base else None,
                )


def table(records: Sequence[Record]) -> str:
    """Return a Markdown table, one line for each number of requests."""
    lines = [
        f"{measured_by(records)}, shared with other work; one run each, in a separate process, "
        "from the start of its command, loading the kernel included.",
        "",
        "| requests a day | kernel, s | kernel, peak MB | plain Python, s | ratio |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for requests in dict.fromkeys(each.conditions["intended_requests"] for each in records):
        found = {
            (each.name, each.metric): each
            for each in records
            if each.conditions["intended_requests"] == requests
        }
        kernel, memory = found["numba", "wall_s"], found["numba", "peak_rss_mb"]
        python = found.get(("python", "wall_s"))
        lines.append(
            f"| {kernel.conditions['requests']:,} | {kernel.value:.2f} | {memory.value:.0f} "
            f"| {'' if python is None else f'{python.value:.2f}'} "
            f"| {'' if kernel.ratio is None else f'1/{1 / kernel.ratio:.1f}'} |"
        )
    return "\n".join(lines) + "\n"


def _run(requests: int, backend: Backend) -> dict[str, float]:
    command = (
        *(sys.executable, "-m", "warmlens.cli", "plan", "simulate", "--json"),
        *("--rps", repr(requests / DAY_S), "--hours", "24", "--warm", str(_WARM)),
        *("--backend", backend.value),
    )
    result = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    if result.returncode:
        raise WarmlensError("not_simulated", result.stderr)
    figures: dict[str, float] = json.loads(result.stdout)
    return figures
