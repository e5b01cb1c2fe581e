"""Comparison of replays, without and with warming, with simulations of the same calls."""

import itertools
import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.bench.replay.run import CONCURRENCY, Replay, ReplayResult, replay
from warmlens.errors import WarmlensError
from warmlens.planner.distribution import Distribution, constant
from warmlens.planner.scenario import HOUR_S, InstanceLifetimes, Scenario, WarmingPolicy, by_hour
from warmlens.planner.simulate import Backend, simulate
from warmlens.planner.traffic import Profile
from warmlens.records import Record, machine, today
from warmlens.runtime.isolation import PERIOD_MS

COMMAND = "python -m lab bench replay"
SIMULATED_SEEDS = 200
POOL_LIFETIME_S = 7200.0  # warmlens/runtime/pool.py
FIRST_ROUND_S = 1.0
"""The first round starts the warmer, too, so its calls come later than those of other rounds: at
the round after two hours instances are a little younger than that, are woken once more, and end. In
the simulation calls come when they are due; this makes up for it."""


@dataclass(frozen=True)
class Moments:
    """Traffic at given moments.

    Attributes:
        arrivals_s: the moments.
        description: a name for people.
    """

    arrivals_s: Sequence[float]
    description: str = "moments"

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Return the moments; the seed does not change them."""
        return iter(self.arrivals_s)

    def expected(self, horizon_s: float) -> float:
        """Return the number of moments."""
        return float(len(self.arrivals_s))


def part_of_day(traffic: Profile, *, from_hour: float, hours: float, seed: int) -> list[float]:
    """Return the moments of calls in some hours of a random day, in seconds from the first hour.

    Raises:
        WarmlensError: ``no_traffic``: no call comes in these hours.
    """
    begin_s, end_s = from_hour * HOUR_S, (from_hour + hours) * HOUR_S
    later = itertools.dropwhile(lambda moment: moment < begin_s, traffic.arrivals(seed, end_s))
    moments = [moment - begin_s for moment in later]
    if not moments:
        raise WarmlensError(
            "no_traffic", f"There is no call in the {hours:g} hours from hour {from_hour:g}."
        )
    return moments


async def compare(
    traffic: Profile,
    *,
    from_hour: float,
    hours: float,
    memory_mb: int,
    warm: int,
    hold_ms: int,
    seed: int,
) -> AsyncIterator[Record]:
    """Replay the hours without and with warming, and simulate the same calls.

    Args:
        traffic: the users.
        from_hour, hours: the part of the day.
        memory_mb: the classifier's memory.
        warm: instances that the warmer wakes.
        hold_ms: the hold of a wakeup.
        seed: draws the calls and the idle expiries.

    Raises:
        WarmlensError: no call comes in these hours.
        WarmlensError: the local cloud cannot start.
    """
    arrivals_s = part_of_day(traffic, from_hour=from_hour, hours=hours, seed=seed)
    conditions = {
        "traffic": traffic.description,
        "requests": len(arrivals_s),
        "from_hour": from_hour,
        "hours": hours,
        "memory_mb": memory_mb,
        "period_ms": PERIOD_MS,
        "seed": seed,
    }
    for count in (0, warm):
        what = Replay(
            arrivals_s=arrivals_s,
            horizon_s=hours * HOUR_S,
            memory_mb=memory_mb,
            warm=count,
            hold_ms=hold_ms,
            seed=seed,
        )
        with tempfile.TemporaryDirectory() as folder:
            result = await replay(what, Path(folder))
        if result.errors:
            raise WarmlensError(
                "replay_failed", f"{len(result.errors)} calls failed: {result.errors[0]}"
            )
        name = f"ping {count}, held {hold_ms} ms" if count else "no warming"
        simulated = simulate_same(what, result)
        for metric, unit, value in (
            ("cold_starts", "1", float(len(result.cold_ms))),
            ("p99_ms", "ms", result.percentile_ms(99)),
        ):
            yield Record(
                name=name,
                metric=metric,
                value=value,
                unit=unit,
                kind="measured",
                conditions={
                    **conditions,
                    "warm": count,
                    "hold_ms": hold_ms,
                    "function_ms": statistics.median(result.function_ms),
                    "simulated_cold_starts": [min(simulated), max(simulated)],
                },
                command=COMMAND,
                machine=machine(),
                date=today(),
                samples=len(result.latencies_ms),
            )


def as_measured(times_ms: Sequence[float]) -> Distribution:
    """Return the distribution of samples, interpolated linearly."""
    ranked_s = sorted(each / 1000 for each in times_ms)
    steps = len(ranked_s)
    quantiles = tuple(at / steps for at in range(steps + 1))
    return Distribution("table", (ranked_s[0], *ranked_s), quantiles)


def simulate_same(what: Replay, result: ReplayResult, seeds: int = SIMULATED_SEEDS) -> list[int]:
    """Simulate a replay's calls with its measured times and many seeds for the lifetimes.

    Returns:
        The number of cold starts for each seed.
    """
    init_ms = (
        statistics.median(result.cold_ms) - statistics.median(result.warm_ms)
        if result.cold_ms
        else 0
    )
    scenario = Scenario(
        init=constant(max(0.0, init_ms) / 1000),
        service=as_measured(result.function_ms),
        lifetimes=InstanceLifetimes(
            shortest_idle_s=what.lifetimes.shortest_idle_s,
            longest_idle_s=what.lifetimes.longest_idle_s,
            shortest_lifetime_s=POOL_LIFETIME_S,
            longest_lifetime_s=POOL_LIFETIME_S + FIRST_ROUND_S,
        ),
        concurrency=CONCURRENCY,
        warming=WarmingPolicy(by_hour=by_hour(what.warm), hold_s=what.hold_ms / 1000)
        if what.warm
        else None,
    )
    outcomes = [
        simulate(
            scenario,
            Moments(what.arrivals_s),
            horizon_s=what.horizon_s,
            seed=seed,
            backend=Backend.AUTO,
        )
        for seed in range(1, seeds + 1)
    ]
    return [outcome.cold for outcome in outcomes]
