"""The hold that finds itself: long enough for nearly every round, and no longer than needed."""

import random
from collections.abc import Callable

import pytest

from lambda_src.warmer.hold import MIN_HOLD_MS, first_hold_ms
from lambda_src.warmer.rounds import HOLD_FACTOR, MAX_ROUNDS, Round, Wakeup
from lambda_src.warmer.state import MAX_SPREADS, State

BOUND_MS = 1000
Arrivals = Callable[[random.Random], list[float]]


def evenly(calls: int, apart_ms: float) -> Arrivals:
    return lambda _: [number * apart_ms for number in range(calls)]


def scattered(calls: int, apart_ms: float, delay_ms: float) -> Arrivals:
    """Calls sent one after another, each with a delay of its own that now and then is long."""
    return lambda chance: [
        number * apart_ms + chance.expovariate(1 / delay_ms) for number in range(calls)
    ]


def run(state: State, arrivals_ms: list[float]) -> tuple[int, int]:
    """One run of the warmer: the first round's hold, and the number of rounds."""
    calls = len(arrivals_ms)
    first_ms = hold_ms = first_hold_ms(state.spreads.get(calls), calls=calls, longest_ms=BOUND_MS)
    for rounds in range(1, MAX_ROUNDS + 1):
        latest = Round(sent_ms=0, hold_ms=hold_ms)
        for number, arrival_ms in enumerate(arrivals_ms):
            held_s = max(0.0, hold_ms - arrival_ms) / 1000
            latest.wakeups.append(Wakeup(str(number), cold_start=False, held_s=held_s))
        if max(arrivals_ms) <= hold_ms or rounds == MAX_ROUNDS:
            break
        hold_ms *= HOLD_FACTOR
    if latest.spread_ms is not None:
        state.measured(calls, min(latest.spread_ms, BOUND_MS))
    return first_ms, rounds


@pytest.mark.parametrize(("calls", "expected_ms"), [(5, 105), (10, 205), (20, 405), (50, 1000)])
def test_calls_that_arrive_evenly_are_held_a_little_longer_than_they_are_spread(
    calls: int, expected_ms: int
) -> None:
    state, chance = State(), random.Random(1)
    holds = [run(state, evenly(calls, 20)(chance)) for _ in range(60)]
    assert holds[0] == (BOUND_MS, 1)  # nothing was known
    assert holds[-1] == (expected_ms, 1)


@pytest.mark.parametrize("calls", [2, 5, 20, 50])
@pytest.mark.parametrize(("apart_ms", "delay_ms"), [(0.5, 4), (4, 10), (8, 20)])
def test_nearly_every_run_reaches_all_in_one_round_without_holding_much_longer(
    calls: int, apart_ms: float, delay_ms: float
) -> None:
    arrivals, state, chance = scattered(calls, apart_ms, delay_ms), State(), random.Random(2)
    runs = [run(state, arrivals(chance)) for _ in range(2000)]
    spreads = [max(arrivals(chance)) for _ in range(2000)]
    assert sum(rounds == 1 for _, rounds in runs) / len(runs) > 0.97
    mean_hold_ms = sum(hold_ms for hold_ms, _ in runs) / len(runs)
    assert mean_hold_ms < MIN_HOLD_MS + 3 * sum(spreads) / len(spreads)


def test_a_single_call_is_not_held() -> None:
    state = State()
    assert run(state, [0.0]) == (0, 1)
    assert state.spreads == {}


def test_after_one_late_call_the_hold_is_back_within_an_hour() -> None:
    state = State()
    for _ in range(60):
        usual_ms, _ = run(state, [0, 20, 40])
    assert run(state, [0, 20, 900]) == (usual_ms, 3)
    later = [run(state, [0, 20, 40])[0] for _ in range(12)]
    assert later[0] > 585  # one such call may be the first of many; the longest round held 585 ms
    assert later[-1] < 4 * usual_ms


def test_a_spread_that_grows_or_shrinks_is_followed() -> None:
    state = State()
    for _ in range(40):
        run(state, [0, 50])
    wider = [run(state, [0, 300]) for _ in range(40)]
    assert [rounds for _, rounds in wider[1:]] == [1] * 39
    assert wider[-1][0] == pytest.approx(325, abs=10)
    narrower = [run(state, [0, 50]) for _ in range(60)]
    assert narrower[-1][0] == pytest.approx(75, abs=10)


def test_each_number_of_calls_has_a_hold_of_its_own() -> None:
    state = State()
    for _ in range(40):
        run(state, evenly(5, 20)(random.Random(1)))
    assert run(state, evenly(50, 20)(random.Random(1)))[0] == BOUND_MS
    assert run(state, evenly(5, 20)(random.Random(1)))[0] == pytest.approx(105, abs=2)


def test_what_is_kept_stays_small_and_is_read_as_it_was_written() -> None:
    state = State()
    for calls in range(2, 102):
        run(state, [0.0] * (calls - 1) + [12_345.678])
    assert len(state.spreads) == MAX_SPREADS
    assert 101 in state.spreads  # the newest
    text = state.to_json()
    assert len(text) < 4096  # characters of a standard parameter
    assert State.from_json(text).to_json() == text


def wakeups(*arrivals_ms: float, cold: int = 0, failed: int = 0, hold_ms: int = 400) -> Round:
    result = Round(sent_ms=0, hold_ms=hold_ms, errors=["failed"] * failed)
    for number, arrival_ms in enumerate(arrivals_ms):
        held_s = (hold_ms - arrival_ms) / 1000
        result.wakeups.append(Wakeup(str(number), cold_start=number < cold, held_s=held_s))
    return result


def test_the_start_of_an_instance_is_no_spread_of_arrivals() -> None:
    """A starting instance takes no second call, so nothing is to be held until it answers."""
    assert wakeups(390, 30, 20, cold=1).spread_ms == pytest.approx(30)
    assert wakeups(390, 380, 20, cold=2).spread_ms is None  # too few were warm
    assert wakeups(30, 20, failed=3).spread_ms is None


def test_an_instance_whose_clock_is_off_neither_breaks_nor_shortens_the_estimate() -> None:
    assert wakeups(-450, -450, -450).spread_ms == 0  # behind: held for longer than asked
    assert wakeups(30, 20, 850).spread_ms == 850  # ahead: as if it had come late
