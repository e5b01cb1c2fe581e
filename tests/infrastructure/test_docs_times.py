"""Times, sizes and shares on the pages of figures: from a block of cog, or computed or listed here.

A figure that was measured once and typed says nothing after the next measurement.
"""

import re

import pytest

from lab.bench.extent import COLD_STARTS, WARM_CALLS
from lab.bench.first_visitor.link import PhoneLink
from lab.bench.peer.comparison import PATIENT
from lab.bench.wakes import OTHER_AFTER_S
from lab.bench.warming.policies import DELAY_S, SERVICE_S, WAKEUP_S
from lab.bench.warming.workloads import GROUP_S, INIT_S
from lab.cold_start import cold_starts
from lab.kept_records import kept_records
from lab.statistics import fewest_for
from tests.docs_text import typed, without
from warmlens.paths import ROOT
from warmlens.planner.assumptions import PLATFORM, RESTORE
from warmlens.planner.candidates import MISSED
from warmlens.planner.options import PHOTO_KB
from warmlens.planner.scenario import (
    HOLD_MARGIN_S,
    LEAST_HOLD_S,
    PAUSE_S,
    PAUSE_SIGMA,
    SCALING_PER_10_S,
    SPACING_S,
    UPLOAD_S,
    UPLOAD_SIGMA,
)
from warmlens.planner.servers import FARGATE_GB
from warmlens.planner.service_times import SERVICE_TIMES, read_measured
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU, PERIOD_MS

FIGURE = re.compile(
    r"(?<![\w.,])\d[\d.,]*\s(?:ms|s|MB|MiB|KB|GB|Mbit/s|%)(?!\w)|\b1/\d+\b|\b\d+ of \d+\b"
)
"""A time, a size, a share, a ratio or a count of runs."""
INTERVAL = "95 %"
ONE_VCPU = f"{MEMORY_MB_PER_VCPU:,} MB"


def written(file: str, name: str) -> str:
    """A constant of a test, as it is written there."""
    (value,) = re.findall(rf"^{name} = (.+)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    return str(value)


def ms(time_s: float) -> str:
    return f"{1000 * time_s:g} ms"


def computed() -> dict[str, list[str]]:
    """The passages of pages that have figures, from the constants that the code uses."""
    link = PhoneLink()
    photo_mb = kept_records("first-visitor")[0].conditions["photo_bytes"] / 1e6
    median_s, slow_s = (f"{PLATFORM.quantile_s(share):.3g} s" for share in (0.5, 0.975))
    platform = f"median {median_s}, {slow_s} or more for one in forty"
    restores = f"{RESTORE.values_s[0]:.2f} to {RESTORE.values_s[-1]:.2f} s"
    sizes = [f"{each:,}" for each in sorted({e.memory_mb for e in read_measured([SERVICE_TIMES])})]
    *missed, rarest = (f"{100 * share:g}" for share in MISSED)
    speed_run, init_budget = "tests/lab/test_speed_run.py", "tests/integration/test_init_budget.py"
    cpu, to_plain = (
        written(speed_run, name).replace(" ", "")
        for name in ("MAX_CPU_RATIO", "MAX_CPU_RATIO_TO_PLAIN_ONNX")
    )
    read_mb = int(written(init_budget, "MAX_BYTES")) // 10**6
    started_s = {
        each.store: each.total_ms / 1000
        for each in cold_starts(kept_records("speed"))
        if (each.memory_mb, each.page_cache) == (MEMORY_MB_PER_VCPU, "warm")
    }
    return {
        "docs/performance.md": [
            f"that sends a photo of {photo_mb:.1f} MB to the answer",
            f"The same photo of {photo_mb:.1f} MB",
            f"the processor share of their memory size, 256 and {ONE_VCPU}",
            f"a round trip of {ms(link.round_trip_s)}, {link.up_mbit_per_s:g} Mbit/s up",
            f"at most {written(init_budget, 'MAX_FILES')} files and reads at most {read_mb} MB",
            f"at most {cpu} of the processor time of PyTorch's handler and {to_plain} of that",
            f"{COLD_STARTS} cold starts and {WARM_CALLS} warm calls",
            f"p95 needs {fewest_for(95)} samples, p99 needs {fewest_for(99)}",
            f"{ONE_VCPU} are one processor",
            f"its share in each period of {PERIOD_MS} ms",
        ],
        "docs/planning.md": [
            f"a photo of {PHOTO_KB:g} KB from the page",
            platform,
            f"opens {PAUSE_S:g} s before the upload, the upload begins {UPLOAD_S:g} s before",
            restores,
            f"{SCALING_PER_10_S:,} new instances in 10 s",
            f"By default {', '.join(sizes[:-1])} and {sizes[-1]} MB are compared",
            f"a probability of {', '.join(missed)} and {rarest} %",
            f"as fast as {ONE_VCPU} (1 vCPU)",
            f"tasks of 1 vCPU and {FARGATE_GB:g} GB",
        ],
        "docs/warming.md": [
            f"plus {ms(HOLD_MARGIN_S)}; at least {ms(LEAST_HOLD_S)},",
            f"keeps its instance for {ms(DELAY_S)} (`delay`)",
            f"*{PATIENT.partition(', ')[2]}* is the same package",
            f"at {ONE_VCPU} starts in {INIT_S:g} s",
            f"were {started_s['image']:.2f} s with the model in the image and "
            f"{started_s['s3']:.2f} s from S3",
            platform,
            f"A call takes {ms(SERVICE_S)} and a wakeup {ms(WAKEUP_S)}, more than",
            f"The calls of a round arrive {ms(SPACING_S)} apart",
            f"An upload takes {UPLOAD_S:g} s in the median (lognormal, sigma {UPLOAD_SIGMA:g}), "
            f"and the page opens {PAUSE_S:g} s before it (sigma {PAUSE_SIGMA:g})",
            f"groups of 20 within {GROUP_S:g} s, four an hour",
            f"come {ms(OTHER_AFTER_S)} after a wake",
            f"exactly {ms(SPACING_S)} between arrivals",
            restores,
        ],
    }


ELSEWHERE = {
    ("docs/performance.md", "768 MB"): "the paper's, lab/experiments/paper.json",
    ("docs/performance.md", "500 ms"): "the paper's, lab/experiments/paper.json",
    ("docs/performance.md", "100 ms"): "the paper's, lab/experiments/paper.json",
    ("docs/performance.md", "150 MB"): "a bound that tests/lab/test_speed_run.py checks",
    ("docs/planning.md", "99 of 100"): "the objective of the example",
    ("docs/planning.md", "2 %"): "a bound that tests/unit/planner/test_closed_forms.py checks",
    ("docs/warming.md", "60 s"): "stacks/constructs/classifier.py sets it",
}
"""Figures that neither a block nor :func:`computed` has, and why they may be typed."""


def figures(text: str) -> set[str]:
    return {" ".join(each.split()) for each in FIGURE.findall(text)} - {INTERVAL}


@pytest.mark.parametrize("page", computed())
def test_no_figure_is_typed_that_no_record_and_no_constant_has(page: str) -> None:
    found = figures(without(typed(page), computed()[page]))
    allowed = {figure for name, figure in ELSEWHERE if name == page}
    assert found == allowed, f"type no figure into {page}: take it from a record by a block"


@pytest.mark.parametrize(
    "text",
    [
        "a real one takes some 10 ms more for each GET",
        "lies, warm, in some 20 ms of int8 convolutions",
        "Of the wait, 290 ms are the photo's own way",
        "the package reached 8 to 11 of 20 and of 50 idle instances",
        "| no prepacking | init 37 ms shorter, each call 35 ms longer |",
        "3 of 3,942 users met a cold start, 0.08 %",
        "so it\ntakes 1,250\nMB more",
    ],
)
def test_a_typed_figure_is_found(text: str) -> None:
    assert figures(text)
    assert not figures(re.sub(r"\d", "x", text))
