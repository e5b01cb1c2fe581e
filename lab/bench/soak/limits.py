"""Limits of the soak test, and a sentence for each limit that records break."""

from collections.abc import Iterator, Sequence

from warmlens.records import Record

RECOVERED_WITHIN_S = 30
"""The time within which twenty calls in a row must be as fast as before the step."""

NONE = ("other_errors", "wrong_class", "hostile_wrong", "lost_instances")
"""Metrics that must be 0. `hostile_wrong` counts hostile photos that got an unexpected answer."""

# Accepted calls are not queued: during the step, answers may be slower but do not wait.
STEP_FACTOR, STEP_MS = 5, 1_000
# Random arrivals are refused unevenly, above all in a short phase.
REFUSED_FACTOR, REFUSED_SHARE = 1.5, 0.1
# The emulator's memory is reported without a limit, since it grows with its logs.
OUR_MEMORY = ("server_rss_mb", "instances_rss_mb")
MEMORY_FACTOR, MEMORY_MB = 1.2, 50
# Open connections count as files; an additional process may be the warmer's.
MORE_FILES = 100
MORE_PROCESSES = {"server": 0, "emulator": 2}


def problems(records: Sequence[Record]) -> list[str]:
    """Return one sentence for each broken limit.

    Args:
        records: of a soak, as `lab.bench.soak.phases` gives them.
    """
    return [*_answers(records), *_recovery(records), *_growth(records)]


def _answers(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        if record.metric in NONE and record.value:
            examples = ", ".join(record.conditions.get("first", ()))
            yield (
                f"{record.name}: {record.metric} is {record.value:g}, allowed is 0"
                + (f" ({examples})" if examples else "")
            )
    p99 = {each.name: each.p99 or 0.0 for each in records if each.metric == "latency_ms"}
    allowed_ms = STEP_FACTOR * p99.get("steady", 0.0) + STEP_MS
    if p99.get("step", 0.0) > allowed_ms:
        yield f"step: the p99 of answers is {p99['step']:.0f} ms, allowed is {allowed_ms:.0f}"


def _recovery(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        if record.metric == "recovered" and not record.value:
            yield "recovery: the service did not get as fast as before"
        if record.metric == "recovered_after_s" and record.value > RECOVERED_WITHIN_S:
            yield (
                f"recovery: as fast as before after {record.value:g} s, "
                f"allowed is {RECOVERED_WITHIN_S}"
            )
    steady, recovery = (_refused_share(records, name) for name in ("steady", "recovery"))
    if recovery > REFUSED_FACTOR * steady + REFUSED_SHARE:
        yield f"recovery: {recovery:.1%} of the calls were refused, {steady:.1%} before the step"


def _growth(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        kind, _, what = record.metric.partition("_")
        allowed = None
        if record.metric in OUR_MEMORY:
            was = _before(record, records)
            allowed = MEMORY_FACTOR * was + MEMORY_MB
        elif what == "files":
            was = _before(record, records)
            allowed = was + MORE_FILES
        elif what == "processes" and kind in MORE_PROCESSES:
            was = record.conditions["before"]
            allowed = was + MORE_PROCESSES[kind]
        if allowed is not None and record.value > allowed:
            yield f"{record.name}: {record.metric} grew from {was:g} to {record.value:g}"


def _refused_share(records: Sequence[Record], phase: str) -> float:
    counts = {each.metric: each.value for each in records if each.name == phase}
    return counts.get("throttled", 0) / max(1, counts.get("calls", 0))


def _before(record: Record, records: Sequence[Record]) -> float:
    """Return the usage before the step, scaled to the number of processes after it."""
    kind = record.metric.partition("_")[0]
    (processes,) = (
        each for each in records if (each.name, each.metric) == (record.name, f"{kind}_processes")
    )
    before = max(1, processes.conditions["before"])
    return float(record.conditions["before"] * processes.value / before)
