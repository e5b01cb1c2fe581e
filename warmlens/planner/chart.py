"""The cost-latency chart of a plan as SVG."""

import math
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.records import Record

_COLORS = {
    "off": "#6b7280",
    "ahead": "#d97706",
    "ping": "#15803d",
    "ahead+ping": "#0d9488",
    "provisioned": "#2563eb",
    "snapstart": "#9333ea",
}
_NAMES = {
    "off": "no warming",
    "ahead": "wake ahead",
    "ping": "ping",
    "ahead+ping": "ahead and ping",
    "provisioned": "provisioned",
    "snapstart": "SnapStart",
}
_LEFT, _TOP, _WIDTH, _HEIGHT = 70, 50, 620, 320


def frontier_chart(records: Sequence[Record]) -> str:
    """Return a log-log chart, as SVG, of the records of `warmlens plan --json`."""
    costs = {each.name: each for each in records if each.metric == "cost_usd_per_month"}
    latencies = {each.name: each for each in records if each.metric == "latency_ms"}
    percent = next(iter(latencies.values())).conditions["percent"]
    x = _Axis([each.value for each in costs.values()], _LEFT, _LEFT + _WIDTH)
    target_ms = next(iter(latencies.values())).conditions["latency_at_most_ms"]
    y = _Axis([*(each.value for each in latencies.values()), target_ms], _TOP + _HEIGHT, _TOP)
    bottom = _TOP + _HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 30} '
        f'{bottom + 50}" font-family="sans-serif" font-size="12" role="img">',
        "<title>Cost a month and latency of each plan (simulated)</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, (warming, color) in enumerate(_COLORS.items()):
        left = _LEFT + number * 110
        parts.append(f'<circle cx="{left}" cy="20" r="5" fill="{color}"/>')
        parts.append(f'<text x="{left + 9}" y="24">{_NAMES[warming]}</text>')
    for value in x.ticks():
        at = x.at(value)
        parts.append(f'<path d="M{at} {_TOP}V{bottom}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{at}" y="{bottom + 18}" text-anchor="middle">${value:g}</text>')
    for value in y.ticks():
        at = y.at(value)
        parts.append(f'<path d="M{_LEFT} {at}H{_LEFT + _WIDTH}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4}" text-anchor="end">{value:g} ms</text>')
    parts.append(
        f'<path d="M{_LEFT} {y.at(target_ms)}H{_LEFT + _WIDTH}" stroke="#dc2626" '
        'stroke-dasharray="5 4"/>'
    )
    parts.append(
        f'<text x="{_LEFT + _WIDTH}" y="{y.at(target_ms) - 5}" text-anchor="end" fill="#dc2626">'
        f"objective, p{percent:g} of {target_ms:g} ms</text>"
    )
    frontier = [each for each in costs.values() if each.conditions["frontier"]]
    frontier.sort(key=lambda each: each.value)
    line = " ".join(f"{x.at(each.value)},{y.at(latencies[each.name].value)}" for each in frontier)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#111827"/>')
    for name, cost in costs.items():
        latency = latencies[name]
        color = _COLORS[cost.conditions["warming"]]
        fill = color if cost.conditions["meets"] else "#ffffff"
        chosen = cost.conditions["rank"] == "chosen"
        parts.append(
            f'<circle cx="{x.at(cost.value)}" cy="{y.at(latency.value)}" r="{8 if chosen else 4}" '
            f'fill="{fill}" stroke="{"#111827" if chosen else color}"><title>{escape(name)}: '
            f"${cost.value:.2f} a month, p{percent:g} {latency.value:.0f} ms</title></circle>"
        )
    parts.append(
        f'<text x="{_LEFT}" y="{bottom + 40}">filled: meets the objective; line: nothing is both '
        "cheaper and faster; large: the plan; USD a month to the right, both axes by tenfolds"
        "</text></svg>"
    )
    return "\n".join(parts) + "\n"


def require_writable(file: Path) -> None:
    """Check that a chart can be written to a file.

    Raises:
        WarmlensError: the file is a folder or not writable, or its folder does not exist.
    """
    if file.is_dir():
        why = "it is a folder"
    elif not file.parent.is_dir():
        why = f"no folder {file.parent}"
    elif not os.access(file if file.exists() else file.parent, os.W_OK):
        why = "it is not writable"
    else:
        return
    raise WarmlensError("unwritable_chart", f"--chart {file}: {why}")


def write_chart(file: Path, chart: str) -> None:
    """Write a chart to a file.

    Raises:
        WarmlensError: it cannot be written.
    """
    try:
        file.write_text(chart, encoding="utf-8")
    except OSError as error:
        raise WarmlensError("unwritable_chart", f"--chart {file}: {error.strerror}") from None


class _Axis:
    """A logarithmic axis that shows the values between two places of the page."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        positive = [value for value in values if value > 0] or [1.0]
        self._low = math.log10(min(positive) * 0.8)
        self._high = math.log10(max(positive) * 1.25)
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        """Return the place of a value."""
        share = (math.log10(max(value, 1e-9)) - self._low) / (self._high - self._low)
        return round(self._begin + share * (self._end - self._begin), 1)

    def ticks(self) -> list[float]:
        """Return round values on the axis: 1, 2 and 5 of each power of ten."""
        exponents = range(math.floor(self._low), math.ceil(self._high))
        all_ticks = [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]
        return [each for each in all_ticks if self._low <= math.log10(each) <= self._high]
