"""The picture of a cold start's parts: `python -m lab.pictures.cold_start FILE`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.cold_start import PLATFORM_MS, ColdStart, cold_starts, first_visit_s
from lab.figures import write_figure
from lab.kept_records import kept_records
from warmlens.records import Record

_COLORS = ("#d6d3d1", "#8d857b", "#3d4a5c", "#2563a8")
_PARTS = ("platform time, published: median, and 95 of 100", "process start", "init", "first call")


def write(file: Path) -> None:
    """Draw the picture from the kept records.

    Args:
        file: an SVG or PNG file.
    """
    speed, visits = kept_records("speed"), kept_records("first-visitor")
    height = 3 + 0.3 * len(cold_starts(speed))
    write_figure(lambda figure: draw(speed, visits, figure), file, size=(8, height))


def draw(speed: Sequence[Record], visits: Sequence[Record], figure: Any) -> None:
    """Draw each cold start by its parts, and the first visitor's wait below.

    Args:
        speed: records of `python -m lab bench cold`.
        visits: records of `python -m lab bench first-visitor`.
        figure: an empty figure of Matplotlib.
    """
    cases = cold_starts(speed)
    top, bottom = figure.subplots(2, height_ratios=(len(cases) + 1, 3))
    _draw_parts(cases, top)
    _draw_visits(visits, bottom)
    figure.legend(*top.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=7)
    where = "; ".join(f"{each.machine}, {each.date}" for each in (cases[0].record, visits[0]))
    figure.supxlabel(f"Seconds. Measured here, except for the platform time:\n{where}", fontsize=7)


def _draw_parts(cases: Sequence[ColdStart], axes: Any) -> None:
    low_ms, median_ms, high_ms = PLATFORM_MS
    names = [f"{each.store}, {each.page_cache} cache, {each.memory_mb:,} MB" for each in cases]
    ends = [0.0] * len(cases)
    for number, (part, color) in enumerate(zip(_PARTS, _COLORS, strict=True)):
        widths = [
            (median_ms if number == 0 else each.parts_ms[number - 1]) / 1000 for each in cases
        ]
        axes.barh(names, widths, left=ends, label=part, color=color)
        ends = [end + width for end, width in zip(ends, widths, strict=True)]
    errors = [
        [(median_ms - low_ms) / 1000] * len(cases),
        [(high_ms - median_ms) / 1000] * len(cases),
    ]
    axes.errorbar(ends, names, xerr=errors, fmt="none", ecolor="#1c1917", capsize=3)
    for row, each in enumerate(cases):
        axes.text(ends[row] + errors[1][0], row, f" {each.on_aws_s} s", va="center")
    axes.margins(x=0.24)
    axes.invert_yaxis()
    axes.set_title("A cold start on AWS, estimated")


def _draw_visits(visits: Sequence[Record], axes: Any) -> None:
    later, ahead, at_once, platform_s = first_visit_s(visits)
    waits_s = {
        "a later visitor": later,
        "the first, page open for 2 s": ahead,
        "the first, photo sent as the page opens": at_once,
    }
    for label, wait_s in waits_s.items():
        axes.barh([label], [wait_s], color=_COLORS[3])
        axes.text(wait_s, label, f" {wait_s:.2f} s", va="center")
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_title(
        "The whole first visit, from the tap to the answer, "
        f"platform time {1000 * platform_s:,.0f} ms"
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]))
