"""Verdicts on claims, and results by which each of them is another one."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from lab.experiments.claims.register import RULES, claims
from lab.experiments.claims.warming import RULES as WARMING
from lab.experiments.printed import AWS, PAPERS
from lab.experiments.record_query import RecordSet
from lab.experiments.report import KEPT, records_of_benches
from lab.experiments.verdicts import Claim, Verdict, above
from warmlens.paths import ROOT
from warmlens.records import Record, read_records

FOLDER = ROOT / "docs" / "lab" / "experiments" / "records"
NAMES = ("cost", "printed", "stages", "flow", "concurrency", "memory", "idle")
RECORDS = {name: read_records((FOLDER / f"{name}.jsonl").read_text()) for name in NAMES}
BENCHES = {
    name: [each for each in kept if name != "warming" or each.name == "ping N"]
    for name, kept in records_of_benches().items()
}
Change = Callable[[Record], Record]
AWS_RUN = "python -m lab experiments run all --env dev --full"
CONFIRMED, CORRECTED, REFUTED, BEATEN, NOT_DECIDED, NOT_COMPARABLE, NOT_SHOWN = Verdict


def judged(
    begins: str,
    changes: Sequence[Change] = (),
    *,
    records: Mapping[str, Sequence[Record]] = RECORDS,
    more: Sequence[tuple[str, Record]] = (),
    command: str | None = None,
) -> Claim:
    """Return the claim with this beginning, after changes of records.

    Args:
        begins: the beginning of the claim, after its place.
        changes: applied to each record.
        records: of the experiments.
        more: further records of benches, with their files' names.
        command: replaces that of each measured record.
    """

    def changed(each: Record) -> Record:
        for change in changes:
            each = change(each)
        if command is not None and each.kind == "measured":
            each = dataclasses.replace(each, command=command)
        return each

    def all_of(sets: Mapping[str, Sequence[Record]]) -> dict[str, list[Record]]:
        return {name: [changed(each) for each in records] for name, records in sets.items()}

    benches = {
        name: [*kept, *(record for file, record in more if file == name)]
        for name, kept in BENCHES.items()
    }
    (found,) = [
        each
        for each in claims(RecordSet(all_of(records), all_of(benches)))
        if f"{each.where}: {each.claim}".startswith(begins)
    ]
    return found


def to(
    metric: str,
    value: float,
    name: str | None = None,
    *,
    off: float = 0.0,
    samples: int | None = None,
    **conditions: Any,
) -> Change:
    """Return a change that sets a metric's value, with an interval of `value` +- `off`."""

    def change(record: Record) -> Record:
        if record.metric != metric or name not in (None, record.name):
            return record
        if any(record.conditions.get(key) != wanted for key, wanted in conditions.items()):
            return record
        return dataclasses.replace(
            record,
            value=value,
            interval=(value - off, value + off),
            samples=samples or record.samples,
        )

    return change


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


def kept_and_left(five: Mapping[int, float], one: Mapping[int, float]) -> list[Change]:
    return [
        to("still_there_share", share, off=0.1, instances=count, wait_min=wait)
        for count, shares in ((5, five), (1, one))
        for wait, share in shares.items()
    ]


DAY: dict[str, Any] = {"memory_mb": 768, "duration_ms": 500}
FIVE: dict[str, Any] = {"clients": 5, "arrivals": "closed"}
AS_PAPER = kept_and_left({3: 1.0, 8: 0.8}, {28: 0.9, 33: 0.0})
OTHERWISE = kept_and_left({3: 1.0, 8: 1.2}, {28: 0.0, 33: 0.0})
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
        NOT_DECIDED,
        [to("first_to_warm", 26, "baseline", off=2)],
        NOT_DECIDED,  # two sizes have no record yet
    ),
    (
        "Fig. 10, 13: The first call takes more",
        NOT_DECIDED,
        [to("first_to_warm", 4, "baseline", off=1)],
        REFUTED,
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
IN_AWS: tuple[tuple[str, Verdict, list[Change], Verdict], ...] = (
    ("3.2: A cold start takes", NOT_COMPARABLE, [to("call_mean_ms", 900, off=50)], BEATEN),
    ("3.2: A cold start takes", NOT_COMPARABLE, [to("call_mean_ms", 8000, off=500)], CONFIRMED),
    ("3.2: A cold start takes", NOT_COMPARABLE, [to("call_mean_ms", 9900, off=50)], CORRECTED),
    (
        "3.2: A cold start is",
        NOT_SHOWN,
        [to("flow_stage_mean_ms", 300, off=20, temperature="cold", stage="api")],
        CONFIRMED,
    ),
    (
        "3.2: A cold start is",
        NOT_SHOWN,
        [to("flow_stage_mean_ms", 1, off=0.1, temperature="cold", stage="api")],
        REFUTED,
    ),
    (
        "3.2: A cold start is",
        NOT_SHOWN,
        [
            to("flow_stage_mean_ms", 6, off=1, temperature="cold", stage="api"),
            to("flow_stage_mean_ms", 6, off=2, temperature="warm", stage="api"),
        ],
        NOT_DECIDED,
    ),
    ("Fig. 10: The first", NOT_COMPARABLE, [to("call_mean_ms", 300, off=50)], BEATEN),
    ("Fig. 10: The first", NOT_COMPARABLE, [to("call_mean_ms", 2000, off=50)], NOT_DECIDED),
    ("Fig. 11: Without", NOT_COMPARABLE, [to("flow_mean_ms", 400, off=50)], CONFIRMED),
    ("Fig. 11: Without", NOT_COMPARABLE, [to("flow_mean_ms", 1400, off=50)], REFUTED),
    ("Fig. 11: Without", NOT_COMPARABLE, [to("flow_mean_ms", 1000, off=50)], NOT_DECIDED),
    ("4: The largest", NOT_COMPARABLE, [to("peak_rss_mb", 90, "ours", off=1)], BEATEN),
    ("4: The largest", NOT_COMPARABLE, [to("peak_rss_mb", 500, "ours", off=1)], CORRECTED),
    ("3.2: Idle", NOT_SHOWN, AS_PAPER, CONFIRMED),
    ("3.2: Idle", NOT_SHOWN, [to("still_there_share", 1.0)], REFUTED),
    ("4.2: Of several", NOT_SHOWN, AS_PAPER, CONFIRMED),
    ("4.2: Of several", NOT_SHOWN, OTHERWISE, CORRECTED),
    ("4.2: Making", NOT_COMPARABLE, [to("wake_ms", 2000, off=100)], BEATEN),
    ("4.2: Making", NOT_COMPARABLE, [to("wake_ms", 12_000, off=100)], CORRECTED),
    ("4.2: Five", NOT_COMPARABLE, [to("warm_response_ms", 80, off=9)], CONFIRMED),
    ("4.2: Five", NOT_COMPARABLE, [to("warm_response_ms", 200, off=9)], CORRECTED),
    (
        "Fig. 12: The response",
        NOT_COMPARABLE,
        [to("growth", 40, "ours", off=2)],
        CONFIRMED,
    ),
    ("Fig. 12: The response", NOT_COMPARABLE, [to("growth", 2, "ours", off=1)], REFUTED),
    ("Fig. 12: Above", CORRECTED, [to("throttled_share", 0.5, "ours", off=0.1)], NOT_SHOWN),
    ("Fig. 12: Five", CORRECTED, [to("cold_share", 0.0, "ours")], NOT_SHOWN),
    ("5: The service scales", NOT_SHOWN, [to("throttled_share", 0.0, "ours")], CONFIRMED),
    (
        "5: The service scales",
        NOT_SHOWN,
        [to("throttled_share", 0.5, "ours", off=0.1)],
        REFUTED,
    ),
    ("Fig. 13: The function", NOT_COMPARABLE, [to("killed", 1.0)], REFUTED),
    ("Fig. 13: The function", NOT_COMPARABLE, [to("killed", 0.0)], CONFIRMED),
    (
        "Fig. 13: With many",
        NOT_COMPARABLE,
        [
            to("response_ratio", 3.0, off=0.1, clients=1),
            to("response_ratio", 1.2, off=0.1, clients=20),
        ],
        CONFIRMED,
    ),
    ("Fig. 13: With many", NOT_COMPARABLE, [to("response_ratio", 3.0, off=0.1)], NOT_DECIDED),
    (
        "Fig. 13: With many",
        NOT_COMPARABLE,
        [
            to("response_ratio", 3.0, off=0.5, clients=1),
            to("response_ratio", 3.0, off=0.1, clients=20),
        ],
        NOT_DECIDED,
    ),
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
    ("claim", "now", "changes", "then"), IN_AWS, ids=lambda each: str(each)[:24]
)
def test_figures_from_aws_are_compared_with_the_papers(
    claim: str, now: Verdict, changes: list[Change], then: Verdict
) -> None:
    """The same figures decide nothing where they are of a local cloud, or of some other API."""
    assert judged(claim, changes).verdict is judged(claim).verdict is now
    other = AWS_RUN.replace("--env dev", "--env local")
    assert judged(claim, changes, command=other).verdict is now
    assert judged(claim, changes, command=AWS_RUN).verdict is then
    url = AWS_RUN.replace("--env dev", "--url https://abc.execute-api.eu-west-1.amazonaws.com/v1")
    assert judged(claim, changes, command=url).verdict is then


@pytest.mark.parametrize(
    ("claim", "now", "more", "then"), WITH_MORE, ids=lambda each: str(each)[:24]
)
def test_a_verdict_turns_with_further_records(
    claim: str, now: Verdict, more: list[tuple[str, Record]], then: Verdict
) -> None:
    assert judged(claim).verdict is now
    assert judged(claim, more=more).verdict is then


def test_every_claim_is_turned_by_some_result() -> None:
    turned = {
        begins: {now for each, now, _, then in (*LOCAL, *IN_AWS, *WITH_MORE) if each == begins}
        | {then for each, _, _, then in (*LOCAL, *IN_AWS, *WITH_MORE) if each == begins}
        for begins, *_ in (*LOCAL, *IN_AWS, *WITH_MORE)
    }
    for rule in RULES:
        title = f"{rule.where}: {rule.claim}"
        found = [verdicts for begins, verdicts in turned.items() if title.startswith(begins)]
        assert len(found) == 1, title
        assert len(found[0]) > 1, title


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


def test_no_local_figure_is_said_to_beat_aws() -> None:
    """A process here against Lambda decides nothing: neither of ours nor of the paper's."""
    made = claims(RecordSet(RECORDS, BENCHES))
    assert BEATEN not in {each.verdict for each in made}


def test_the_ratio_to_the_baseline_here_is_said() -> None:
    assert "Beside the baseline here" in judged("Fig. 10: The first").evidence
    assert "1/24.0 (1/25.6 to 1/22.3)" in judged("Fig. 10: The first").evidence


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


@pytest.mark.parametrize("where", ["--env dev", "--url https://photos.example"])
def test_text_about_a_deployed_api_does_not_mention_this_machine(where: str) -> None:
    deployed = {
        "printed": RECORDS["printed"],
        "cost": [each for each in RECORDS["cost"] if each.name not in ("ours", "baseline")],
        **{
            name: [
                dataclasses.replace(each, command=AWS_RUN.replace("--env dev", where))
                for each in RECORDS[name]
                if each.name == "ours"
            ]
            for name in ("flow", "concurrency", "idle")
        },
    }
    about = {rule.claim for rule in WARMING} | {
        rule.claim for rule in RULES if rule.where in ("3.2", "Fig. 11", "Fig. 12")
    }
    made = [each for each in claims(RecordSet(deployed)) if each.claim in about]
    evidence = " ".join(each.evidence for each in made)
    for words in ("one machine", "processors", "stand-in", "local pool", "loopback"):
        assert words not in evidence
    left = [each for each in claims(RecordSet(deployed)) if each.kind == "not measured"]
    assert {each.where for each in left} >= {"4", "Fig. 13", "5"}
