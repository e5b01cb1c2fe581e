"""Plans from real traffic, checked on what came next: the kept records are computed again."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.bench.forecast import minutes, week
from lab.bench.forecast.figures import CAME, Draws, is_within, middle_95, table
from lab.bench.forecast.findings import findings
from lab.bench.warming.traces import inference_arrivals, load_balancer
from lab.kept_records import RECORDS
from warmlens.paths import ROOT
from warmlens.planner.traffic import constant_rate
from warmlens.planner.windows import Moments
from warmlens.records import Record, read_records

SEEDS = 2
KEPT = read_records((RECORDS / "forecast.jsonl").read_text())


def kept(case: str, name: str, metric: str) -> Record:
    (found,) = (
        each
        for each in KEPT
        if (each.conditions["case"], each.name, each.metric) == (case, name, metric)
    )
    return found


def values(record: Record) -> Sequence[float]:
    found: Sequence[float] = record.conditions["values"]
    return found


def assert_kept(case: str, name: str, draws: Draws) -> None:
    for metric in draws[0]:
        expected = values(kept(case, name, metric))[: len(draws)]
        assert [each[metric] for each in draws] == pytest.approx(expected, rel=1e-9), metric


def test_the_plan_and_its_weeks_are_the_kept_ones() -> None:
    plan = week.planned().plan
    assert kept(week.ONE_BY_ONE, CAME, "cold_share").conditions["plan"] == plan.candidate.label
    share = plan.result.cold_share
    printed = kept(week.ONE_BY_ONE, "week 1, as `warmlens plan` prints it", "cold_share")
    assert printed.interval == [share.low, share.high]
    for name, profile in week.predictions().items():
        assert_kept(week.ONE_BY_ONE, name, week.simulated(profile, SEEDS))
    for case in week.CASES:
        came = week.simulated(week.second_week(case), SEEDS)
        if case != week.ONE_BY_ONE:
            came = [{"cold_share": each["cold_share"]} for each in came]
        assert_kept(case, CAME, came)


def test_the_minutes_of_the_inference_service_are_the_kept_ones() -> None:
    seeds = range(1, SEEDS + 1)
    for name, model in minutes.MODELS.items():
        for memory_mb in minutes.MEMORY_MB:
            draws = [minutes.figures(memory_mb, model(), seed) for seed in seeds]
            assert_kept(f"service, {memory_mb:,} MB", name, draws)
        draws = [minutes.dispersions(model(), seed) for seed in seeds]
        assert_kept("service, arrivals", name, draws)
    assert_kept("service, arrivals", CAME, [minutes.dispersions(minutes.moments(), 1)])
    for memory_mb in minutes.MEMORY_MB:
        replayed = [minutes.figures(memory_mb, minutes.moments(), seed) for seed in seeds]
        assert_kept(f"service, {memory_mb:,} MB", CAME, replayed)


def test_cold_starts_came_as_often_as_predicted_unless_all_users_come_in_fives() -> None:
    predicted = [each for each in KEPT if each.metric == "cold_share" and each.name != CAME]
    assert len(predicted) == 11
    for each in predicted:
        came = kept(each.conditions["case"], CAME, "cold_share")
        assert is_within(each, came) == (each.conditions["case"] != week.IN_FIVES)
    for case in week.CASES:
        objective_is_met = kept(case, CAME, "cold_share").value <= 0.001
        assert objective_is_met == (case != week.IN_FIVES)


def test_the_number_of_requests_is_what_a_week_does_not_say_of_the_next() -> None:
    first, scaled = week.predictions()
    for metric in ("requests", "usd_per_month"):
        came = kept(week.ONE_BY_ONE, CAME, metric)
        assert not is_within(kept(week.ONE_BY_ONE, first, metric), came)
        assert is_within(kept(week.ONE_BY_ONE, scaled, metric), came)
    fewer = 1 - came.value / kept(week.ONE_BY_ONE, first, metric).value
    assert f"{fewer:.0%}".replace("%", " % fewer") in (ROOT / "docs" / "planning.md").read_text()


def test_the_findings_follow_the_records() -> None:
    many = [
        replace(each, value=0.0123)
        if (each.conditions["case"], each.name) == (week.IN_FIVES, CAME)
        else each
        for each in KEPT
    ]
    text = " ".join(findings(many).split())
    assert "1.2 % would meet a cold start" in text
    assert text != " ".join(findings(KEPT).split())


def test_pairs_explain_the_calls_that_meet_two_others_and_independent_users_do_not() -> None:
    independent, with_pairs = minutes.MODELS
    for memory_mb in minutes.MEMORY_MB:
        case = f"service, {memory_mb:,} MB"
        came = kept(case, CAME, "met_2")
        assert not is_within(kept(case, independent, "met_2"), came)
        assert is_within(kept(case, with_pairs, "met_2"), came)


def test_the_index_of_dispersion_of_independent_users_is_one_and_that_of_pairs_is_two() -> None:
    alone = minutes.dispersions(constant_rate(20.0), seed=1)
    assert alone == pytest.approx(dict.fromkeys(alone, 1.0), rel=0.5)
    assert alone["dispersion_1s"] == pytest.approx(1, rel=0.1)
    come = constant_rate(20.0).arrivals(1, minutes.END_S)
    doubled = Moments([moment_s for each in come for moment_s in (each, each)])
    assert minutes.dispersions(doubled, seed=1)["dispersion_1s"] == pytest.approx(2, rel=0.1)


def test_a_share_of_calls_comes_in_pairs_and_none_is_lost_or_leaves_its_five_minutes() -> None:
    one_by_one = load_balancer()
    paired = list(week.Paired(traffic=one_by_one, share=0.1).arrivals(1, week.WEEK_S))
    alone = list(one_by_one.arrivals(1, week.WEEK_S))
    assert len(paired) == len(alone)
    assert paired == sorted(paired)
    same = sum(a == b for a, b in itertools.pairwise(paired))
    assert 2 * same / len(paired) == pytest.approx(0.1, rel=0.1)


def test_the_inference_service_has_more_pairs_than_chance() -> None:
    arrivals = inference_arrivals()
    assert len(arrivals) == 19_366
    assert list(arrivals) == sorted(arrivals)
    page = " ".join((ROOT / "docs" / "planning.md").read_text().split())
    assert f"one call in {1 / minutes.paired_share():.0f} is in a pair within 5 ms" in page
    assert f"`--bursts-per-hour {minutes.pairs_per_hour():.0f}`" in page


def test_a_range_holds_95_of_100_simulations_and_the_table_marks_what_is_outside() -> None:
    low, high = middle_95(list(range(101)))
    assert (low, high) == (2.5, 97.5)
    assert middle_95([3.0, 3.0]) == (3.0, 3.0)
    shown = table(KEPT)
    outside = sum(
        not is_within(each, kept(each.conditions["case"], CAME, each.metric))
        for each in KEPT
        if each.name != CAME
    )
    assert shown.count("**no**") == outside > 0
