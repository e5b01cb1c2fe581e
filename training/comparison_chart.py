"""Chart of a comparison of training modes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.comparison_records import rows
from training.model_packages import import_model_package
from warmlens.records import Record

_WORDS = {"top1": "all", "packages_top1": "packages alone", "coarse_top1": "coarse class"}


def write_chart(records: Sequence[Record], path: Path) -> None:
    """Write the chart of :func:`draw` to a .png or .svg file."""
    figure = import_model_package("matplotlib.figure").Figure(
        figsize=size_of(records), layout="constrained"
    )
    draw(records, figure)
    figure.savefig(path, dpi=110)


def size_of(records: Sequence[Record]) -> tuple[float, float]:
    """Return width and height of the chart in inches."""
    return 8, 1.4 + 0.45 * len(rows(records))


def draw(records: Sequence[Record], figure: Any) -> None:
    """Draw each row's accuracy with its 95 % interval over photos, and each seed as a dot."""
    axes = figure.subplots()
    drawn = rows(records)
    metrics = list(dict.fromkeys(metric for row in drawn for metric in row.figures))
    height = 0.8 / len(metrics)
    for number, metric in enumerate(metrics):
        split, _, what = metric.partition("_")
        label = " ".join(filter(None, (split if split != "test" else "", _WORDS.get(what, what))))
        for index, row in enumerate(drawn):
            if metric not in row.figures:
                continue
            shown = row.figures[metric]
            y = index + (number - (len(metrics) - 1) / 2) * height
            low, high = shown.over_photos
            axes.barh(
                y, shown.mean, height * 0.9, color=f"C{number}", alpha=0.55,
                label=label if index == 0 else None,
                xerr=[[shown.mean - low], [high - shown.mean]], error_kw={"linewidth": 0.8},
            )  # fmt: skip
            axes.plot(shown.values, [y] * len(shown.values), "k.", markersize=3)
            axes.text(high + 1, y, f"{shown.mean:.1f}", va="center", fontsize=7)
    axes.set_yticks(range(len(drawn)), [f"{row.name}\n{row.stages}" for row in drawn])
    axes.tick_params(axis="y", labelsize=7)
    axes.invert_yaxis()
    axes.set(xlim=(0, 108), xlabel="right in %: mean, 95 % interval over photos, each dot a seed")
    figure.legend(loc="outside upper right", ncols=len(metrics), frameon=False)
    axes.grid(axis="x", alpha=0.3)
