"""The mistakes of a model on its test photos, as a part of its model card."""

from collections import Counter
from collections.abc import Iterable, Sequence

from training.evaluate import Evaluation
from training.groups import Groups

SHOWN = 15


def mistakes(result: Evaluation, groups: Groups | None) -> str:
    """Return the classes most often confused, and the results by coarse class, as Markdown.

    Args:
        result: the evaluation on one split.
        groups: coarse classes; None leaves them out.
    """
    labels = [each.label for each in result.classes]
    pairs = Counter(
        {
            (row, column): count
            for row, counts in enumerate(result.confusion)
            for column, count in enumerate(counts)
            if count and row != column
        }
    )
    wrong = pairs.total()
    text = f"Of {result.photos:,} photos of the split {result.data}, {wrong:,} were answered wrong."
    if not wrong:
        return f"## Mistakes\n\n{text}"
    shown = pairs.most_common(SHOWN)
    rest = f" The {len(shown)} pairs most often confused, of {len(pairs)}:"
    parts = [
        "## Mistakes",
        text + rest,
        _table(
            "right | answered | photos | of",
            (
                (labels[row], labels[column], count, result.classes[row].photos)
                for (row, column), count in shown
            ),
        ),
    ]
    if groups is not None:
        rows = _by_coarse(result, groups)
        parts += [
            "By coarse class, those with the lowest share of right answers first:",
            _table("coarse class | photos | right class | right coarse class", rows[:SHOWN]),
        ]
        if len(rows) > SHOWN:
            best = len(rows) - SHOWN
            parts.append(f"{best} more coarse classes have {rows[SHOWN][2]} or more.")
    return "\n\n".join(parts)


def _by_coarse(result: Evaluation, groups: Groups) -> list[tuple[str, int, str, str]]:
    found = []
    for name in sorted(set(groups.coarse)):
        members = [number for number, coarse in enumerate(groups.coarse) if coarse == name]
        photos = sum(sum(result.confusion[each]) for each in members)
        if photos:
            fine = sum(result.confusion[each][each] for each in members)
            coarse = sum(result.confusion[each][other] for each in members for other in members)
            found.append(
                (fine / photos, (name, photos, _share(fine, photos), _share(coarse, photos)))
            )
    return [row for _, row in sorted(found)]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}"


def _table(header: str, rows: Iterable[Sequence[object]]) -> str:
    columns = header.count("|") + 1
    lines = [f"| {header} |", "|" + "---|" * columns]
    lines += [
        f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows
    ]
    return "\n".join(lines)
