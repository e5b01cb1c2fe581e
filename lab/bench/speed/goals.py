"""Goals for the classifier's speed, and their check against records."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from warmlens.records import Record
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

PAPERS_MB = 768


class Goal(NamedTuple):
    """An upper bound for one figure.

    Attributes:
        text: the figure and its bound, as people read it.
        metric: the records that hold it.
        conditions: those of the figure.
        bound: the most that it may be.
        of: `ratio` to the baseline, or `value`.
    """

    text: str
    metric: str
    conditions: Mapping[str, Any]
    bound: float
    of: str


def _goals() -> Iterator[Goal]:
    warm_cache = {"page_cache": "warm", "model_store": "image"}
    for input_px in (224, 128):
        yield Goal(
            f"cold start at 1 vCPU, {input_px} px: at most 1/20 of the baseline's",
            "cold_start_ms",
            {"memory_mb": MEMORY_MB_PER_VCPU, "input_px": input_px, **warm_cache},
            1 / 20,
            "ratio",
        )
        yield Goal(
            f"cold start at 768 MB, {input_px} px: under 700 ms",
            "cold_start_ms",
            {"memory_mb": PAPERS_MB, "input_px": input_px, **warm_cache},
            700,
            "value",
        )
        for megapixels in (2, 12):
            yield Goal(
                f"warm call at 1 vCPU, {megapixels} megapixels, {input_px} px: at most 1/4",
                "warm_ms",
                {"memory_mb": MEMORY_MB_PER_VCPU, "input_px": input_px, "megapixels": megapixels},
                1 / 4,
                "ratio",
            )
            yield Goal(
                f"a million calls at 768 MB, {megapixels} megapixels, {input_px} px: "
                "at most 1/3 of the paper's",
                "cost_usd_per_million",
                {"memory_mb": PAPERS_MB, "input_px": input_px, "megapixels": megapixels},
                1 / 3,
                "ratio",
            )
        yield Goal(
            f"resident memory, photo of 2 megapixels, {input_px} px: at most 1/6",
            "peak_rss_mb",
            {"input_px": input_px, "megapixels_up_to": 2},
            1 / 6,
            "ratio",
        )
    yield Goal("installed packages: under 150 MB", "installed_mb", {}, 150, "value")


GOALS = tuple(_goals())


def judged(records: Sequence[Record]) -> Iterator[tuple[str, str, str]]:
    """Yield each measured goal as its text, the figure, and "yes" or "no".

    Raises:
        ValueError: the records have the figure of a goal twice.
    """
    for goal in GOALS:
        matching = [
            record
            for record in records
            if record.name == "ours"
            and record.metric == goal.metric
            and goal.conditions.items() <= record.conditions.items()
        ]
        if not matching:
            continue
        (found,) = matching
        if goal.of == "ratio":
            assert found.ratio is not None  # None only where the baseline is zero
            figure, shown = found.ratio, f"1/{1 / found.ratio:.1f}"
        else:
            figure, shown = found.value, f"{found.value:.0f} {found.unit}"
        yield goal.text, shown, "yes" if figure <= goal.bound else "no"
