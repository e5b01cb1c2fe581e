"""Records of a comparison of training modes: answers on test photos, and figures made of them.

The answers themselves are recorded, so that each figure can be computed again.
"""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.config import CLASSIFIER_MODES
from training.groups import Groups
from warmlens.errors import WarmlensError
from warmlens.planner.statistics import exact_binomial, t_975
from warmlens.records import Record, machine, read_records, today
from warmlens.text_files import read_text

PHOTOS = "photos"
_NAMES = {
    "small-cnn": "own CNN",
    "resnet50-head": "ResNet50, last layer",
    "resnet50-full": "ResNet50, whole",
}
_LEAST_SEEDS = 3  # for an interval over seeds
Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Variant:
    """A training mode, with or without augmentation."""

    mode: str
    augment: bool

    @property
    def slug(self) -> str:
        """Its name on the command line and of its runs, such as `small-cnn-plain`."""
        return f"{self.mode}-{'augmented' if self.augment else 'plain'}"

    @property
    def name(self) -> str:
        """Its name in tables and charts."""
        architecture, _, part = self.mode.rpartition("-")
        other = f"{architecture.replace('efficientnet-lite', 'EfficientNet-Lite')}, " + (
            "last layer" if part == "head" else "whole"
        )
        return _NAMES.get(self.mode, other) + (", augmented" if self.augment else "")


ALL_VARIANTS = tuple(
    Variant(mode, augment) for mode in CLASSIFIER_MODES for augment in (False, True)
)
# Those of the paper's figure 3, and the network that is shipped beside them.
VARIANTS = tuple(
    each
    for each in ALL_VARIANTS
    if each.mode in _NAMES or (each.mode.startswith("efficientnet-lite2") and each.augment)
)


def parse_variants(text: str | None) -> tuple[Variant, ...]:
    """Parse names of variants, separated by commas; None stands for `VARIANTS`.

    Raises:
        WarmlensError: `bad_setting`.
    """
    if text is None:
        return VARIANTS
    known = {each.slug: each for each in ALL_VARIANTS}
    names = list(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WarmlensError(
            "bad_setting", f'variants has "{unknown[0]}"; allowed: {", ".join(known)}.'
        )
    return tuple(known[name] for name in names)


def read_known(path: Path) -> list[Record]:
    """Return the records of a file; none where there is no such file.

    Raises:
        WarmlensError: `bad_records`.
    """
    if not path.exists():
        return []
    try:
        return read_records(read_text(path, "bad_records"))
    except (ValueError, TypeError) as error:
        raise WarmlensError(
            "bad_records", f"{path} has no records of a comparison: {error}. Name another file."
        ) from None


def photos_conditions(
    ids: tuple[str, ...], targets: Sequence[int], groups: Groups | None, sha256: str
) -> dict[str, Any]:
    """Return the conditions of the record of a split's photos, from which figures are computed."""
    conditions: dict[str, Any] = {
        "data_sha256": sha256,
        "classes": list(ids),
        "targets": list(targets),
    }
    if groups is not None:
        conditions |= {"coarse": list(groups.coarse), "packages": list(groups.packages)}
    return conditions


def hits(photos: dict[str, Any], answers: Sequence[int]) -> dict[str, list[bool]]:
    """Return for each figure whether each of its photos was answered right.

    `top1` has all photos, `packages_top1` those of packaged products, and `coarse_top1` asks for
    the coarse class alone. The last two are absent without groups.

    Args:
        photos: from :func:`photos_conditions`.
        answers: the best class of each photo.
    """
    pairs = list(zip(photos["targets"], answers, strict=True))
    found = {"top1": [target == answer for target, answer in pairs]}
    if "coarse" in photos:
        coarse, packages = photos["coarse"], photos["packages"]
        if any(packages[target] for target, _ in pairs):
            found["packages_top1"] = [
                target == answer for target, answer in pairs if packages[target]
            ]
        found["coarse_top1"] = [coarse[target] == coarse[answer] for target, answer in pairs]
    return found


def run_records(
    variant: Variant,
    split: str,
    photos: dict[str, Any],
    answers: Sequence[int],
    *,
    conditions: dict[str, Any],
    command: str,
) -> list[Record]:
    """Return a record for each figure of a run; that of `top1` has the answers.

    Args:
        variant: that of the run.
        split: name of the photos' split.
        photos: from :func:`photos_conditions`.
        answers: the best class of each photo.
        conditions: of the training.
        command: the command that measured it.
    """
    return [
        Record(
            name=variant.name,
            metric=f"{split}_{metric}",
            value=round(100 * sum(right) / len(right), 2),
            unit="%",
            kind="measured",
            conditions={
                **conditions,
                "photos": len(right),
                **({"answers": list(answers)} if metric == "top1" else {}),
            },
            command=command,
            machine=machine(),
            date=today(),
        )
        for metric, right in hits(photos, answers).items()
    ]


@dataclasses.dataclass(frozen=True)
class Figure:
    """A share of right answers in per cent, with 95 % intervals.

    Attributes:
        mean: the mean over the seeds.
        values: of each seed.
        over_photos: Clopper and Pearson's interval of the mean, for other photos of this kind.
        over_seeds: Student's t, for other seeds on these photos; None with fewer than three.
        photos: number of photos.
    """

    mean: float
    values: tuple[float, ...]
    over_photos: Interval
    over_seeds: Interval | None
    photos: int


@dataclasses.dataclass(frozen=True)
class Row:
    """The runs of one variant with the same epochs, sizes and initial weights.

    Attributes:
        name: of the variant.
        slug: of the variant.
        conditions: those of its first run.
        seeds: of its runs.
        figures: by the name of the metric, such as `test_top1`.
        right: by the name of the metric, the share of seeds that answered each photo right.
        minutes: training time of a run, the mean; None where it was not recorded.
    """

    name: str
    slug: str
    conditions: dict[str, Any]
    seeds: tuple[int, ...]
    figures: dict[str, Figure]
    right: dict[str, tuple[float, ...]]
    minutes: float | None

    @property
    def stages(self) -> str:
        """Epochs and sizes of the training, and the size of the test photos where it differs."""
        return _stages(self.conditions)


def rows(records: Sequence[Record]) -> list[Row]:
    """Return the rows of a comparison's records, in the order of `ALL_VARIANTS`."""
    grouped: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        if record.name != PHOTOS:
            grouped.setdefault(recipe(record), []).append(record)
    order = [each.name for each in ALL_VARIANTS]
    made = [_row(each, records) for each in grouped.values()]
    return sorted(made, key=lambda row: order.index(row.name) if row.name in order else len(order))


def recipe(record: Record) -> tuple[Any, ...]:
    """Return the name, stages, initial weights and mirroring that the runs of a row share."""
    of = record.conditions
    return record.name, _stages(of), of.get("initial_weights", ""), of.get("mirror", False)


def _stages(conditions: dict[str, Any]) -> str:
    if "stages" in conditions:
        stages, measured_at = str(conditions["stages"]), f" at {conditions['size_px']} px"
        return stages if stages.endswith(measured_at) else f"{stages}, measured{measured_at}"
    return f"{conditions['epochs']} epochs at {conditions['size_px']} px"  # older records


def difference(better: Row, worse: Row, metric: str) -> tuple[float, Interval]:
    """Return the difference of two rows in points, and its 95 % interval over photos.

    Both answered the same photos, so the interval is that of the mean of paired differences, by the
    normal approximation.
    """
    pairs = zip(better.right[metric], worse.right[metric], strict=True)
    differences = [100 * (one - other) for one, other in pairs]
    mean = statistics.fmean(differences)
    half = 1.96 * statistics.stdev(differences) / math.sqrt(len(differences))
    return mean, (mean - half, mean + half)


def _row(same: Sequence[Record], records: Sequence[Record]) -> Row:
    conditions = {key: value for key, value in same[0].conditions.items() if key != "answers"}
    figures, right = {}, {}
    for metric in dict.fromkeys(record.metric for record in same):
        of = [record for record in same if record.metric == metric]
        figures[metric] = _figure([record.value for record in of], of[0].conditions["photos"])
    answered = [record for record in same if "answers" in record.conditions]
    for split in dict.fromkeys(record.metric.partition("_")[0] for record in answered):
        photos = photos_of(records, split)
        by_run = [
            hits(photos, record.conditions["answers"])
            for record in answered
            if record.metric == f"{split}_top1"
        ]
        for name in by_run[0]:
            columns = zip(*(each[name] for each in by_run), strict=True)
            right[f"{split}_{name}"] = tuple(statistics.fmean(column) for column in columns)
    minutes = [each.conditions["minutes"] for each in answered if "minutes" in each.conditions]
    return Row(
        name=same[0].name,
        slug=conditions.get("variant", ""),
        conditions=conditions,
        seeds=tuple(dict.fromkeys(record.conditions["seed"] for record in same)),
        figures=figures,
        right=right,
        minutes=statistics.fmean(minutes) if minutes else None,
    )


def photos_of(records: Sequence[Record], split: str) -> dict[str, Any]:
    """Return the conditions of the record of a split's photos."""
    return next(
        record.conditions
        for record in records
        if (record.name, record.metric) == (PHOTOS, f"{split}_photos")
    )


def _figure(values: list[float], photos: int) -> Figure:
    mean = statistics.fmean(values)
    low, high = exact_binomial(mean / 100 * photos, photos)
    over_seeds = None
    if len(values) >= _LEAST_SEEDS:
        half = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
        over_seeds = (max(0.0, mean - half), min(100.0, mean + half))
    return Figure(mean, tuple(values), (100 * low, 100 * high), over_seeds, photos)
