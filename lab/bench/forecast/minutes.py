"""Arrivals at a real inference service: half an hour predicted from the half hour before it."""

import functools
import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence

from lab.bench.forecast.figures import CAME, Draws, records_of
from lab.bench.warming.traces import inference_arrivals
from warmlens.planner.options import BillOptions, DataOptions, DeploymentOptions
from warmlens.planner.scenario import HOUR_S, Scenario
from warmlens.planner.service_times import X86_64, pick
from warmlens.planner.simulate import simulate_window
from warmlens.planner.traffic import Bursts, Profile, Traffic
from warmlens.planner.windows import Moments, Window
from warmlens.records import Record

HALF_S, END_S = 1740.0, 3480.0
"""The two halves of the trace, in whole minutes."""
MINUTE_S = 60.0
AT_ONCE_S = 0.005
"""Calls within this time of each other come together, less those that chance explains."""
MEMORY_MB = (512, 1769)
"""The slowest and a fast memory size: warm calls of 82 and 17 ms on average."""
_DISPERSIONS = {"100ms": 0.1, "1s": 1.0, "10s": 10.0, "60s": 60.0}


@functools.cache
def moments() -> Moments:
    """Return the arrivals of both halves."""
    return Moments([each for each in inference_arrivals() if each < END_S])


def independent() -> Profile:
    """Return users who come independently, at the rates of the first half's minutes."""
    counts = counted(_first_half(), 0.0, HALF_S, MINUTE_S)
    return Profile(rates_per_s=tuple(each / MINUTE_S for each in counts), segment_s=MINUTE_S)


def pairs_per_hour() -> float:
    """Return how many pairs come at once in an hour of the first half, beyond chance."""
    first = _first_half()
    close = sum(b - a < AT_ONCE_S for a, b in itertools.pairwise(first))
    by_chance = math.fsum(
        rate * MINUTE_S * (1 - math.exp(-rate * AT_ONCE_S)) for rate in independent().rates_per_s
    )
    return (close - by_chance) * HOUR_S / HALF_S


def paired_share() -> float:
    """Return the share of the first half's calls that come in such pairs."""
    return 2 * pairs_per_hour() / HOUR_S * HALF_S / len(_first_half())


def with_pairs() -> Profile:
    """Return the same users, some of whom come in pairs: `--burst-size 2 --bursts-per-hour N`."""
    profile, per_hour = independent(), pairs_per_hour()
    alone = tuple(rate - 2 * per_hour / HOUR_S for rate in profile.rates_per_s)
    bursts = Bursts(size=2, per_hour=per_hour, within_s=0.0)
    return Profile(rates_per_s=alone, segment_s=MINUTE_S, bursts=bursts)


MODELS: dict[str, Callable[[], Profile]] = {
    "half 1, independent users": independent,
    "half 1, with its pairs": with_pairs,
}


def scenario_of(memory_mb: int) -> Scenario:
    """Return a function of a memory size without warming."""
    data = DataOptions()
    measured = pick(data.measured(), memory_mb, "image", X86_64)
    candidate = DeploymentOptions(memory_mb=memory_mb).candidate(measured, data.concurrency)
    return candidate.scenario(data.assumptions(), BillOptions().way(data.clients))


def figures(memory_mb: int, traffic: Profile | Moments, seed: int) -> dict[str, float]:
    """Simulate both halves from an empty pool; return the figures of the second."""
    profile = traffic if isinstance(traffic, Profile) else independent()
    window = Window(traffic, profile, 0.0, HALF_S, END_S, seed)
    outcome = simulate_window(scenario_of(memory_mb), window)
    served = outcome.served
    return {
        "cold_share": outcome.cold_share,
        "met_2": sum(outcome.busy_seen[2:]) / served,
        "met_3": sum(outcome.busy_seen[3:]) / served,
    }


def dispersions(traffic: Traffic, seed: int) -> dict[str, float]:
    """Return the index of dispersion of the second half's counts: variance by mean.

    It is 1 for independent users at a steady rate (Cox and Lewis, *The Statistical Analysis of
    Series of Events*, 1966).
    """
    came = list(traffic.arrivals(seed, END_S))
    found = {}
    for name, step_s in _DISPERSIONS.items():
        counts = counted(came, HALF_S, END_S, step_s)
        found[f"dispersion_{name}"] = statistics.pvariance(counts) / statistics.fmean(counts)
    return found


def counted(came: Sequence[float], begin_s: float, end_s: float, step_s: float) -> list[int]:
    """Return the arrivals in each step from a begin to an end."""
    counts = [0] * round((end_s - begin_s) / step_s)
    for moment_s in came:
        if begin_s <= moment_s < end_s:
            counts[min(len(counts) - 1, int((moment_s - begin_s) / step_s))] += 1
    return counts


def measure_minutes(seeds: int) -> Iterator[Record]:
    """Yield the figures of the second half, predicted from the first and replayed.

    Args:
        seeds: simulations of each; those of a replay differ in times of calls and of instances.
    """
    for memory_mb in MEMORY_MB:
        of_memory = functools.partial(figures, memory_mb)
        yield from _records(f"service, {memory_mb:,} MB", of_memory, seeds, seeds)
    yield from _records("service, arrivals", dispersions, seeds, 1)


def _records(
    case: str,
    of: Callable[[Profile | Moments, int], dict[str, float]],
    seeds: int,
    replays: int,
) -> Iterator[Record]:
    conditions = {"case": case}
    for name, model in MODELS.items():
        draws: Draws = [of(model(), seed) for seed in range(1, seeds + 1)]
        yield from records_of(name, draws, conditions)
    replayed = [of(moments(), seed) for seed in range(1, replays + 1)]
    yield from records_of(CAME, replayed, conditions)


def _first_half() -> list[float]:
    return [each for each in inference_arrivals() if each < HALF_S]
