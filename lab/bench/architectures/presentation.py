"""Markdown table of cold starts, warm calls and memory by network."""

from collections.abc import Sequence

from lab.markdown import figure_cell, measured_by, ratio_cell, table
from warmlens.records import Record


def architectures_table(records: Sequence[Record]) -> str:
    """Return the table of the networks, as Markdown."""
    head = records[0]
    of = {(each.name, each.metric): each for each in records}
    names = list(dict.fromkeys(each.name for each in records))
    busy = (
        "Other programs used the machine: the times are longer than on a quiet one, and the ratios "
        "alone are of use. "
        if head.conditions["busy"]
        else ""
    )
    rows = []
    for name in names:
        cold, warm, peak = (
            of[name, metric] for metric in ("cold_start_ms", "warm_ms", "peak_rss_mb")
        )
        conditions = cold.conditions
        rows.append(
            (
                conditions["architecture"],
                conditions["input_px"],
                conditions["precision"],
                f"{conditions['file_mb']:g}",
                ratio_cell(warm),
                figure_cell(warm.value, warm.interval, ".1f"),
                ratio_cell(cold),
                figure_cell(cold.value, cold.interval, ".0f"),
                ratio_cell(peak),
                f"{peak.value:.0f}",
            )
        )
    starts, calls = (of[names[0], each].samples for each in ("cold_start_ms", "warm_ms"))
    return (
        f"{measured_by(records)}, at "
        f"{head.conditions['memory_mb']} MB (1 vCPU), with a {head.conditions['image']}: "
        f"{starts} starts and {calls} warm calls of each network, in turns. {busy}The weights are "
        "random, which changes no cost. Ratios are those of medians to "
        f"`{head.ratio_to}`, of means where it says so, with 95 % intervals (bootstrap). "
        "Compare figures within this table: it is another run than those of [Speed]"
        "(performance.md), with a smaller photo.\n\n"
        + table(
            "network | input, px | precision | file, MB | warm, ratio | warm, ms | cold, ratio "
            "| cold, ms | memory, ratio | memory, MiB",
            rows,
        )
    )
