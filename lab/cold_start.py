"""The figures of a cold start and of its parts, for all pages that quote them.

`docs/how-it-works.md` has the definition. What we measured is the time from the start of a process
to its first answer; Lambda's own part before it, the platform time, is published by others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.bench.first_visitor.visits import LATER_DIRECT, WOKEN_DIRECT
from lab.bench.speed.comparison import OURS, PLAIN_ONNX, PYTORCH
from lab.bench.speed.versions import SHIPPED_PX
from lab.markdown import figure_cell, measured_by, ratio_cell, table, wrapped
from warmlens.planner.assumptions import PLATFORM
from warmlens.records import Record
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

PLATFORM_MS = tuple(1000 * PLATFORM.quantile_s(share) for share in (0.025, 0.5, 0.975))
"""Lambda's own part: 2.5 % of the starts take less than the first, 2.5 % more than the last."""
FIRST_VISITOR, LATER_VISITOR = WOKEN_DIRECT.name, LATER_DIRECT.name
_FIRST_CALL = ("handover", "fetch", "decode", "inference", "request")


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """A measured case, times as medians in milliseconds.

    Attributes:
        memory_mb: the memory size.
        store: `image` or `s3`: where the model is loaded from.
        page_cache: `warm`, or `dropped` before each start.
        parts_ms: the process start, the init and the first call.
        total_ms: all of them; the median of sums is not quite the sum of medians.
        record: its record.
    """

    memory_mb: int
    store: str
    page_cache: str
    parts_ms: tuple[float, float, float]
    total_ms: float
    record: Record

    @property
    def on_aws_s(self) -> str:
        """The range expected on AWS in seconds: with the least and the most platform time."""
        return " to ".join(f"{(each + self.total_ms) / 1000:.2f}" for each in PLATFORM_MS[::2])


def cold_starts(
    records: Sequence[Record], name: str = OURS, *, input_px: int = SHIPPED_PX
) -> list[ColdStart]:
    """Return the measured cases.

    Args:
        records: of `python -m lab bench cold`.
        name: the implementation: `OURS`, `PYTORCH` or `PLAIN_ONNX`.
        input_px: input size of the model; by default the shipped model's own.
    """
    mine = [
        each
        for each in records
        if each.name == name and each.conditions.get("input_px") == input_px
    ]
    stages = [each for each in mine if each.metric == "cold_stage_ms"]
    return [
        ColdStart(
            memory_mb=total.conditions["memory_mb"],
            store=total.conditions["model_store"],
            page_cache=total.conditions["page_cache"],
            parts_ms=_parts_ms(
                {
                    each.conditions["stage"]: each.value
                    for each in stages
                    if total.conditions.items() <= each.conditions.items()
                }
            ),
            total_ms=total.value,
            record=total,
        )
        for total in mine
        if total.metric == "cold_start_ms"
    ]


def one_vcpu(records: Sequence[Record], name: str = OURS) -> ColdStart:
    """Return the fastest case that pages quote: one processor, the model in the image.

    The page cache is warm.
    """
    return _quoted(cold_starts(records, name), "image", "warm")


def one_vcpu_s3(records: Sequence[Record]) -> ColdStart:
    """Return the slower case that pages quote: one processor, the model in S3, the default.

    The machine has not read the image before.
    """
    return _quoted(cold_starts(records), "s3", "dropped")


def cold_start_table(records: Sequence[Record]) -> str:
    """Return the table of all cases with their parts."""
    cases = cold_starts(records)
    low, median, high = (f"{each:.0f}" for each in PLATFORM_MS)
    rows = [
        (
            each.store,
            each.page_cache,
            f"{each.memory_mb:,}",
            *(f"{part:.0f}" for part in each.parts_ms),
            figure_cell(each.total_ms, each.record.interval, ".0f"),
            each.record.samples,
            f"{each.on_aws_s} s",
        )
        for each in cases
    ]
    return (
        f"{measured_by([each.record for each in cases])}: the shipped ResNet50 "
        f"at {SHIPPED_PX} px, a photo of 2 megapixels from S3. Medians in ms, the sum with "
        "its 95 % interval (bootstrap). *On AWS* is an "
        f"estimate: the platform time of 95 of 100 starts, {low} to {high} ms (median {median}), "
        "before what we measured.\n\n"
    ) + table(
        "model from | page cache | memory, MB | process start | init | first call "
        "| measured, together | starts | on AWS, estimated",
        rows,
    )


def in_short(speed: Sequence[Record], visits: Sequence[Record]) -> str:
    """Return what a first visitor waits and what a cold start is, as a paragraph.

    Args:
        speed: records of `python -m lab bench cold`.
        visits: records of `python -m lab bench first-visitor`.
    """
    ours, theirs = one_vcpu(speed), one_vcpu(speed, PYTORCH)
    paragraph = wrapped(
        f"{_visits(visits)} {_estimate(speed)} was measured here: "
        f"{ours.total_ms:.0f} ms from the start of the process to the first answer, with one "
        "processor and the model in the image. A handler with PyTorch takes "
        f"{theirs.total_ms:,.0f} ms for that. {_s3_adds(speed)}"
    )
    return f"{paragraph}\n"


def in_readme(speed: Sequence[Record]) -> str:
    """Return the README's figures: the classifier beside PyTorch, and a cold start.

    Args:
        speed: records of `python -m lab bench cold`, `warm` and `memory`.
    """
    ours, theirs = one_vcpu(speed), one_vcpu(speed, PYTORCH)

    def pair(metric: str, form: str, **conditions: object) -> tuple[str, ...]:
        at = {"input_px": SHIPPED_PX, **conditions}
        found = {
            each.name: _figure(each.value, each.interval, form)
            for each in speed
            if each.metric == metric and at.items() <= each.conditions.items()
        }
        return found[OURS], found[PYTORCH]

    size = {"memory_mb": MEMORY_MB_PER_VCPU, "megapixels": 2}
    about = ours.record
    return "\n".join(
        (
            table(
                f"at one vCPU and {SHIPPED_PX} px | Warmlens | PyTorch handler, as in the paper",
                (
                    (
                        "start of the process to the first answer, model in the image",
                        *(
                            _figure(each.total_ms, each.record.interval, "{:,.0f} ms")
                            for each in (ours, theirs)
                        ),
                    ),
                    (
                        "warm call, photo of 2 megapixels",
                        *pair("warm_ms", "{:.0f} ms", **size),
                    ),
                    ("memory", *pair("peak_rss_mb", "{:.0f} MiB", megapixels_up_to=2)),
                    (
                        "a million calls of the function, without API and upload, with one S3 GET",
                        *pair("cost_usd_per_million", "${:.2f}", **size),
                    ),
                ),
            ),
            wrapped(
                f"{_estimate(speed)} was measured here ([what a cold start is]"
                f"(docs/how-it-works.md#a-cold-start)). {_beside_plain_onnx(speed, about)}"
                f"Measured on {about.date} on {about.machine}, not in Lambda; in parentheses are "
                "95 % intervals. "
                "[Methods and more figures](docs/performance.md)."
            ),
            "",
        )
    )


def _figure(value: float, interval: Sequence[float] | None, form: str) -> str:
    """Return a figure with its unit and, where rounding leaves one, its interval."""
    text = form.format(value)
    bounds = [form.format(each) for each in interval or ()]
    return text if set(bounds) <= {text} else f"{text} ({' to '.join(bounds)})"


def in_two_runs(speed: Sequence[Record], alone: Sequence[Record]) -> str:
    """Return how the starts of two runs differ, as a paragraph.

    Args:
        speed: records of `python -m lab bench cold`.
        alone: the same of another run, without other handlers.
    """
    those, these = (
        {
            (each.store, each.memory_mb): each.record
            for each in cold_starts(records)
            if each.page_cache == "warm"
        }
        for records in (speed, alone)
    )
    cases = sorted(these.keys() & those.keys())

    def apart(of_store: str) -> str:
        return " and ".join(
            f"{_longer(these[case].value - those[case].value)} at {case[1]:,} MB"
            for case in cases
            if case[0] == of_store
        )

    this_day, that_day = (
        " and ".join(sorted({records[case].date for case in cases})) for records in (these, those)
    )
    paragraph = wrapped(
        f"In this run, of {this_day}, starts from S3 took {apart('s3')}, compared with [How it "
        f"works](how-it-works.md#a-cold-start), a run of other cases of {that_day}. Starts from "
        f"the image took {apart('image')}. We do not know why. Compare figures within a table."
    )
    return f"{paragraph}\n"


def _longer(more_ms: float) -> str:
    apart_ms = round(abs(more_ms))
    return f"{apart_ms} ms {'longer' if more_ms > 0 else 'shorter'}" if apart_ms else "as long"


def _beside_plain_onnx(speed: Sequence[Record], cold: Record) -> str:
    """Return the ratios to the handler of today; empty until they are measured."""
    at = {"input_px": SHIPPED_PX, "memory_mb": MEMORY_MB_PER_VCPU, "megapixels": 2}
    (warm,) = (
        each
        for each in speed
        if (each.name, each.metric) == (OURS, "warm_ms") and at.items() <= each.conditions.items()
    )
    found = [each for each in (cold, warm) if PLAIN_ONNX in (each.ratios or {})]
    if len(found) != 2:
        return ""
    start, call = (
        ratio_cell(each, PLAIN_ONNX, inverse=True).removesuffix(", of means") for each in found
    )
    return (
        f"The first answer takes {start} of the time of a handler on plain ONNX Runtime in fp32, "
        f"and a warm call {call}. "
    )


def _parts_ms(stages_ms: dict[str, float]) -> tuple[float, float, float]:
    start = stages_ms["interpreter"]
    call = sum(stages_ms.get(stage, 0.0) for stage in _FIRST_CALL)
    return start, sum(stages_ms.values()) - start - call, call


def _quoted(cases: Sequence[ColdStart], store: str, page_cache: str) -> ColdStart:
    case = (MEMORY_MB_PER_VCPU, store, page_cache)
    (found,) = (each for each in cases if (each.memory_mb, each.store, each.page_cache) == case)
    return found


def _estimate(records: Sequence[Record]) -> str:
    """Return what a cold start may take on AWS, up to the subject of the rest."""
    low, _, high = (f"{each / 1000:.2f}" for each in PLATFORM_MS)
    return (
        f"A cold start takes an estimated {one_vcpu(records).on_aws_s} s on AWS with the model in "
        f"the image, and {one_vcpu_s3(records).on_aws_s} s with the default, a model in S3, on a "
        f"machine that has not read the image before. Lambda's own part takes {low} to {high} s "
        "in 95 of 100 starts, as published; the rest"
    )


def _s3_adds(records: Sequence[Record]) -> str:
    """Return what a model in S3 adds."""
    image, s3 = (_quoted(cold_starts(records), store, "warm") for store in ("image", "s3"))
    return (
        f"A model in S3, the default, adds {s3.total_ms - image.total_ms:.0f} ms here, where S3 is "
        "an emulator on the same machine."
    )


def first_visit_s(visits: Sequence[Record]) -> tuple[float, float, float, float]:
    """Return waits from tap to answer in seconds, with the most platform time that was measured.

    They are of a later visitor, of the first one after two seconds on the page, and of the first
    one who sends a photo at once; then that platform time.

    Args:
        visits: records of `python -m lab bench first-visitor`.
    """
    waits_s = {
        (each.name, each.conditions["pause_s"], each.conditions["platform_ms"]): each.value / 1000
        for each in visits
    }
    slowest_ms = max(platform_ms for _, _, platform_ms in waits_s)
    later, ahead, at_once = (
        waits_s[name, pause_s, slowest_ms]
        for name, pause_s in ((LATER_VISITOR, 2), (FIRST_VISITOR, 2), (FIRST_VISITOR, 0))
    )
    return later, ahead, at_once, slowest_ms / 1000


def _visits(records: Sequence[Record]) -> str:
    later, ahead, at_once, slowest_s = first_visit_s(records)
    return (
        f"The first visitor, who finds no instance, waits {ahead:.2f} s from tap to answer if the "
        "page has been open for two seconds. A later "
        f"visitor waits {later:.2f} s. A photo that is sent as soon as the page opens takes "
        f"{at_once:.2f} s if Lambda's own part takes {slowest_s:g} s. (Measured on the local "
        "cloud, over an emulated phone's link.)"
    )
