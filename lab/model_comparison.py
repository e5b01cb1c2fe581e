"""The paper's figure 3 on real photos: table, and what agrees with the paper, from records."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.markdown import measured_by, table
from training.comparison_records import Row, Variant, difference, photos_of, rows
from warmlens.records import Record

METRIC = "test_top1"
_PLAIN_STARTS = {"none": "random weights", "torchvision": "ImageNet", "package": "ImageNet"}
_STARTS = {**_PLAIN_STARTS, "run": "an earlier run", "file": "a file"}
# What the paper's figure 3 shows: the second of a pair is better.
_CLAIMS = tuple(
    (Variant(*worse), Variant(*better))
    for worse, better in (
        (("small-cnn", False), ("resnet50-head", False)),
        (("small-cnn", False), ("resnet50-full", False)),
        (("resnet50-head", False), ("resnet50-head", True)),
        (("resnet50-full", False), ("resnet50-full", True)),
    )
)


def comparison(records: Sequence[Record]) -> str:
    """Return the table of a comparison, its conditions, and what agrees with the paper."""
    made = rows(records)
    photos = photos_of(records, "test")
    packages = sum(photos["packages"][target] for target in photos["targets"])
    runs = [each for each in records if each.metric == METRIC]
    parts = [
        f"Accuracy in % on {len(photos['targets']):,} test photos, {packages:,} of them of "
        "packages. In parentheses is the 95 % interval over photos (Clopper and Pearson), and with "
        "three seeds or more, the one over seeds (Student's t). Minutes were measured on a machine "
        f"that other programs used, too.\n\n{measured_by(runs)}.\n",
        table(
            "network | starts from | training | seeds | all | packages alone | coarse class "
            "| minutes a run",
            (_cells(row) for row in made),
        ),
        *_started(made),
        *_missing(made),
        *(f"- {sentence}" for sentence in agreement(made)),
    ]
    return "\n".join(parts).rstrip() + "\n"


def drawn(records: Sequence[Record]) -> str:
    """Return the table of a comparison on generated photos."""
    made = rows(records)
    photos = made[0].conditions["photos"]
    lead = (
        f"{measured_by(records)}: {photos:,} test photos of each kind. In parentheses is the 95 % "
        "interval over photos (Clopper and Pearson), and after it the one over seeds (Student's t)."
    )
    cells = (
        (row.name, len(row.seeds), *(_figure(row, each) for each in (METRIC, "hard_top1")))
        for row in made
    )
    return f"{lead}\n\n{table('mode | seeds | test, % | hard test, %', cells)}"


def started_elsewhere(conditions: Mapping[str, Any]) -> bool:
    """Return whether a network that the paper starts from ImageNet's weights started elsewhere.

    Args:
        conditions: those of a run's record.
    """
    own = conditions.get("mode") == "small-cnn"  # the paper trains it from random weights, too
    return not own and conditions.get("initial_weights_kind") in ("none", "run")


def agreement(made: Sequence[Row]) -> Iterator[str]:
    """Yield a sentence for each measured pair of the paper's figure 3."""
    for worse, better in _CLAIMS:
        pair = _comparable(made, worse, better)
        if pair is None:
            continue
        points, (low, high) = difference(pair[1], pair[0], METRIC)
        verdict = "too close to say" if low <= 0 <= high else "as in the paper"
        if high < 0:
            verdict = "the paper has the other order"
        if any(started_elsewhere(row.conditions) for row in pair):
            verdict += ". Not ImageNet's weights, which the paper's ResNet50 starts from"
        yield (
            f"{better.name}, against {worse.name}: {points:+.1f} points (95 % interval over the "
            f"same photos {low:+.1f} to {high:+.1f}): {verdict}."
        )


def _comparable(made: Sequence[Row], worse: Variant, better: Variant) -> tuple[Row, Row] | None:
    """Return the best rows of two variants; those of one mode have the same training."""
    pairs = [
        (one, other)
        for one in made
        for other in made
        if (one.slug, other.slug) == (worse.slug, better.slug)
        and (worse.mode != better.mode or _training(one) == _training(other))
    ]
    of = METRIC
    return max(
        pairs, key=lambda pair: (pair[1].figures[of].mean, pair[0].figures[of].mean), default=None
    )


def _training(row: Row) -> tuple[str, str]:
    return row.stages, row.conditions["initial_weights"]


def _cells(row: Row) -> list[object]:
    return [
        row.name,
        _starts_from(row),
        row.stages + (", mirrored" if row.conditions["mirror"] else ""),
        len(row.seeds),
        *(_figure(row, f"test_{name}") for name in ("top1", "packages_top1", "coarse_top1")),
        "" if row.minutes is None else f"{row.minutes:.0f}" if row.minutes >= 0.5 else "under 1",
    ]


def _figure(row: Row, metric: str) -> str:
    if metric not in row.figures:
        return ""
    shown = row.figures[metric]
    text = f"{shown.mean:.1f} ({shown.over_photos[0]:.1f} to {shown.over_photos[1]:.1f})"
    if shown.over_seeds is not None:
        text += f"; seeds {shown.over_seeds[0]:.1f} to {shown.over_seeds[1]:.1f}"
    return text


def _starts_from(row: Row) -> str:
    kind: str = row.conditions["initial_weights_kind"]
    return _STARTS.get(kind, kind)


def _missing(made: Sequence[Row]) -> Iterator[str]:
    """Yield a line with the networks of the paper's figure 3 that were not measured."""
    slugs = {row.slug for row in made}
    paper = dict.fromkeys(variant for pair in _CLAIMS for variant in pair)
    if absent := [variant.name for variant in paper if variant.slug not in slugs]:
        yield f"- Of the paper's figure, not measured yet: {'; '.join(absent)}."


def _started(made: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each start that is not random and not ImageNet's."""
    starts: dict[str, list[str]] = {}
    for row in made:
        if row.conditions["initial_weights_kind"] not in _PLAIN_STARTS:
            names = starts.setdefault(row.conditions["initial_weights"], [])
            names.append(f"{row.name}, {row.stages}")
    for start, names in starts.items():
        yield f"- Started from an earlier run: {'; '.join(names)}. That is {_in_sentences(start)}."


def _in_sentences(start: str) -> str:
    """Return the description of initial weights, which is one long sentence, in several."""
    parts = start.replace(", which learned", ". It learned").split("; ")
    return ". ".join(
        f"{part[0].upper()}{part[1:]}" if number else part for number, part in enumerate(parts)
    )
