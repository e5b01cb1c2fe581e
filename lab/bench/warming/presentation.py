"""Table and chart of the comparison of warming policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.bench.warming.policies import HOLDS_MS, Policy, held_name
from warmlens.records import Record

COLORS = {
    Policy.OFF: "#6b7280",
    Policy.AHEAD: "#15803d",
    Policy.ONE_PING: "#b45309",
    Policy.DEFAULT: "#dc2626",
    Policy.PING: "#7c3aed",
    Policy.PROVISIONED: "#2563eb",
}
"""The policies that are shown. SnapStart has the shares of `off`, since it only makes starts
shorter, and `ahead + ping N` has those of `ping N`."""


CHOICES = (
    (
        "People on the page, one at a time",
        "`wake_ahead`, which is on; `warming` may be `off`",
        "12 an hour",
        Policy.AHEAD,
    ),
    (
        "Clients of the API, one at a time",
        "the defaults: `wake_ahead`, one instance by `ping`",
        "12 an hour, without the page",
        Policy.DEFAULT,
    ),
    (
        "People in groups",
        '`warm_instances = "auto"`, or as many as come together',
        "groups of 5 within 2 s, 4 an hour",
        Policy.AHEAD_AND_PING,
    ),
    (
        "Programs, many at once",
        "`warm_instances` of as many as call at once",
        "groups of 50 within 0.1 s, 1 an hour, without the page",
        Policy.AHEAD_AND_PING,
    ),
    (
        "Anyone, where no call up to N may be cold",
        '`warming = "provisioned"`',
        "groups of 5 within 2 s, 4 an hour",
        Policy.PROVISIONED,
    ),
    (
        "Anyone, a model that starts in seconds, no N is enough",
        '`warming = "snapstart"`',
        "12 an hour, without the page, a model that starts in 3 s",
        Policy.SNAPSTART,
    ),
)
"""A kind of user, the advised setting, and the simulation that shows its effect."""


def choices(records: Sequence[Record]) -> str:
    """Return a Markdown table of what to set, with the figures of each choice."""
    lines = [
        "| who comes | what to set | users that meet a cold start, without and with it "
        "| longest wait, ms | USD a month |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    values = {(each.conditions["workload"], each.name, each.metric): each.value for each in records}
    for who, setting, workload, policy in CHOICES:
        cold, longest = (
            [values[workload, name, metric] for name in (Policy.OFF, policy)]
            for metric in ("cold_share", "longest_ms")
        )
        usd = values[workload, policy, "warming_usd_per_month"]
        lines.append(
            f"| {who} | {setting} | {cold[0]:.2%} and {cold[1]:.2%} "
            f"| {longest[0]:,.0f} and {longest[1]:,.0f} | {usd:.2f} |"
        )
    return "\n".join(lines) + "\n"


def table(records: Sequence[Record]) -> str:
    """Return a Markdown table of the shares of cold starts, one line for each kind of users."""
    lines = [
        f"| users | N | {' | '.join(COLORS)} |",
        f"| --- | ---: |{' ---: |' * len(COLORS)}",
    ]
    shares = _share_cells(records)
    counts = {each.conditions["workload"]: each.conditions["instances"] for each in records}
    for workload in _workloads(records):
        cells = [shares[workload, policy] for policy in COLORS]
        count = counts[workload]
        lines.append(f"| {workload} | {count} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


_HELD_SHOWN = (
    "2 an hour",
    "12 an hour",
    "60 an hour",
    "groups of 5 within 2 s, 4 an hour",
    "groups of 5 within 0.1 s, 4 an hour, without the page",
    "groups of 50 within 0.1 s, 1 an hour, without the page",
)


def held_table(records: Sequence[Record]) -> str:
    """Return a Markdown table of wakes ahead by their hold."""
    names = {"off": str(Policy.OFF), "no hold": str(Policy.AHEAD)}
    names |= {f"{hold_ms} ms": held_name(hold_ms) for hold_ms in HOLDS_MS}
    lines = [f"| users | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    shares = _share_cells(records)
    for workload in _HELD_SHOWN:
        cells = [shares[workload, name] for name in names.values()]
        lines.append(f"| {workload} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


_LEFT_OUT = {*(f"{count} by hand" for count in (2, 6, 7, 11, 15)), "auto, up to 20"}


def chosen_table(records: Sequence[Record]) -> str:
    """Return a Markdown table of what the warmer chooses, and what can be picked by hand.

    Args:
        records: of `python -m lab bench chosen`.
    """
    withins = list(dict.fromkeys(each.conditions["within_s"] for each in records))
    columns = [f"cold starts, within {within_s:g} s | USD a month" for within_s in withins]
    lines = [f"| choice | {' | '.join(columns)} |", f"| --- |{' ---: |' * 2 * len(withins)}"]
    values = {(each.name, each.conditions["within_s"], each.metric): each for each in records}
    for name in dict.fromkeys(each.name for each in records):
        if name in _LEFT_OUT:
            continue
        cells = []
        for within_s in withins:
            cold = values[name, within_s, "cold_starts"]
            seen = cold.conditions["cold_starts"]
            usd = values[name, within_s, "warming_usd_per_month"].value
            cells.append(f"{cold.value:.1f} ({min(seen)} to {max(seen)}) | {usd:.2f}")
        lines.append(f"| {name}{_chosen(values, name, withins)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _chosen(
    values: Mapping[tuple[str, float, str], Record], name: str, withins: Sequence[float]
) -> str:
    """Return the numbers of instances that `auto` chose."""
    if not name.startswith("auto"):
        return ""
    found = []
    for within_s in withins:
        weeks = values[name, within_s, "cold_starts"].conditions["instances"]
        counts = [count for week in weeks for count in week]
        found.append(f"{min(counts)} to {max(counts)}")
    return f": {' and '.join(found)}"


def details(records: Sequence[Record], workload: str) -> str:
    """Return a Markdown table of all figures for one kind of users."""
    lines = [
        "| policy | met a cold start | made slower by a round | p50 ms | p95 ms | p99 ms "
        "| longest ms | calls to warm a day | USD a month |",
        f"| --- |{' ---: |' * 8}",
    ]
    same = [each for each in records if each.conditions["workload"] == workload]
    for policy in Policy:
        found = {each.metric: each for each in same if each.name == policy}
        if found:
            lines.append(f"| {policy} | {' | '.join(_figures(found))} |")
    return "\n".join(lines) + "\n"


def _figures(found: Mapping[str, Record]) -> list[str]:
    latency = found["latency_ms"]
    calls = found["pings_per_day"].value + found["wakes_per_day"].value
    return [
        share_cell(found["cold_share"]),
        f"{found['slowed_by_round_share'].value:.2%}",
        *(f"{value:.0f}" for value in (latency.value, latency.p95, latency.p99)),
        f"{found['longest_ms'].value:.0f}",
        f"{calls:.0f}",
        f"{found['warming_usd_per_month'].value:.2f}",
    ]


def draw(records: Sequence[Record], figure: Any) -> None:
    """Draw the share of cold starts by users and policy.

    Args:
        records: of `python -m lab bench warming`.
        figure: an empty figure of Matplotlib.
    """
    workloads = _workloads(records)
    shares = cold_shares(records)
    axes = figure.subplots()
    for number, (policy, color) in enumerate(COLORS.items()):
        # Slightly apart, so that points with equal shares stay visible.
        shift = (number - (len(COLORS) - 1) / 2) * 0.1
        axes.scatter(
            [100 * shares[workload, policy] for workload in workloads],
            [row + shift for row in range(len(workloads))],
            label=str(policy),
            color=color,
            alpha=0.85,
        )
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set(
        title="Users that met a cold start (simulated)",
        xlabel="% of users",
        yticks=range(len(workloads)),
        yticklabels=workloads,
        xlim=(-0.01, 100),
        xticks=[0, 0.1, 1, 10, 100],
        xticklabels=["0", "0.1", "1", "10", "100"],
    )
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3)


def cold_shares(records: Sequence[Record]) -> dict[tuple[str, str], float]:
    """Return the shares of users that met a cold start, by users and policy."""
    return {
        (each.conditions["workload"], each.name): each.value
        for each in records
        if each.metric == "cold_share"
    }


def share_cell(record: Record) -> str:
    """Return a share in %, with its 95 % interval where there were several simulations."""
    if record.interval is None:
        return f"{record.value:.2%}"
    low, high = (f"{100 * each:.2f}" for each in record.interval)
    return f"{record.value:.2%} ({low} to {high})"


def _share_cells(records: Sequence[Record]) -> dict[tuple[str, str], str]:
    return {
        (each.conditions["workload"], each.name): share_cell(each)
        for each in records
        if each.metric == "cold_share"
    }


def _workloads(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(str(record.conditions["workload"]) for record in records))
