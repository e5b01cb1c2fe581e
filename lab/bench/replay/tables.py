"""Table and findings of the recorded replays, for the docs."""

from collections.abc import Sequence

from lab.markdown import measured_by, wrapped
from warmlens.planner.statistics import exact_binomial
from warmlens.records import Record


def replay_table(records: Sequence[Record]) -> str:
    """Return the table of recorded replays and simulations of the same calls."""
    head = records[0]
    lines = [
        f"{measured_by(records)}, at {head.conditions['memory_mb']:,} MB: "
        f"{head.conditions['hours']:g} hours of the day from "
        f"{head.conditions['from_hour']:g} o'clock, for each seed with other users.",
        "",
        "| seed | users | policy | cold starts | simulated, least to most of 200 | p99, ms |",
        "| ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    p99_ms = {_of_replay(each): each.value for each in records if each.metric == "p99_ms"}
    for each in records:
        if each.metric == "cold_starts":
            low, high = each.conditions["simulated_cold_starts"]
            lines.append(
                f"| {each.conditions['seed']} | {each.samples:,} | {each.name} | {each.value:.0f} "
                f"| {low} to {high} | {p99_ms[_of_replay(each)]:.0f} |"
            )
    return "\n".join(lines) + "\n"


def in_short(records: Sequence[Record]) -> str:
    """Return what the recorded replays with warming say of the objective, as a paragraph."""
    warmed = [each for each in records if each.conditions["warm"]]
    cold = [each for each in warmed if each.metric == "cold_starts"]
    users, met = sum(each.samples or 0 for each in cold), sum(each.value for each in cold)
    low, high = (100 * each for each in exact_binomial(met, users))
    slowest_ms = max(each.value for each in warmed if each.metric == "p99_ms")
    return wrapped(
        f"With warming, {met:.0f} of {users:,} users met a cold start, {100 * met / users:.2f} %; "
        "the objective allows 0.1 %. So few users are weak evidence: the exact 95 % interval of "
        f"the share goes from {low:.2f} % to {high:.2f} %. p99 was {slowest_ms:.0f} ms at most, "
        f"with the API. {_in_the_simulations_range(records)}"
    )


def _in_the_simulations_range(records: Sequence[Record]) -> str:
    """Return how many replays met as many cold starts as some simulation, and which did not."""
    cold = [each for each in records if each.metric == "cold_starts"]
    others = []
    for each in cold:
        low, high = each.conditions["simulated_cold_starts"]
        if not low <= each.value <= high:
            others.append(
                f" With seed {each.conditions['seed']} and {each.name} it was {each.value:.0f}, "
                f"not {low} to {high}; we do not know why."
            )
    return (
        f"The simulation's range has what was met in {len(cold) - len(others)} of {len(cold)} "
        f"replays, if calls take the times that they took there.{''.join(others)}"
    )


def _of_replay(record: Record) -> tuple[int, str]:
    return record.conditions["seed"], record.name
