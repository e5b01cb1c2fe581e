"""Verdicts on claims, and their change with the figures."""

import dataclasses
from collections.abc import Callable

import pytest

from lab.experiments.claims import claims
from lab.experiments.record_query import RecordSet
from warmlens.paths import ROOT
from warmlens.records import Record, read_records

FOLDER = ROOT / "docs" / "lab" / "experiments" / "records"
NAMES = ("cost", "stages", "flow", "concurrency", "memory", "idle")
KEPT = {name: read_records((FOLDER / f"{name}.jsonl").read_text()) for name in NAMES}
Change = Callable[[Record], float]


def verdict(claim: str, metric: str = "", change: Change = lambda record: record.value) -> str:
    """Return the verdict on the claim with this beginning, with a metric's values changed."""
    records = {
        name: [
            dataclasses.replace(each, value=change(each)) if each.metric == metric else each
            for each in kept
        ]
        for name, kept in KEPT.items()
    }
    (found,) = [each for each in claims(RecordSet(records)) if each.claim.startswith(claim)]
    return found.verdict


def of(name: str, value: float) -> Change:
    return lambda record: value if record.name == name else record.value


def at(clients: int, value: float) -> Change:
    return lambda record: value if record.conditions["clients"] == clients else record.value


@pytest.mark.parametrize(
    ("claim", "verdict_now", "metric", "change", "verdict_then"),
    [
        (
            "The first call takes 10,460 ms",
            "beaten",
            "second_mean_ms",
            of("ours", 1e4),
            "not shown here",
        ),
        ("A cold start takes about 8 s", "beaten", "first_mean_ms", of("ours", 9e3), "not shown"),
        ("The largest memory used", "beaten", "peak_rss_mb", of("ours", 900), "not shown"),
        ("Without cold start", "beaten", "flow_ms", of("ours", 700), "confirmed"),
        ("Without cold start", "beaten", "flow_ms", of("ours", 1_500), "corrected"),
        ("Making five instances", "beaten", "wake_ms", of("ours", 11_000), "corrected"),
        ("Five instances serve", "confirmed", "warm_response_ms", of("ours", 120), "corrected"),
        ("The response time grows", "not shown", "response_ms", at(1000, 160), "corrected"),
        ("The response time grows", "not shown", "response_ms", at(1000, 9_000), "confirmed"),
        ("Above the limit", "corrected", "throttled_share", lambda record: 0.0, "confirmed"),
        (
            "3,008 MB and 1,536 MB",
            "confirmed",
            "warm_mean_ms",
            lambda record: 1e6 / record.conditions["memory_mb"],
            "corrected",
        ),
        (
            "Below 768 MB speed falls",
            "confirmed",
            "warm_mean_ms",
            lambda record: 100.0,
            "corrected",
        ),
        (
            "768 MB is the best",
            "corrected",
            "cost_usd_per_million",
            lambda record: record.conditions["memory_mb"] / 100,
            "confirmed",
        ),
        ("448 MB is the smallest", "beaten", "killed", lambda record: 1.0, "corrected"),
    ],
)
def test_a_verdict_turns_with_what_was_measured(
    claim: str, verdict_now: str, metric: str, change: Change, verdict_then: str
) -> None:
    assert verdict(claim).startswith(verdict_now)
    assert verdict(claim, metric, change).startswith(verdict_then)


def test_what_was_not_measured_is_not_claimed() -> None:
    made = claims(RecordSet({"cost": KEPT["cost"]}))
    assert {each.kind for each in made} == {"computed"}


def deployed(*names: str) -> RecordSet:
    """The records with commands as if measured with `--env dev`."""
    return RecordSet(
        {
            "cost": [each for each in KEPT["cost"] if each.name not in ("ours", "baseline")],
            **{
                name: [
                    dataclasses.replace(
                        each, command=f"python -m lab experiments run {name} --env dev"
                    )
                    for each in KEPT[name]
                    if each.name == "ours"
                ]
                for name in names
            },
        }
    )


def test_text_about_a_deployed_api_does_not_mention_this_machine() -> None:
    made = claims(deployed("flow", "concurrency", "idle"))
    evidence = " ".join(each.evidence for each in made)
    for words in ("one machine", "processors", "stand-in", "local up", "768 MB, of which"):
        assert words not in evidence
    measured = {each.where for each in made if each.kind == "measured"}
    assert measured == {"3.2", "Fig. 11", "4.2", "Fig. 12"}


def test_claims_that_a_deployed_api_does_not_show_are_named() -> None:
    left = [each for each in claims(deployed("flow")) if each.kind == "not measured there"]
    assert {each.where for each in left} == {"Fig. 10", "4", "Fig. 13", "5"}
    assert all("python -m lab experiments run" in each.evidence for each in left)
