"""Comparison of SimFaaS and the planner's simulator on SimFaaS's examples."""

import json
import math
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.oracle import reference
from lab.oracle.fleet import SimulatedFleet
from lab.oracle.random import Random
from warmlens.planner.distribution import Distribution, exponential
from warmlens.planner.outcome import Outcome
from warmlens.planner.rng import LIFETIMES
from warmlens.planner.scenario import NEVER_S, InstanceLifetimes, Scenario
from warmlens.planner.simulate import Backend, simulate
from warmlens.planner.traffic import constant_rate
from warmlens.records import Record, machine, today

COMMAND = "python -m lab bench simfaas"
RUNNER = Path(__file__).parent / "runner.py"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
METRICS = {"cold_share": "1", "mean_instances": "1", "mean_busy": "1"}
SIMFAAS, OURS, OURS_NEWEST_FIRST = "simfaas", "ours", "ours, newest first"
OUR_SEEDS_FOR_EACH = 8


@dataclass(frozen=True, kw_only=True)
class Example:
    """An example of SimFaaS: Poisson arrivals, exponential times, one idle expiry for all.

    Attributes:
        name: where it is from.
        rate: calls a second.
        warm_s, cold_s: mean time of a call on a warm and on a new instance.
        expiry_s: idle expiry.
        horizon_s: simulated time, from an empty system.
    """

    name: str
    rate: float
    warm_s: float
    cold_s: float
    expiry_s: float
    horizon_s: float

    def scenario(self) -> Scenario:
        """Return the example as a scenario of the planner."""
        lifetimes = InstanceLifetimes(
            shortest_idle_s=self.expiry_s,
            longest_idle_s=self.expiry_s,
            shortest_lifetime_s=NEVER_S,
            longest_lifetime_s=NEVER_S,
        )
        return Scenario(
            init=more_than(self.warm_s, self.cold_s),
            service=exponential(self.warm_s),
            lifetimes=lifetimes,
        )


EXAMPLES = (
    Example(name="README", rate=0.9, warm_s=1.991, cold_s=2.244, expiry_s=600, horizon_s=40_000),
    Example(
        name="main of ServerlessSimulator.py",
        rate=0.9,
        warm_s=2.016,
        cold_s=2.163,
        expiry_s=600,
        horizon_s=40_000,
    ),
    Example(
        name="README with a tenth of the expiry",
        rate=0.9,
        warm_s=1.991,
        cold_s=2.244,
        expiry_s=60,
        horizon_s=40_000,
    ),
)


class NewestFirst(SimulatedFleet):
    """A fleet that routes calls as SimFaaS does: to the idle instance started last."""

    def _next_idle(self) -> int:
        numbers = [instance.number for instance in self._idle]
        return numbers.index(max(numbers))


def more_than(short_s: float, long_s: float) -> Distribution:
    """Return the distribution whose sum with an exponential time is a longer exponential time.

    It is 0 with probability short / long, else exponential with the longer mean: the product of
    both Laplace transforms is that of the longer time. It is a table of 200 steps.
    """
    nothing = short_s / long_s
    steps = [-math.log(1 - step / 200) * long_s for step in range(1, 200)]
    quantiles = [nothing + (1 - nothing) * step / 200 for step in range(1, 200)]
    return Distribution("table", (0.0, 0.0, *steps, 12 * long_s), (0.0, nothing, *quantiles, 1.0))


def figures_of(outcome: Outcome) -> dict[str, float]:
    """Return the compared figures of an outcome."""
    return {
        "cold_share": outcome.cold_share,
        "mean_instances": outcome.mean_alive,
        "mean_busy": outcome.mean_busy,
    }


def ours(example: Example, seed: int) -> dict[str, float]:
    """Simulate an example with the planner's kernel."""
    outcome = simulate(
        example.scenario(),
        constant_rate(example.rate),
        horizon_s=example.horizon_s,
        seed=seed,
        backend=Backend.NUMBA,
    )
    return {"requests": outcome.requests, **figures_of(outcome)}


def ours_newest_first(example: Example, seed: int) -> dict[str, float]:
    """Simulate an example with the plain-Python simulator and SimFaaS's routing."""
    scenario = example.scenario()
    outcome = reference.simulate(
        scenario,
        constant_rate(example.rate).arrivals(seed, example.horizon_s),
        horizon_s=example.horizon_s,
        seed=seed,
        fleet=NewestFirst(scenario, Random(seed, LIFETIMES)),
    )
    return {"requests": outcome.requests, **figures_of(outcome)}


def compare(python: Path, seeds: int, examples: Sequence[Example] = EXAMPLES) -> Iterator[Record]:
    """Simulate the examples with both simulators, in turns.

    Args:
        python: an interpreter with SimFaaS installed.
        seeds: simulations of each example by SimFaaS; the planner makes eight times as many.
        examples: the examples to simulate.
    """
    ours(examples[0], 0)  # compiles the kernel, or loads it
    for example in examples:
        found: dict[str, list[dict[str, float]]] = {SIMFAAS: [], OURS_NEWEST_FIRST: [], OURS: []}
        for seed in range(1, seeds + 1):
            argument = json.dumps({**asdict(example), "seed": seed})
            result = subprocess.run(
                [python, "-W", "ignore", RUNNER, argument],
                capture_output=True,
                text=True,
                check=True,
                encoding="utf-8",
            )
            found[SIMFAAS].append(json.loads(result.stdout))
            found[OURS_NEWEST_FIRST].append(ours_newest_first(example, 10**6 + seed))
            for turn in range(OUR_SEEDS_FOR_EACH):
                begun_s = time.perf_counter()
                figures = ours(example, seed * OUR_SEEDS_FOR_EACH + turn)
                found[OURS].append({**figures, "wall_s": time.perf_counter() - begun_s})
        yield from _records(example, found)


def _records(example: Example, found: dict[str, list[dict[str, float]]]) -> Iterator[Record]:
    times = {
        name: statistics.median(each["wall_s"] / each["requests"] * 1e6 for each in runs)
        for name, runs in found.items()
        if name != OURS_NEWEST_FIRST
    }
    for name, runs in found.items():
        for metric, unit in METRICS.items():
            values = [run[metric] for run in runs]
            yield Record(
                name=name,
                metric=metric,
                value=statistics.fmean(values),
                unit=unit,
                kind="simulated",
                conditions={**asdict(example), "values": values},
                command=COMMAND,
                machine="",
                date=today(),
                samples=len(values),
            )
        if name not in times:
            continue  # plain Python: compared for its results, not for its speed
        yield Record(
            name=name,
            metric="wall_us_per_request",
            value=times[name],
            unit="us",
            kind="measured",
            conditions=asdict(example),
            command=COMMAND,
            machine=machine(),
            date=today(),
            samples=len(runs),
            ratio=times[name] / times[SIMFAAS],
            ratio_to=SIMFAAS,
        )
