"""The comparison of warming policies as a Markdown table and as a chart."""

from collections.abc import Sequence
from html import escape

from warmlens.records import Record

_COLORS = {
    "off": "#6b7280",
    "one ping": "#b45309",
    "naive pings": "#dc2626",
    "75 ms delay": "#7c3aed",
    "ours": "#15803d",
    "ours, 100 ms": "#65a30d",
    "provisioned": "#2563eb",
}
_LEFT, _WIDTH, _ROW, _TOP = 190, 560, 34, 64
_HIGHEST = 0.6


def table(records: Sequence[Record]) -> str:
    """Return a Markdown table, one line for each workload and policy."""
    lines = [
        "| users | policy | met a cold start | made slower by a round | p50 ms | p95 ms | p99 ms "
        "| instance-seconds held a day | pings a day | USD a month |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for workload in _workloads(records):
        for policy in _policies(records):
            found = {
                each.metric: each
                for each in records
                if each.name == policy and each.conditions["workload"] == workload
            }
            latency = found["latency_ms"]
            cells = [
                workload,
                policy,
                f"{found['cold_share'].value:.2%}",
                f"{found['slowed_by_round_share'].value:.2%}",
                *(f"{value:.0f}" for value in (latency.value, latency.p95, latency.p99)),
                f"{found['held_instance_s_per_day'].value:.0f}",
                f"{found['pings_per_day'].value:.0f}",
                f"{found['warming_usd_per_month'].value:.2f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def chart(records: Sequence[Record]) -> str:
    """Return an SVG: for each workload, the share of users that met a cold start, by policy."""
    workloads, policies = _workloads(records), _policies(records)
    height = _TOP + _ROW * len(workloads) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 40} {height}" '
        'font-family="sans-serif" font-size="12" role="img">',
        "<title>Users that met a cold start, by workload and policy (simulated)</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, policy in enumerate(policies):
        left = 12 + number * 108
        parts.append(f'<circle cx="{left}" cy="20" r="5" fill="{_COLORS[policy]}"/>')
        parts.append(f'<text x="{left + 9}" y="24">{escape(policy)}</text>')
    for tenth in range(int(_HIGHEST * 10) + 1):
        x = _x(tenth / 10)
        parts.append(f'<path d="M{x} {_TOP - 12}V{height - 36}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{x}" y="{height - 18}" text-anchor="middle">{tenth * 10} %</text>')
    for row, workload in enumerate(workloads):
        y = _TOP + row * _ROW
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">')
        parts.append(f"{escape(workload)}</text>")
        for number, policy in enumerate(policies):
            (share,) = (
                each.value
                for each in records
                if each.metric == "cold_share"
                and each.name == policy
                and each.conditions["workload"] == workload
            )
            # A little apart, so that equal shares are all seen.
            shifted = y + (number - (len(policies) - 1) / 2) * 3
            parts.append(
                f'<circle cx="{_x(share)}" cy="{shifted:.1f}" r="4" fill="{_COLORS[policy]}" '
                f'fill-opacity="0.85"><title>{escape(policy)}: {share:.2%}</title></circle>'
            )
    return "\n".join([*parts, "</svg>", ""])


def _x(share: float) -> str:
    return f"{_LEFT + min(share, _HIGHEST) / _HIGHEST * _WIDTH:.1f}"


def _workloads(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(str(record.conditions["workload"]) for record in records))


def _policies(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(record.name for record in records))
