"""The planner's simulation agrees with stored results of SimFaaS."""

import json
import math
import statistics

import pytest

from lab.bench.simfaas.comparison import (
    EXAMPLES,
    METRICS,
    OURS,
    OURS_NEWEST_FIRST,
    SIMFAAS,
    Example,
    more_than,
    ours,
    ours_newest_first,
)
from lab.kept_records import RECORDS
from lab.oracle.random import Random, draw
from warmlens.planner.rng import SERVICE
from warmlens.records import Record, read_records

KEPT = read_records((RECORDS / "simfaas.jsonl").read_text())
# Nine intervals are looked at: each at 1 - 0.05 / 9, so that all hold nineteen times of twenty.
QUANTILE = statistics.NormalDist().inv_cdf(1 - 0.05 / 9 / 2)
SEEDS = range(500, 512)


def kept(example: Example, name: str, metric: str) -> Record:
    (found,) = (
        each
        for each in KEPT
        if (each.name, each.metric, each.conditions["name"]) == (name, metric, example.name)
    )
    return found


def standard_error(values: list[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_with_its_rule_our_figures_lie_within_its_intervals(example: Example) -> None:
    runs = [ours_newest_first(example, seed) for seed in SEEDS[:6]]
    for metric in METRICS:
        theirs = kept(example, SIMFAAS, metric).conditions["values"]
        values = [run[metric] for run in runs]
        apart = abs(statistics.fmean(values) - statistics.fmean(theirs))
        error = math.hypot(standard_error(values), standard_error(theirs))
        # A small sample's quantile is larger (Student's t): 5 degrees have 1.5 times the normal's.
        assert apart <= 1.5 * QUANTILE * error, metric


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_with_lambdas_rule_there_are_at_most_two_percent_fewer_instances(
    example: Example,
) -> None:
    runs = [ours(example, seed) for seed in SEEDS]
    theirs = statistics.fmean(kept(example, SIMFAAS, "mean_instances").conditions["values"])
    values = [run["mean_instances"] for run in runs]
    assert 0.97 * theirs < statistics.fmean(values) < theirs + 3 * standard_error(values)
    for metric in ("cold_share", "mean_busy"):
        theirs_metric = kept(example, SIMFAAS, metric).conditions["values"]
        values = [run[metric] for run in runs]
        apart = abs(statistics.fmean(values) - statistics.fmean(theirs_metric))
        error = math.hypot(standard_error(values), standard_error(theirs_metric))
        assert apart <= 1.3 * QUANTILE * error, metric


def test_the_kept_figures_are_of_one_run_with_both_and_its_ratio() -> None:
    assert {each.name for each in KEPT} == {SIMFAAS, OURS, OURS_NEWEST_FIRST}
    for example in EXAMPLES:
        time = kept(example, OURS, "wall_us_per_request")
        assert time.ratio_to == SIMFAAS
        assert time.ratio is not None
        assert time.ratio < 1 / 10
        conditions = kept(example, SIMFAAS, "cold_share").conditions
        assert json.dumps(conditions["rate"]) == json.dumps(example.rate)


def test_init_time_added_to_a_warm_call_makes_it_cold() -> None:
    added, random = more_than(1.991, 2.244), Random(1, SERVICE)
    draws = [draw(added, random) for _ in range(200_000)]
    assert statistics.fmean(draws) == pytest.approx(2.244 - 1.991, rel=0.03)
    assert sum(draw == 0 for draw in draws) / len(draws) == pytest.approx(1.991 / 2.244, rel=0.01)
