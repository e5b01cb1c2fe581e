"""Verdicts on claims from figures of an API in AWS."""

import dataclasses
from collections.abc import Mapping

import pytest

from lab.experiments.claims.register import claims
from lab.experiments.record_query import RecordSet
from lab.experiments.verdicts import Claim, Verdict
from tests.lab.experiments.judged import RECORDS, Change, judged, to
from warmlens.records import Record

AWS_RUN = "python -m lab experiments run all --env dev --full"
CONFIRMED, CORRECTED, REFUTED, BEATEN, NOT_DECIDED, NOT_COMPARABLE, NOT_SHOWN = Verdict


def kept_and_left(five: Mapping[int, float], one: Mapping[int, float]) -> list[Change]:
    return [
        to("still_there_share", share, off=0.1, instances=count, wait_min=wait)
        for count, shares in ((5, five), (1, one))
        for wait, share in shares.items()
    ]


def calls_at_once(number: int) -> Change:
    """Return a change after which the most calls at once of ours are this number."""

    def change(record: Record) -> Record:
        if record.name != "ours" or record.conditions.get("clients") != 40:
            return record
        return dataclasses.replace(record, conditions={**record.conditions, "clients": number})

    return change


AS_PAPER = kept_and_left({3: 1.0, 8: 0.8}, {28: 0.9, 33: 0.0})
OTHERWISE = kept_and_left({3: 1.0, 8: 1.2}, {28: 0.0, 33: 0.0})
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
    ("Fig. 10, 13: At 768", NOT_COMPARABLE, [to("call_mean_ms", 300, off=50)], BEATEN),
    (
        "Fig. 10, 13: At 768",
        NOT_COMPARABLE,
        [
            to("call_mean_ms", 3000, off=100, temperature="cold"),
            to("call_mean_ms", 100, off=5, temperature="warm"),
        ],
        CORRECTED,
    ),
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
    (
        "Fig. 12: Above",
        NOT_SHOWN,
        [calls_at_once(1200), to("throttled_share", 0.0, "ours", off=0.005)],
        CONFIRMED,
    ),
    (
        "Fig. 12: Above",
        NOT_SHOWN,
        [calls_at_once(1200), to("throttled_share", 0.5, "ours", off=0.1)],
        CORRECTED,
    ),
    ("Fig. 12: Above", NOT_SHOWN, [to("throttled_share", 0.5, "ours", off=0.1)], NOT_SHOWN),
    (
        "Fig. 12: Five",
        NOT_SHOWN,
        [calls_at_once(100), to("cold_share", 0.0, "ours", off=0.005)],
        CONFIRMED,
    ),
    (
        "Fig. 12: Five",
        NOT_SHOWN,
        [calls_at_once(100), to("cold_share", 0.1, "ours", off=0.02)],
        CORRECTED,
    ),
    ("Fig. 12: Five", NOT_SHOWN, [to("cold_share", 0.0, "ours")], NOT_SHOWN),
    ("5: The service scales", NOT_SHOWN, [to("throttled_share", 0.0, "ours")], CONFIRMED),
    (
        "5: The service scales",
        NOT_SHOWN,
        [to("throttled_share", 0.5, "ours", off=0.1)],
        REFUTED,
    ),
    (
        "Fig. 13: 3,008",
        NOT_COMPARABLE,
        [to("warm_ratio", 1.1, "baseline", off=0.1, memory_mb=1536)],
        CONFIRMED,
    ),
    (
        "Fig. 13: 3,008",
        NOT_COMPARABLE,
        [to("warm_ratio", 1.9, "baseline", off=0.1, memory_mb=1536)],
        REFUTED,
    ),
    (
        "Fig. 13: 3,008",
        NOT_COMPARABLE,
        [to("warm_ratio", 1.2, "baseline", off=0.1, memory_mb=1536)],
        NOT_DECIDED,
    ),
    (
        "Fig. 13: Below",
        NOT_COMPARABLE,
        [to("warm_ratio", 4.0, "baseline", off=0.1, memory_mb=448)],
        CONFIRMED,
    ),
    (
        "Fig. 13: Below",
        NOT_COMPARABLE,
        [to("warm_ratio", 1.7, "baseline", off=0.05, memory_mb=448)],
        CORRECTED,
    ),
    (
        "Fig. 13: Below",
        NOT_COMPARABLE,
        [to("warm_ratio", 2.2, "baseline", off=0.3, memory_mb=448)],
        NOT_DECIDED,
    ),
    (
        "3.2, 4.2: With five",
        NOT_SHOWN,
        [to("cold_share", 0.02, "ours", off=0.01, clients=5, arrivals="closed")],
        NOT_DECIDED,
    ),
    (
        "3.2, 4.2: With five",
        NOT_SHOWN,
        [to("cold_share", 0.1, "ours", off=0.02, clients=5, arrivals="closed")],
        REFUTED,
    ),
    (
        "Fig. 13: 1,536",
        NOT_COMPARABLE,
        [to("cost_ratio", 2.0, "baseline", off=0.1, memory_mb=1536)],
        CONFIRMED,
    ),
    (
        "Fig. 13: 768",
        NOT_COMPARABLE,
        [to("cost_ratio", 0.8, "baseline", off=0.1, memory_mb=1536)],
        REFUTED,
    ),
    (
        "Fig. 13: 768",
        NOT_COMPARABLE,
        [to("cost_ratio", 1.2, "baseline", off=0.1, memory_mb=768)],
        REFUTED,
    ),
    (
        "Fig. 13: 768",
        NOT_COMPARABLE,
        [to("cost_ratio", 1.0, "baseline", off=0.1, memory_mb=768)],
        NOT_DECIDED,
    ),
    (
        "Fig. 13: 768",
        NOT_COMPARABLE,
        [to("cost_ratio", 0.9, "baseline", off=0.05, memory_mb=3008)],
        NOT_DECIDED,
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


def deployed(where: str) -> list[Claim]:
    """Return all claims, from the records of these experiments as if measured there."""
    records = {
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
    return claims(RecordSet(records))


@pytest.mark.parametrize("where", ["--env dev", "--url https://photos.example"])
def test_text_about_a_deployed_api_does_not_mention_this_machine(where: str) -> None:
    evidence = " ".join(each.evidence for each in deployed(where))
    for words in ("one machine", "processors", "stand-in", "local pool", "loopback"):
        assert words not in evidence


def test_claims_that_a_deployed_api_shows_and_does_not_show_are_named() -> None:
    made = deployed("--env dev")
    measured = {each.where for each in made if each.kind == "measured"}
    assert measured == {
        *("3.2", "Fig. 10", "Fig. 10, 13", "Fig. 11", "3.2, 4.2", "4.2", "Fig. 12", "5"),
    }
    left = {
        each.where
        for each in made
        if each.kind == "not measured" and "python -m lab experiments run" in each.evidence
    }
    assert left == {"4", "Fig. 12", "Fig. 13", "5"}
