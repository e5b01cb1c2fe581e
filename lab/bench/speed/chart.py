"""Cold starts as a picture: one bar for each implementation and memory size, made of its stages."""

from collections.abc import Sequence
from html import escape

from lab.bench.speed.cold import STAGES
from warmlens.records import Record

_COLORS = {
    "interpreter": "#9ca3af",
    "imports": "#2563eb",
    "images_client": "#60a5fa",
    "runtime": "#7c3aed",
    "files": "#b45309",
    "session": "#f59e0b",
    "dry_forward": "#15803d",
    "fetch": "#0f766e",
    "decode": "#dc2626",
    "inference": "#65a30d",
    "other": "#d1d5db",
}
_LEFT, _WIDTH, _BAR, _GAP, _TOP = 230, 640, 18, 10, 64


def chart(records: Sequence[Record]) -> str:
    """Return an SVG of the stages' medians; each implementation has a scale of its own.

    Both on one scale would leave nothing to see of the smaller one, so there is a panel for each.
    """
    stages = [record for record in records if record.metric == "cold_stage_ms"]
    names = list(dict.fromkeys(record.name for record in stages))
    cases = list(dict.fromkeys(_case(record) for record in stages))
    panel = _TOP + len(cases) * (_BAR + _GAP) + 24
    height = panel * len(names) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 110} {height}" '
        'font-family="sans-serif" font-size="12" role="img">',
        "<title>Cold starts by stage, baseline and ours</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, name in enumerate(names):
        parts += _panel([each for each in stages if each.name == name], cases, number * panel + 30)
    parts += _legend()
    return "\n".join([*parts, "</svg>", ""])


def _panel(records: Sequence[Record], cases: Sequence[str], top: int) -> list[str]:
    by_case = {
        case: {
            str(record.conditions["stage"]): max(0.0, record.value)
            for record in records
            if _case(record) == case
        }
        for case in cases
    }
    longest_ms = max(sum(stages.values()) for stages in by_case.values())
    parts = [
        f'<text x="12" y="{top + 24}" font-weight="bold">{escape(records[0].name)}</text>',
    ]
    for row, (case, stages) in enumerate(by_case.items()):
        y = top + 40 + row * (_BAR + _GAP)
        x = float(_LEFT)
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 13}" text-anchor="end">{escape(case)}</text>')
        for stage in STAGES:
            width = stages[stage] / longest_ms * _WIDTH
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" '
                f'fill="{_COLORS[stage]}"><title>{stage}: {stages[stage]:.0f} ms</title></rect>'
            )
            x += width
        parts.append(f'<text x="{x + 8:.1f}" y="{y + 13}">{sum(stages.values()):.0f} ms</text>')
    return parts


def _legend() -> list[str]:
    parts = []
    for number, stage in enumerate(STAGES):
        x = 12 + number * 88
        parts.append(f'<rect x="{x}" y="10" width="10" height="10" fill="{_COLORS[stage]}"/>')
        parts.append(f'<text x="{x + 14}" y="19" font-size="11">{stage}</text>')
    return parts


def _case(record: Record) -> str:
    conditions = record.conditions
    cache = "" if conditions["page_cache"] == "warm" else ", cache dropped"
    store = "" if conditions["model_store"] == "image" else ", S3"
    return f"{conditions['input_px']} px, {conditions['memory_mb']} MB{store}{cache}"
