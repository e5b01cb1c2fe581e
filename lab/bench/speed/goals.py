"""Goals for the classifier's speed, and their check against records."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lab.bench.speed.comparison import OURS, PYTORCH, plain_cell
from lab.markdown import figure_cell, ratio_cell, reached_cell
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
        of: `ratio` to the PyTorch baseline, or `value`.
    """

    text: str
    metric: str
    conditions: Mapping[str, Any]
    bound: float
    of: str


def _goals() -> Iterator[Goal]:
    warm_cache = {"page_cache": "warm", "model_store": "image"}
    for input_px, part in ((224, 22), (128, 28)):
        yield Goal(
            f"cold start at 1 vCPU, {input_px} px: at most 1/{part} of PyTorch's",
            "cold_start_ms",
            {"memory_mb": MEMORY_MB_PER_VCPU, "input_px": input_px, **warm_cache},
            1 / part,
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
                f"warm call at 1 vCPU, {megapixels} megapixels, {input_px} px: "
                "at most 1/4 of PyTorch's",
                "warm_ms",
                {"memory_mb": MEMORY_MB_PER_VCPU, "input_px": input_px, "megapixels": megapixels},
                1 / 4,
                "ratio",
            )
            yield Goal(
                f"a million calls at 768 MB, {megapixels} megapixels, {input_px} px: "
                "at most 1/3 of PyTorch's",
                "cost_usd_per_million",
                {"memory_mb": PAPERS_MB, "input_px": input_px, "megapixels": megapixels},
                1 / 3,
                "ratio",
            )
        yield Goal(
            f"resident memory, photo of 2 megapixels, {input_px} px: at most 1/6 of PyTorch's",
            "peak_rss_mb",
            {"input_px": input_px, "megapixels_up_to": 2},
            1 / 6,
            "ratio",
        )
    yield Goal("installed packages: under 150 MB", "installed_mb", {}, 150, "value")


GOALS = tuple(_goals())


def judged(records: Sequence[Record]) -> Iterator[tuple[Goal, str, str, str]]:
    """Yield each measured goal, with the figure, whether it is reached, and a further ratio.

    The last is the same figure's ratio to plain ONNX Runtime, for which no goal was set.

    Raises:
        ValueError: the records have the figure of a goal twice.
    """
    for goal in GOALS:
        matching = [
            record
            for record in records
            if record.name == OURS
            and record.metric == goal.metric
            and goal.conditions.items() <= record.conditions.items()
        ]
        if not matching:
            continue
        (found,) = matching
        figure, interval = found.value, found.interval
        shown = f"{figure_cell(figure, interval, '.0f')} {found.unit}"
        if goal.of == "ratio":
            kept = (found.ratios or {})[PYTORCH]
            figure, interval = kept["value"], kept["interval"]
            shown = ratio_cell(found, PYTORCH, inverse=True)
        reached = reached_cell(figure, interval, goal.bound)
        yield goal, shown, reached, plain_cell(found)


def in_sentences(records: Sequence[Record]) -> str:
    """Return how many goals are met at each input size, and which are missed or open."""
    answers = [(goal, reached) for goal, _, reached, _ in judged(records)]
    lines = []
    for input_px in (224, 128):
        names: dict[str, list[str]] = {"yes": [], "no": [], "open": []}
        for goal, reached in answers:
            if goal.conditions.get("input_px") == input_px:
                name = goal.text.partition(":")[0].replace(f", {input_px} px", "")
                names[reached].append(name)
        count = sum(map(len, names.values()))
        line = f"At {input_px} px, {len(names['yes'])} of {count} goals are met."
        for title, others in (("Missed", names["no"]), ("Open", names["open"])):
            line += f" {title}: {'; '.join(others)}." if others else ""
        lines.append(line)
    return "\n".join(lines) + "\n"
