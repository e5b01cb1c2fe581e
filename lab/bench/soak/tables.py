"""Tables of the soak tests, for the docs."""

from collections.abc import Iterator, Sequence

from lab.markdown import measured_by, percentile_cell, table
from warmlens.records import Record

PHASES = {"steady": "steady", "step": "three times the capacity", "recovery": "steady again"}
_CODINGS = ("JPEG", "JPEG in a rare coding", "PNG", "GIF", "WebP", "other")


def load_table(records: Sequence[Record]) -> str:
    """Return the calls by phase of a soak test without hostile photos.

    Args:
        records: of the test.
    """
    known = {(each.name, each.metric): each for each in records}
    counts = ("calls", "answered", "throttled", "other_errors", "wrong_class")
    clients = known["capacity", "calls"].conditions["clients"]
    rate = known["capacity", "capacity_rps"].value
    labels = {"capacity": f"{clients} clients one call after another, {rate:.0f} a second"}
    labels |= {phase: _label(known, phase) for phase in PHASES}
    rows = []
    for phase, label in labels.items():
        times = (known.get((phase, metric)) for metric in ("latency_ms", "refusal_ms"))
        rows.append(
            (
                label,
                *(f"{known[phase, each].value:,.0f}" for each in counts),
                *("-" if each is None else _times(each) for each in times),
            )
        )
    header = (
        "phase | calls | answered | 429 | other errors | wrong class "
        "| latency of answers: median, p99, longest | refusals: median, p99, longest"
    )
    return f"{measured_by(records)}.\n\n{table(header, rows)}"


def _label(known: dict[tuple[str, str], Record], phase: str) -> str:
    about = known[phase, "calls"].conditions
    return f"{PHASES[phase]}, {about['rate_rps']:g} a second, {about['duration_s'] / 60:g} minutes"


def hostile_tables(records: Sequence[Record]) -> str:
    """Return the calls by phase, and the answers to hostile photos by coding.

    Args:
        records: of a soak test with hostile photos.
    """
    phases = table(
        "phase | photo | calls | answered | refused by their codes | 429 | wrong "
        "| latency: median, p99, longest",
        _phases({(each.name, each.metric): each for each in records if each.name != "hostile"}),
    )
    counts = {
        (each.conditions["coding"], each.conditions["answer"]): each.value
        for each in records
        if each.name == "hostile"
    }
    answers = sorted({answer for _, answer in counts})
    by_coding = table(
        " | ".join(("hostile photos", *answers)),
        (
            (coding, *(f"{counts.get((coding, answer), 0):,.0f}" for answer in answers))
            for coding in _CODINGS
        ),
    )
    lead = f"{measured_by(records)}"
    return f"{lead}.\n\n{phases}\n{lead}, the answers of all phases.\n\n{by_coding}"


def _phases(known: dict[tuple[str, str], Record]) -> Iterator[tuple[str, ...]]:
    for phase in PHASES:

        def count(*metrics: str, phase: str = phase) -> str:
            return f"{sum(known[phase, metric].value for metric in metrics):,.0f}"

        yield (
            *(
                _label(known, phase),
                "the sample",
                count("calls"),
                count("answered"),
                "0",
                count("throttled"),
            ),
            *(count("other_errors", "wrong_class"), _times(known[phase, "latency_ms"])),
        )
        yield (
            *("", "hostile", count("hostile_calls"), count("hostile_answered")),
            *(count("hostile_refused"), count("hostile_throttled"), count("hostile_wrong")),
            _times(known[phase, "hostile_ms"]),
        )


def _times(record: Record) -> str:
    p99 = percentile_cell(record, 99, ",.0f")  # a dash where there were too few calls for it
    return f"{record.value:,.0f}, {p99}, {record.conditions['max_ms']:,.0f} ms"
