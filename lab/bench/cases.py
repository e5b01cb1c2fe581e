"""`python -m lab bench cases`: plans for typical traffic, and the time that they take."""

import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from lab.markdown import figure_cell
from lab.period import up_to_a_processor
from warmlens.console import out
from warmlens.errors import WarmlensError
from warmlens.planner.service_times import OTHER_SHARE
from warmlens.progress import spinner
from warmlens.records import Record, machine, read_records, today, write_records

COMMAND = "python -m lab bench cases"
OBJECTIVE = "--slo p99=1s --cold-share 0.1%"
CASES = {
    "50 a day": "--rps 0.000579",
    "a shop, 2 a second at its peak": "--traffic docs/examples/shop.csv",
    "50 at once each hour": "--rps 0.0001 --burst-size 50 --bursts-per-hour 1",
    "20 a second": "--rps 20",
    "300 a second": "--rps 300",
    "1,000 a second": "--rps 1000",
    "a load balancer's week": "--traffic docs/examples/elb-requests.csv",
}
"""Traffic and the options of `warmlens plan` that give it."""


def cases_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print records as JSON Lines and nothing else.")
    ] = False,
) -> None:
    """Plan for seven typical cases, without Numba, and time the command's processor."""
    records = []
    with spinner("planning") as tell:
        for record in measure_cases():
            tell(f"{record.conditions['case']} is done")
            records.append(record)
    if as_json:
        typer.echo(write_records(records), nl=False)
    else:
        out.print(table(records), end="")


def measure_cases() -> Iterator[Record]:
    """Yield the records of each case's plan and runner-up, and the time of its command.

    Raises:
        WarmlensError: a command failed.
    """
    for case, options in CASES.items():
        arguments = f"plan {options} {OBJECTIVE}"
        before_s, begun_s = _processor_s(), time.monotonic()
        result = subprocess.run(
            [
                *(sys.executable, "-m", "warmlens.cli", *shlex.split(arguments)),
                *("--backend", "python", "--json"),
            ],
            capture_output=True,
            text=True,
            check=False,
            encoding="utf-8",
        )
        if result.returncode:
            raise WarmlensError("not_planned", f"{arguments}: {result.stdout}{result.stderr}")
        asked = {"case": case, "arguments": arguments}
        for each in read_records(result.stdout):
            if each.conditions["rank"]:
                yield replace(each, conditions={**each.conditions, **asked})
        for metric, value in (
            ("processor_s", _processor_s() - before_s),
            ("wall_s", time.monotonic() - begun_s),
        ):
            yield Record(
                name=case,
                metric=metric,
                value=round(value, 1),
                unit="s",
                kind="measured",
                conditions=asked,
                command=COMMAND,
                machine=machine(),
                date=today(),
                samples=1,
            )


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(records: Sequence[Record]) -> str:
    """Return a Markdown table, one line for each case."""
    (measured, *_) = (each for each in records if each.metric == "processor_s")
    plans = up_to_a_processor(records)
    unlike = any(OTHER_SHARE in each.conditions.get("times", OTHER_SHARE) for each in plans)
    lines = [
        *([f"Times up to 1,769 MB were measured {OTHER_SHARE}.", ""] if unlike else []),
        f"Planned once each by `{COMMAND}` on {measured.date}, {measured.machine}: "
        f"`warmlens plan` with the options of a row and `{OBJECTIVE}`, in plain Python. "
        "*Processor* is the processor time of the whole command, which uses one core. Costs have "
        "95 % intervals; a runner-up whose interval overlaps that of the plan is *as cheap*.",
        "",
        "| users | options | plan | USD a month | p99, ms | cold | runner-up | processor, s |",
        "| --- | --- | --- | ---: | ---: | ---: | --- | ---: |",
    ]
    for case in dict.fromkeys(each.conditions["case"] for each in records):
        found = {
            (each.conditions.get("rank", ""), each.metric): each
            for each in records
            if each.conditions["case"] == case
        }
        cost, latency = found["chosen", "cost_usd_per_month"], found["chosen", "latency_ms"]
        other = found.get(("runner-up", "cost_usd_per_month"))
        runner_up = _runner_up(cost, other) if other else "none"
        options = cost.conditions["arguments"].removeprefix("plan ").removesuffix(f" {OBJECTIVE}")
        lines.append(
            f"| {case} | `{options}` | {cost.name} "
            f"| {figure_cell(cost.value, cost.interval, ',.2f')} | {latency.value:.0f} "
            f"| {cost.conditions['cold_share']:.3%} | {runner_up} "
            f"| {found['', 'processor_s'].value:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _runner_up(cost: Record, other: Record) -> str:
    """Return the runner-up with its cost, and whether the intervals of both costs overlap."""
    text = f"{other.name}, ${figure_cell(other.value, other.interval, ',.2f')}"
    if cost.interval is None or other.interval is None or other.interval[0] > cost.interval[1]:
        return text
    return f"{text}, as cheap"
