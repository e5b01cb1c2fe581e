"""Table of the comparison with SimFaaS, for the docs."""

import json
import math
import statistics
from collections.abc import Sequence

from lab.bench.simfaas.comparison import METRICS, OURS, OURS_NEWEST_FIRST, SIMFAAS
from lab.markdown import measured_by
from warmlens.planner.statistics import t_975
from warmlens.records import Record


def simfaas_table(records: Sequence[Record]) -> str:
    """Return the table of the comparison with SimFaaS."""
    timed = [each for each in records if each.machine]  # by the clock; the others by a seed
    lines = [
        f"{measured_by(timed)}: simulated in one run, in turns; 95 % intervals over "
        f"{_one(records, SIMFAAS, 'cold_share').samples} and "
        f"{_one(records, OURS, 'cold_share').samples} seeds.",
        "",
        "| example | figure | SimFaaS | ours, its choice of instance | ours, Lambda's |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for example in dict.fromkeys(json.dumps(_example(each)) for each in records):
        same = [each for each in records if json.dumps(_example(each)) == example]
        for metric in METRICS:
            cells = [
                _interval_text(_one(same, name, metric))
                for name in (SIMFAAS, OURS_NEWEST_FIRST, OURS)
            ]
            name = same[0].conditions["name"]
            lines.append(f"| {name} | {metric.replace('_', ' ')} | {' | '.join(cells)} |")
        times = [_one(same, name, "wall_us_per_request") for name in (SIMFAAS, OURS)]
        ratio = times[0].value / times[1].value
        lines.append(
            f"| {same[0].conditions['name']} | us a request | {times[0].value:.1f} | "
            f"| {times[1].value:.3f}, 1/{ratio:.0f} |"
        )
    return "\n".join(lines) + "\n"


def _example(record: Record) -> dict[str, object]:
    return {key: value for key, value in record.conditions.items() if key != "values"}


def _one(records: Sequence[Record], name: str, metric: str) -> Record:
    return next(each for each in records if (each.name, each.metric) == (name, metric))


def _interval_text(record: Record) -> str:
    """Return the mean of a record's values with its 95 % interval (Student's t)."""
    values = record.conditions["values"]
    mean = statistics.fmean(values)
    half = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    digits = 3 - math.floor(math.log10(mean))
    return f"{mean:.{digits}f} ({mean - half:.{digits}f} to {mean + half:.{digits}f})"
