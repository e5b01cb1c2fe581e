"""The section on figures that the paper prints in two ways."""

from lab.experiments.printed import PAPERS
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.text import Chart
from lab.markdown import table
from warmlens.records import Record


def printed_section(results: RecordSet, chart: Chart) -> str:
    """Return the list of figures that the paper prints in two ways; it has no verdicts."""
    by_what: dict[str, list[Record]] = {}
    for each in results.select("printed_twice", PAPERS):
        by_what.setdefault(each.conditions["what"], []).append(each)
    return "\n".join(
        [
            "## Figures that the paper prints in two ways\n",
            "No result of ours can decide them; the last column says which figure is right where "
            "the paper does.\n",
            table(
                "where | what | printed as | right",
                (
                    (
                        found[0].conditions["where"],
                        what,
                        ", ".join(map(_as_printed, found)),
                        _right(found[0]),
                    )
                    for what, found in by_what.items()
                ),
            ),
        ]
    )


def _as_printed(record: Record) -> str:
    place: str = record.conditions["place"]
    return place if _is_a_unit(record) else f"{record.value:,} {record.unit} {place}"


def _right(record: Record) -> str:
    right, because = (record.conditions[key] for key in ("right", "because"))
    if right is None:
        return f"open: {because}"
    return f"{'seconds' if _is_a_unit(record) else f'{right:,} {record.unit}'}: {because}"


def _is_a_unit(record: Record) -> bool:
    """Return whether it is a unit that is printed in two ways: its value is that of one, in s."""
    return record.unit == "s"
