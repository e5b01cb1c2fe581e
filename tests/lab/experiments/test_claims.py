"""Verdicts on claims, and results by which each of them is another one."""

import dataclasses
from collections import defaultdict
from typing import Any

import pytest

from lab.experiments.claims.register import RULES, claims
from lab.experiments.printed import AWS, PAPERS
from lab.experiments.record_query import RecordSet
from lab.experiments.report import KEPT
from lab.experiments.verdicts import Verdict, above
from tests.lab.experiments.judged import BENCHES, RECORDS, Change, judged, to
from tests.lab.experiments.test_claims_in_aws import IN_AWS
from warmlens.records import Record

CONFIRMED, CORRECTED, REFUTED, BEATEN, NOT_DECIDED, NOT_COMPARABLE, NOT_SHOWN = Verdict


def bench(name: str, metric: str, value: float, **conditions: Any) -> Record:
    return Record(
        name=name,
        metric=metric,
        value=value,
        unit="%",
        kind="measured",
        conditions=conditions,
        command="",
        machine="",
        date="2026-12-01",
    )


DAY: dict[str, Any] = {"memory_mb": 768, "duration_ms": 500}
FIVE: dict[str, Any] = {"clients": 5, "arrivals": "closed"}
LOCAL: tuple[tuple[str, Verdict, list[Change], Verdict], ...] = (
    ("Table 1: ResNets", CONFIRMED, [to("fp32_size", 120.0, "resnet50")], CORRECTED),
    (
        "2.1: For little",
        CORRECTED,
        [to("test_top1", 95.0, "ResNet50, last layer")],
        CONFIRMED,
    ),
    ("3.3: Lambda takes", CONFIRMED, [to("zip_upload_mb", 100, AWS)], CORRECTED),
    ("3.3: So the model", CORRECTED, [to("fp32_size", 20_000.0, "resnet50")], CONFIRMED),
    ("3.1: The photo", CORRECTED, [to("request_mb", 0.3, AWS)], CONFIRMED),
    (
        "Fig. 10, 13: The first call takes more",
        REFUTED,
        [to("first_to_warm", 26, "baseline", off=2)],
        CONFIRMED,
    ),
    (
        "Fig. 10, 13: The first call takes more",
        REFUTED,
        [to("first_to_warm", 10, "baseline", off=1)],
        NOT_DECIDED,
    ),
    ("3.2: CloudWatch", REFUTED, [to("exact_share", 0.2, "ours")], CONFIRMED),
    ("3.2: CloudWatch", REFUTED, [to("exact_share", 0.9, "ours")], NOT_DECIDED),
    ("3.2: A wakeup", CORRECTED, [to("exact_share", 1.0)], CONFIRMED),
    ("3.2: A wakeup", CORRECTED, [to("exact_share", 0.2)], REFUTED),
    (
        "3.2, 4.2: With five",
        NOT_DECIDED,
        [to("cold_share", 0.0, "ours", off=0.01, **FIVE)],
        CONFIRMED,
    ),
    (
        "3.2, 4.2: With five",
        NOT_DECIDED,
        [to("cold_share", 0.1, "ours", off=0.02, **FIVE)],
        REFUTED,
    ),
    ("Fig. 12: Above", CORRECTED, [to("throttled_share", 0.0, "stand-in")], CONFIRMED),
    ("Fig. 12: Five", CORRECTED, [to("peak_executions", 5.0)], CONFIRMED),
    (
        "Fig. 13: 3,008",
        CONFIRMED,
        [to("warm_ratio", 1.9, "baseline", off=0.1, memory_mb=1536)],
        REFUTED,
    ),
    (
        "Fig. 13: 3,008",
        CONFIRMED,
        [to("warm_ratio", 1.2, "baseline", off=0.1, memory_mb=1536)],
        NOT_DECIDED,
    ),
    (
        "Fig. 13: Below",
        CORRECTED,
        [to("warm_ratio", 4.0, "baseline", off=0.1, memory_mb=448)],
        CONFIRMED,
    ),
    (
        "Fig. 13: Below",
        CORRECTED,
        [to("warm_ratio", 2.2, "baseline", off=0.3, memory_mb=448)],
        NOT_DECIDED,
    ),
    (
        "Fig. 13: 1,536",
        CORRECTED,
        [to("cost_ratio", 2.0, "baseline", off=0.1, memory_mb=1536)],
        CONFIRMED,
    ),
    (
        "Fig. 13: 768",
        CORRECTED,
        [to("time_x_cost_ratio", 1.4, "baseline", off=0.1)],
        CONFIRMED,
    ),
    (
        "Fig. 13: 768",
        CORRECTED,
        [to("cost_ratio", 0.8, "baseline", off=0.1, memory_mb=1536)],
        REFUTED,
    ),
    ("5: No infrastructure", CORRECTED, [to("warm_mean_ms", 100.0)], CONFIRMED),
    (
        "Table 6: 100 ms",
        CONFIRMED,
        [to("usd_per_100_ms", 0.0000013, PAPERS, memory_mb=768)],
        CORRECTED,
    ),
    ("Table 6: 768", CONFIRMED, [to("usd_per_million", 1.55, "paper's prices")], CORRECTED),
    (
        "Table 6: and",
        CORRECTED,
        [to("usd_per_million", 7.25, "paper's prices", **DAY)],
        CONFIRMED,
    ),
    (
        "Fig. 8: 10,000",
        CORRECTED,
        [to("usd_per_day", 0.0725, "paper's prices", **DAY)],
        CONFIRMED,
    ),
    (
        "Fig. 8: and",
        CORRECTED,
        [to("usd_per_day", 0.0645, requests_a_day=10_000)],
        CONFIRMED,
    ),
    ("Fig. 8: EC2", NOT_SHOWN, [to("server_usd_per_day", 3.31, "today")], CONFIRMED),
    (
        "Fig. 8: Lambda and one",
        CORRECTED,
        [to("requests_a_day_where_costs_are_equal", 960_000.0, servers=1)],
        CONFIRMED,
    ),
    (
        "Fig. 8: At 10,000",
        CORRECTED,
        [to("server_usd_per_day", 0.1, "today")],
        CONFIRMED,
    ),
    ("Fig. 8: At 10,000", CORRECTED, [to("ec2_usd_per_day", 0.4, PAPERS)], REFUTED),
    ("Fig. 8, 9: The service", REFUTED, [to("server_usd_per_day", 0.05, "today")], CORRECTED),
    ("Fig. 8, 9: The service", REFUTED, [to("server_usd_per_day", 0.001, "today")], CONFIRMED),
    (
        "Fig. 9: With more",
        CONFIRMED,
        [to("fig_9_usd_per_day", 1.0, "ours, Lambda", connections=1000)],
        CORRECTED,
    ),
    (
        "Fig. 9: With more",
        CONFIRMED,
        [
            to("fig_9_usd_per_day", 1.0, "ours, Lambda", connections=1000),
            to("fig_9_usd_per_day", 2.0, "ours, c7i.large"),
        ],
        REFUTED,
    ),
    (
        "4.2: A call",
        CONFIRMED,
        [to("usd_per_month_for_a_call_every_5_min", 0.9, "paper's prices")],
        CORRECTED,
    ),
    (
        "4.2: and that",
        CORRECTED,
        [to("usd_per_month_for_a_call_every_5_min", 0.2, None)],
        CONFIRMED,
    ),
    (
        "5: Lambda is cheaper",
        CORRECTED,
        [to("requests_a_day_where_one_server_costs_the_same", 9e6, "ours")],
        CONFIRMED,
    ),
    (
        "5: Lambda is cheaper",
        CORRECTED,
        [to("requests_a_day_where_one_server_costs_the_same", 9e3, "ours")],
        REFUTED,
    ),
    ("Table 4: The address", CORRECTED, [to("url_path_segments", 1, AWS)], CONFIRMED),
    ("4, Fig. 13: The smallest", CORRECTED, [to("printed_twice", 448)], CONFIRMED),
    ("4, Fig. 13: The largest", CORRECTED, [to("printed_twice", 3008)], CONFIRMED),
    ("Table 3, Fig. 6: The unit", CORRECTED, [to("printed_twice", 1)], CONFIRMED),
    ("3.2, Fig. 7: The sleep", NOT_DECIDED, [to("printed_twice", 400)], CONFIRMED),
    ("Fig. 6, 10, 4.2: The time", NOT_DECIDED, [to("printed_twice", 460)], CONFIRMED),
    ("3.2, Fig. 10: The time", NOT_DECIDED, [to("printed_twice", 8000)], CONFIRMED),
)
PHOTOS = {"photos": 1243}
TUNED = bench("a, whole", "test_top1", 80.0, mode="a-full", augment=False, **PHOTOS)
AUGMENTED = bench("a, whole, augmented", "test_top1", 87.0, mode="a-full", augment=True)
OWN = bench("own CNN", "test_top1", 60.0, mode="small-cnn", augment=True, **PHOTOS)
BETTER = dataclasses.replace(OWN, value=95.0)
ERRORS = bench("resnet50", "imagenet_top1_error", 23.9)
WITH_MORE: tuple[tuple[str, Verdict, list[tuple[str, Record]], Verdict], ...] = (
    ("Table 1: Their", NOT_SHOWN, [("model-sizes", ERRORS)], CONFIRMED),
    (
        "Table 1: Their",
        NOT_SHOWN,
        [("model-sizes", dataclasses.replace(ERRORS, value=26.0))],
        CORRECTED,
    ),
    ("Fig. 3: A fine-tuned", NOT_COMPARABLE, [("groceries", OWN)], CONFIRMED),
    ("Fig. 3: A fine-tuned", NOT_COMPARABLE, [("groceries", BETTER)], REFUTED),
    (
        "Fig. 3: Augmentation",
        NOT_COMPARABLE,
        [("groceries", TUNED), ("groceries", AUGMENTED)],
        CONFIRMED,
    ),
    (
        "Fig. 3: Augmentation",
        NOT_COMPARABLE,
        [("groceries", TUNED), ("groceries", dataclasses.replace(AUGMENTED, value=70.0))],
        REFUTED,
    ),
)


@pytest.mark.parametrize(
    ("claim", "now", "changes", "then"), LOCAL, ids=lambda each: str(each)[:24]
)
def test_a_verdict_turns_with_the_figures(
    claim: str, now: Verdict, changes: list[Change], then: Verdict
) -> None:
    assert judged(claim).verdict is now
    assert judged(claim, changes).verdict is then


@pytest.mark.parametrize(
    ("claim", "now", "more", "then"), WITH_MORE, ids=lambda each: str(each)[:24]
)
def test_a_verdict_turns_with_further_records(
    claim: str, now: Verdict, more: list[tuple[str, Record]], then: Verdict
) -> None:
    assert judged(claim).verdict is now
    assert judged(claim, more=more).verdict is then


def test_every_claim_is_turned_by_some_result() -> None:
    turned: defaultdict[str, set[Verdict]] = defaultdict(set)
    for begins, now, _, then in (*LOCAL, *IN_AWS, *WITH_MORE):
        turned[begins] |= {now, then}
    for rule in RULES:
        title = f"{rule.where}: {rule.claim}"
        found = [verdicts for begins, verdicts in turned.items() if title.startswith(begins)]
        assert len(found) == 1, title
        assert len(found[0]) > 1, title


def test_no_local_figure_is_said_to_beat_aws() -> None:
    """A process here against Lambda decides nothing: neither of ours nor of the paper's."""
    made = claims(RecordSet(RECORDS, BENCHES))
    assert BEATEN not in {each.verdict for each in made}


def test_too_few_samples_decide_nothing() -> None:
    for begins in ("Fig. 13: 3,008", "Fig. 13: Below", "Fig. 13: 1,536", "Fig. 13: 768"):
        without = judged(begins, [lambda each: dataclasses.replace(each, interval=None)])
        assert without.verdict is NOT_DECIDED
        assert "too few samples" in without.evidence


def test_intervals_that_overlap_or_touch_decide_nothing() -> None:
    assert above((2.1, 3), (1, 2)) is True
    assert above((1, 2), (2.1, 3)) is False
    for one, other in (((1, 2), (2, 3)), ((1, 4), (2, 3)), ((2, 3), (1, 4)), ((2, 3), None)):
        assert above(one, other) is None
    assert above(None, (2, 3)) is None


def test_the_ratio_to_the_baseline_here_is_said() -> None:
    assert "Beside the baseline here" in judged("Fig. 10: The first").evidence
    assert "1/17.5 (1/18.1 to 1/16.8)" in judged("Fig. 10: The first").evidence


def test_each_claim_has_one_line_whatever_was_measured() -> None:
    everything = claims(RecordSet(RECORDS, BENCHES))
    nothing = claims(RecordSet({}))
    assert [each.claim for each in everything] == [each.claim for each in nothing]
    assert len({each.claim for each in everything}) == len(everything) > 45
    assert {each.verdict for each in nothing} == {NOT_SHOWN}
    assert all("not measured: `" in each.evidence or each.kind == "quoted" for each in nothing)


def test_the_records_of_benches_are_there() -> None:
    assert set(BENCHES) == set(KEPT)
    assert all(BENCHES.values())
