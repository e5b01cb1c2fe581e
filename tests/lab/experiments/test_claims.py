"""Verdicts on claims, and results by which each of them is another one."""

import dataclasses
from collections import defaultdict
from typing import Any

import pytest

from lab.bench.speed.photos import photo
from lab.experiments.claims.register import RULES, claims
from lab.experiments.printed import AWS, PAPERS, PHONE_MEGAPIXELS, PHONE_PHOTO_MB
from lab.experiments.record_query import RecordSet
from lab.experiments.report import KEPT
from lab.experiments.verdicts import Verdict, above
from tests.lab.experiments.judged import BENCHES, RECORDS, Change, judged, to
from tests.lab.experiments.test_claims_in_aws import AWS_RUN, IN_AWS
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


def all_woken(*, hold_ms: int) -> Change:
    """Return a change after which all rounds with this hold reach an instance for each user."""

    def change(each: Record) -> Record:
        of = each.conditions
        if of.get("hold_ms") != hold_ms or "woken" not in of or "users" not in of:
            return each
        rounds = [of["users"] for _ in of["woken"]]
        return dataclasses.replace(each, conditions={**of, "woken": rounds})

    return change


LOCAL: tuple[tuple[str, Verdict, list[Change], Verdict], ...] = (
    ("Table 1: ResNets", CONFIRMED, [to("fp32_size", 120.0, "resnet50")], CORRECTED),
    ("3.3: Lambda takes", CONFIRMED, [to("zip_upload_mb", 100, AWS)], CORRECTED),
    ("3.3: So the model", CONFIRMED, [to("fp32_size", 40.0, "resnet50")], CORRECTED),
    ("3.1: The photo", CORRECTED, [to("photo_mb", 5.0)], CONFIRMED),
    ("3.1: The photo", CORRECTED, [to("request_mb", 1.8, AWS)], CONFIRMED),
    ("3.2: CloudWatch", CORRECTED, [to("exact_share", 0.2, "ours")], CONFIRMED),
    ("3.2: CloudWatch", CORRECTED, [to("exact_share", 0.9, "ours")], NOT_DECIDED),
    ("3.2: A wakeup", CONFIRMED, [all_woken(hold_ms=0)], REFUTED),
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
        "Fig. 8: The $",
        CORRECTED,
        [to("usd_per_day", 0.0645, requests_a_day=10_000)],
        CONFIRMED,
    ),
    ("Fig. 8: EC2 costs", NOT_SHOWN, [to("server_usd_per_day", 3.31, "today")], CONFIRMED),
    (
        "Fig. 8: Lambda and EC2",
        NOT_DECIDED,
        [to("requests_a_day_where_costs_are_equal", 960_000.0, servers=1)],
        CONFIRMED,
    ),
    (
        "Fig. 8: Lambda and EC2",
        NOT_DECIDED,
        [to("requests_a_day_where_costs_are_equal", 1_500_000.0, servers=2)],
        CORRECTED,
    ),
    (
        "Fig. 8: EC2's",
        CORRECTED,
        [to("server_usd_per_day", 0.1, "today")],
        CONFIRMED,
    ),
    ("Fig. 8: EC2's", CORRECTED, [to("ec2_usd_per_day", 0.4, PAPERS)], REFUTED),
    ("Fig. 8, 9: The costs", CORRECTED, [to("server_usd_per_day", 0.001, "today")], CONFIRMED),
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
        "4.2: The $",
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
)
PHOTOS = {"photos": 1243}
TUNED = bench("a, whole", "test_top1", 80.0, mode="a-full", augment=False, **PHOTOS)
AUGMENTED = bench("a, whole, augmented", "test_top1", 87.0, mode="a-full", augment=True)
OWN = bench("own CNN", "test_top1", 60.0, mode="small-cnn", augment=True, **PHOTOS)
BETTER = dataclasses.replace(OWN, value=95.0)
RESNET = bench("ResNet50, whole", "test_top1", 80.0, mode="resnet50-full", augment=True, **PHOTOS)
HEAD = bench("a, last layer", "test_top1", 60.0, mode="a-head", augment=False)
ERRORS = bench("resnet50", "imagenet_top1_error", 23.9)


def elsewhere(record: Record) -> Record:
    """Return the record of a network that started from other weights than ImageNet's."""
    conditions = {**record.conditions, "initial_weights_kind": "run"}
    return dataclasses.replace(record, conditions=conditions)


def rounds(hold_ms: int, *, of_all: int) -> tuple[str, Record]:
    """Return a hundred rounds of five wakeups at once.

    Args:
        hold_ms: the hold of each wakeup, in milliseconds.
        of_all: number of rounds that reach all five instances; the others reach four.
    """
    woken = [5] * of_all + [4] * (100 - of_all)
    return "wakes", bench("wake ahead", "instances_woken", 5, users=5, hold_ms=hold_ms, woken=woken)


WITH_MORE: tuple[tuple[str, Verdict, list[tuple[str, Record]], Verdict], ...] = (
    ("Table 1: Their", NOT_SHOWN, [("model-sizes", ERRORS)], CONFIRMED),
    (
        "Table 1: Their",
        NOT_SHOWN,
        [("model-sizes", dataclasses.replace(ERRORS, value=26.0))],
        CORRECTED,
    ),
    ("2.1: For little", NOT_COMPARABLE, [("groceries", HEAD), ("groceries", TUNED)], CORRECTED),
    (
        "2.1: For little",
        NOT_COMPARABLE,
        [("groceries", dataclasses.replace(HEAD, value=90.0)), ("groceries", TUNED)],
        CONFIRMED,
    ),
    (
        "2.1: For little",
        NOT_COMPARABLE,
        [("groceries", dataclasses.replace(HEAD, value=80.5)), ("groceries", TUNED)],
        NOT_DECIDED,
    ),
    ("3.2: A wakeup", CONFIRMED, [rounds(400, of_all=100)], CONFIRMED),
    ("3.2: A wakeup", CONFIRMED, [rounds(400, of_all=50)], REFUTED),
    ("3.2: A wakeup", CONFIRMED, [rounds(400, of_all=88)], NOT_DECIDED),
    ("Fig. 3: A fine-tuned", NOT_COMPARABLE, [("groceries", OWN)], NOT_COMPARABLE),
    (
        "Fig. 3: A fine-tuned",
        NOT_COMPARABLE,
        [("groceries", elsewhere(RESNET)), ("groceries", OWN)],
        NOT_COMPARABLE,
    ),
    (
        "Fig. 3: A fine-tuned",
        NOT_COMPARABLE,
        [("groceries", RESNET), ("groceries", OWN)],
        CONFIRMED,
    ),
    (
        "Fig. 3: A fine-tuned",
        NOT_COMPARABLE,
        [("groceries", RESNET), ("groceries", BETTER)],
        REFUTED,
    ),
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
        without = judged(
            begins, [lambda each: dataclasses.replace(each, interval=None)], command=AWS_RUN
        )
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
    assert len({each.claim for each in everything}) == len(everything) >= 45
    assert {each.verdict for each in nothing} == {NOT_SHOWN}
    assert all("not measured: `" in each.evidence or each.kind == "quoted" for each in nothing)


def test_a_claim_names_machines_and_dates_of_its_measurements_alone() -> None:
    def moved(each: Record) -> Record:
        if each.metric != "time_x_cost_ratio":
            return each
        return dataclasses.replace(each, machine="another", date="2027-01-01")

    best = judged("Fig. 13: 768", [moved]).measured_on
    assert "another, 2027-01-01" in best
    assert len(best) == 2
    assert "another, 2027-01-01" not in judged("Fig. 13: 1,536", [moved]).measured_on
    assert judged("Fig. 8: EC2 costs").measured_on == ()
    assert claims(RecordSet({}))[0].measured_on == ()


def test_the_size_of_a_phones_photo_is_that_of_the_benches() -> None:
    assert len(photo(PHONE_MEGAPIXELS)) / 1e6 == pytest.approx(PHONE_PHOTO_MB, rel=0.05)


def test_the_records_of_benches_are_there() -> None:
    assert set(BENCHES) == set(KEPT)
    assert all(BENCHES.values())
