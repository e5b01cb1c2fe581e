"""Chart of cold starts by stage, implementation and memory size."""

from collections.abc import Sequence
from typing import Any

from lab.bench.speed.comparison import BASELINES, OURS
from warmlens.records import QUICK, Record

SIZE = (9, 9)
"""Width and height in inches."""

TITLES = {**BASELINES, OURS: "ours"}
"""Of the panels, by the name in the records."""

_COLORS = {
    "interpreter": "#9ca3af",
    "modules": "#93c5fd",
    "imports": "#2563eb",
    "images_client": "#60a5fa",
    "runtime": "#7c3aed",
    "files": "#b45309",
    "session": "#f59e0b",
    "dry_forward": "#15803d",
    "handover": "#78716c",
    "fetch": "#0f766e",
    "decode": "#dc2626",
    "inference": "#65a30d",
    "request": "#57534e",
}


def draw(records: Sequence[Record], figure: Any) -> None:
    """Draw the median of each stage; each implementation has its own scale.

    Args:
        records: of `python -m lab bench cold`.
        figure: an empty figure of Matplotlib.
    """
    stages = [record for record in records if record.metric == "cold_stage_ms"]
    names = list(dict.fromkeys(record.name for record in stages))
    quick = ", of a quick run" if any(each.mode == QUICK for each in stages) else ""
    figure.suptitle(f"Cold starts by stage, medians{quick}; each panel with its own scale")
    panels = figure.subplots(len(names), squeeze=False)
    for (axes,), name in zip(panels, names, strict=True):
        cases = list(dict.fromkeys(_case(record) for record in stages if record.name == name))
        totals = [0.0] * len(cases)
        for stage, color in _COLORS.items():
            times = {
                _case(record): max(0.0, record.value)
                for record in stages
                if record.name == name and record.conditions["stage"] == stage
            }
            if not times:
                continue
            widths = [times[case] for case in cases]
            axes.barh(cases, widths, left=totals, label=stage, color=color)
            totals = [total + width for total, width in zip(totals, widths, strict=True)]
        for row, total in enumerate(totals):
            axes.text(total, row, f" {total:.0f} ms", va="center")
        axes.margins(x=0.12)
        axes.invert_yaxis()
        axes.set(title=TITLES.get(name, name), xlabel="ms")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6)


def _case(record: Record) -> str:
    conditions = record.conditions
    cache = "" if conditions["page_cache"] == "warm" else ", cache dropped"
    store = "" if conditions["model_store"] == "image" else ", S3"
    return f"{conditions['input_px']} px, {conditions['memory_mb']} MB{store}{cache}"
