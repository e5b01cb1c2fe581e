"""Limits of the soak test, and the time of recovery."""

from collections.abc import Mapping

import pytest

from lab.bench.soak.limits import problems
from lab.bench.soak.phases import Call, recovered_after_s
from lab.load import Response, Timed
from warmlens.records import Record

Values = Mapping[tuple[str, str], float]

CALLS = {"calls": 100, "answered": 95, "throttled": 5, "other_errors": 0, "wrong_class": 0}
SOUND: Values = {
    **{
        (phase, metric): count
        for phase in ("capacity", "steady", "step", "recovery")
        for metric, count in CALLS.items()
    },
    ("steady", "latency_ms"): 90,
    ("step", "latency_ms"): 250,
    ("recovery", "recovered"): 1,
    ("recovery", "recovered_after_s"): 0.1,
    **{
        (phase, f"{kind}_{metric}"): value
        for phase in ("steady", "whole")
        for kind in ("server", "emulator", "instances")
        for metric, value in {"processes": 2, "rss_mb": 200, "files": 40}.items()
    },
}


def records(values: Values, **before: float) -> list[Record]:
    """Records with these values after the load, and the same or given values before it."""
    return [
        Record(
            name=name,
            metric=metric,
            value=value,
            unit="1",
            kind="measured",
            conditions={"before": before.get(metric, SOUND[name, metric])},
            command="python -m lab bench soak",
            machine="any",
            date="2026-11-28",
            samples=None,
            p95=None,
            p99=value if metric == "latency_ms" else None,
        )
        for (name, metric), value in values.items()
    ]


def call(sent_s: float, status: int = 200, latency_ms: float = 10) -> Call:
    return Timed(sent_s, latency_ms, Response(status, {"TOP1_ID": "1"}))


def test_the_service_has_recovered_after_twenty_fast_calls_in_a_row() -> None:
    refused = [call(number / 10, status=429) for number in range(30)]
    slow = [call(3 + number / 10, latency_ms=900) for number in range(30)]
    fast = [call(6 + number / 10) for number in range(40)]
    assert recovered_after_s([*fast, *refused, *slow], 100) == pytest.approx(6)
    assert recovered_after_s([*refused, *slow, *fast[:19]], 100) is None


def test_a_load_without_effect_has_no_problems() -> None:
    assert problems(records(SOUND)) == []


@pytest.mark.parametrize(
    ("name", "metric", "value", "expected"),
    [
        ("step", "wrong_class", 2, "step: wrong_class is 2, allowed is 0"),
        ("steady", "other_errors", 1, "steady: other_errors is 1, allowed is 0"),
        ("recovery", "recovered", 0, "recovery: the service did not get as fast as before"),
        (
            "recovery",
            "throttled",
            50,
            "recovery: 50.0% of the calls were refused, 5.0% before the step",
        ),
        ("whole", "server_rss_mb", 2000, "whole: server_rss_mb grew from 200 to 2000"),
        ("steady", "instances_rss_mb", 2000, "steady: instances_rss_mb grew from 200 to 2000"),
        ("whole", "server_files", 141, "whole: server_files grew from 40 to 141"),
        ("whole", "emulator_files", 500, "whole: emulator_files grew from 40 to 500"),
        ("steady", "instances_files", 500, "steady: instances_files grew from 40 to 500"),
        ("whole", "server_processes", 3, "whole: server_processes grew from 2 to 3"),
        ("whole", "emulator_processes", 5, "whole: emulator_processes grew from 2 to 5"),
        ("step", "latency_ms", 1451, "step: the p99 of answers is 1451 ms, allowed is 1450"),
        (
            "recovery",
            "recovered_after_s",
            31,
            "recovery: as fast as before after 31 s, allowed is 30",
        ),
    ],
)
def test_each_broken_limit_is_one_sentence(
    name: str, metric: str, value: float, expected: str
) -> None:
    assert problems(records({**SOUND, (name, metric): value})) == [expected]


def test_more_refusals_after_the_step_are_a_problem_beyond_random_variation() -> None:
    assert problems(records({**SOUND, ("recovery", "throttled"): 17})) == []
    assert len(problems(records({**SOUND, ("recovery", "throttled"): 18}))) == 1


def test_more_instances_may_use_more_memory() -> None:
    of_ten = {("whole", "instances_processes"): 10, ("whole", "instances_rss_mb"): 1000}
    assert problems(records({**SOUND, **of_ten})) == []
    of_four = {**of_ten, ("whole", "instances_processes"): 4}
    assert problems(records({**SOUND, **of_four})) == [
        "whole: instances_rss_mb grew from 400 to 1000"
    ]
