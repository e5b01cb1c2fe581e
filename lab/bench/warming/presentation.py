"""Table and chart of the comparison of warming policies."""

from collections.abc import Sequence
from typing import Any

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


def draw(records: Sequence[Record], figure: Any) -> None:
    """Draw the share of cold starts by workload and policy.

    Args:
        records: of `python -m lab bench warming`.
        figure: an empty figure of Matplotlib.
    """
    workloads, policies = _workloads(records), _policies(records)
    shares = {
        (record.conditions["workload"], record.name): record.value
        for record in records
        if record.metric == "cold_share"
    }
    axes = figure.subplots()
    for number, policy in enumerate(policies):
        # Slightly apart, so that points with equal shares stay visible.
        shift = (number - (len(policies) - 1) / 2) * 0.1
        axes.scatter(
            [100 * shares[workload, policy] for workload in workloads],
            [row + shift for row in range(len(workloads))],
            label=policy,
            color=_COLORS[policy],
            alpha=0.85,
        )
    axes.set(
        title="Users that met a cold start (simulated)",
        xlabel="% of users",
        yticks=range(len(workloads)),
        yticklabels=workloads,
    )
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4)


def _workloads(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(str(record.conditions["workload"]) for record in records))


def _policies(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(record.name for record in records))
