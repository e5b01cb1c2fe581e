"""Windows of the traffic give the shares of whole days, for few calls of any traffic."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.planner.plan_requests import MEASURED, plan_request
from warmlens.planner import simulate as simulation
from warmlens.planner.advice import Advice, advise
from warmlens.planner.assumptions import Assumptions
from warmlens.planner.candidates import Candidate
from warmlens.planner.kernel import Kernel
from warmlens.planner.outcome import Outcomes
from warmlens.planner.plan import PlanRequest
from warmlens.planner.rng import Floats, Ints
from warmlens.planner.scenario import by_hour
from warmlens.planner.servers import comparison
from warmlens.planner.simulate import simulate, simulate_window
from warmlens.planner.state import State
from warmlens.planner.traffic import Bursts, Profile, Trace, constant_rate
from warmlens.planner.traffic_files import read_traffic
from warmlens.planner.windows import draw_windows

BURSTS = Bursts(size=5, per_hour=1)
SHOP = Profile(
    rates_per_s=tuple(
        rate / 1600
        for rate in [
            *(60, 30, 20, 20, 30, 80, 200, 400, 700, 900, 1000, 1100),
            *(1200, 1100, 1000, 1100, 1500, 2400, 3200, 2800, 2000, 1200, 500, 180),
        ]
    ),
    bursts=BURSTS,
    description="a shop, two requests a second at its peak",
)
PROFILE = (0,) * 8 + (4,) * 10 + (2,) * 6


@pytest.mark.parametrize(
    ("traffic", "days"),
    [(constant_rate(2), 8), (SHOP, 15), (constant_rate(0.02, Bursts(size=20, per_hour=2)), 60)],
    ids=["two a second", "a shop", "bursts"],
)
@pytest.mark.parametrize(
    ("warming", "counts"),
    [
        ("off", by_hour(0)),
        ("ahead", by_hour(0)),
        ("ping", by_hour(3)),
        ("ping", PROFILE),
        ("ahead+ping", by_hour(2)),
        ("provisioned", by_hour(1)),
    ],
    ids=["off", "ahead", "ping", "profile", "ahead and ping", "provisioned"],
)
def test_windows_have_the_cold_starts_of_whole_days(
    traffic: Profile, days: int, warming: str, counts: tuple[int, ...]
) -> None:
    candidate = Candidate(measured=MEASURED[0], warming=warming, by_hour=counts)
    scenario = candidate.scenario(Assumptions())
    whole, windows = Outcomes(), Outcomes()
    for seed in range(days):
        whole.add(simulate(scenario, traffic, horizon_s=86_400, seed=seed))
    for window in draw_windows(traffic, calls=768, count=120, warm_up_s=1800, settling_s=1, seed=1):
        windows.add(simulate_window(scenario, window))
    a, b = whole.cold_share(0.0005), windows.cold_share(0.0005)
    assert a.low <= b.high
    assert b.low <= a.high
    assert windows.percentile_ms(95).value == pytest.approx(whole.percentile_ms(95).value, rel=0.1)
    ratio = windows.total.pings / windows.total.horizon_s
    assert ratio == pytest.approx(whole.total.pings / whole.total.horizon_s, rel=0.1)
    rate = windows.total.requests / windows.total.horizon_s
    assert rate == pytest.approx(whole.total.requests / whole.total.horizon_s, rel=0.1)


def test_each_call_of_a_trace_is_as_often_in_a_window(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    moments = [3600.0 + 10 * number for number in range(300)]
    moments += [40_000 + 0.5 * number for number in range(300)]
    file.write_text("arrival_s\n" + "".join(f"{each}\n" for each in moments))
    trace = read_traffic(file, None)
    assert isinstance(trace, Trace)
    counted = dict.fromkeys(moments, 0)
    for seed in range(40):
        for window in draw_windows(
            trace, calls=100, count=6, warm_up_s=600, settling_s=1, seed=seed
        ):
            for now_s in window.traffic.arrivals(0, window.end_s):
                if now_s >= window.count_from_s:
                    counted[now_s % 86_400] += 1
    assert sum(counted.values()) == pytest.approx(40 * 600, rel=0.02)
    assert min(counted.values()) > 40 * 0.6
    assert max(counted.values()) < 40 * 1.4


# The typical cases


@pytest.fixture(scope="module")
def counted() -> Iterator[list[int]]:
    """The number of calls and wakes that the kernel serves; set it to zero before a run."""
    count, original = [0], simulation._kernel

    def counting(kernel: Kernel) -> Kernel:
        def serve(state: State, moments: Floats, kinds: Ints, of: int) -> None:
            count[0] += of
            kernel.serve(state, moments, kinds, of)

        return dataclasses.replace(kernel, serve=serve)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "_kernel", lambda backend: counting(original(backend)))
        yield count


CASES: dict[str, tuple[Profile, int]] = {
    "50 a day": (constant_rate(50 / 86_400), 1_200_000),
    "a shop": (SHOP, 1_200_000),
    "50 at once each hour": (constant_rate(0.001, Bursts(size=50, per_hour=1)), 1_200_000),
    "20 a second": (constant_rate(20), 1_200_000),
    "300 a second": (constant_rate(300), 1_200_000),
    "1,000 a second": (constant_rate(1000), 1_200_000),
}


@pytest.fixture(scope="module", params=CASES)
def answer(
    request: pytest.FixtureRequest, counted: list[int]
) -> tuple[str, PlanRequest, Advice, int]:
    """The advice for a typical case, and the number of calls and wakes that it took."""
    asked = plan_request(cold_share="0.1%", traffic=CASES[request.param][0], seeds=None)
    counted[0] = 0
    advice = advise(asked)
    comparison(advice, asked)
    return request.param, asked, advice, counted[0]


def test_the_work_for_an_answer_does_not_grow_with_the_traffic(
    answer: tuple[str, PlanRequest, Advice, int],
) -> None:
    name, asked, advice, served = answer
    assert advice.chosen is not None
    assert advice.chosen.result.calls > asked.objective.calls_needed
    assert served < CASES[name][1]


def test_the_runner_up_is_faster_or_has_fewer_cold_starts(
    answer: tuple[str, PlanRequest, Advice, int],
) -> None:
    *_, advice, _ = answer
    assert advice.chosen is not None
    if advice.runner_up is None:
        return
    named = advice.runner_up.result
    for other in advice.plans:
        if other is advice.runner_up or not other.meets:
            continue
        dominated = (
            other.usd_per_month <= advice.runner_up.usd_per_month
            and other.result.latency_ms.value <= named.latency_ms.value
            and other.result.cold_share.value <= named.cold_share.value
        )
        assert not dominated
