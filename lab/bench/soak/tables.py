"""Tables of the soak test with hostile photos, for the docs."""

from collections.abc import Iterator, Sequence

from lab.markdown import measured_by, percentile_cell, table
from warmlens.records import Record

PHASES = {"steady": "steady", "step": "three times the capacity", "recovery": "steady again"}
_CODINGS = ("JPEG", "JPEG in a rare coding", "PNG", "GIF", "WebP", "other")


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
    for phase, name in PHASES.items():

        def count(*metrics: str, phase: str = phase) -> str:
            return f"{sum(known[phase, metric].value for metric in metrics):,.0f}"

        about = known[phase, "calls"].conditions
        label = f"{name}, {about['rate_rps']:g} a second, {about['duration_s'] / 60:g} minutes"
        yield (
            *(label, "the sample", count("calls"), count("answered"), "0", count("throttled")),
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
