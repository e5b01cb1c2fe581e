"""Real traffic, known as counts or times of requests: see traces/README.md."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

FOLDER = Path(__file__).parent / "traces"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Traffic whose requests are counted; the moments within a count are drawn evenly.

    Attributes:
        counts: requests in each step.
        step_s: length of a step.
        group: users who come together; the last group of a step may be smaller.
        within_s: time over which a group's users come.
    """

    description: str
    counts: tuple[int, ...]
    step_s: float
    group: int = 1
    within_s: float = 0.0

    @property
    def length_s(self) -> float:
        """Time from 0 to the end of the last step."""
        return len(self.counts) * self.step_s

    def part(self, from_s: float, to_s: float) -> "Counts":
        """Return the steps from one moment until another, which is then 0."""
        first, last = round(from_s / self.step_s), round(to_s / self.step_s)
        return replace(self, counts=self.counts[first:last])

    def arrivals(self, seed: int, horizon_s: float) -> Iterator[float]:
        """Yield the moments of the calls before the horizon, ascending."""
        rng = random.Random(seed)
        moments: list[float] = []
        for step, count in enumerate(self.counts):
            for first in range(0, count, self.group):
                begin_s = (step + rng.random()) * self.step_s
                for _ in range(min(self.group, count - first)):
                    moments.append(begin_s + self.within_s * rng.random())
        yield from sorted(moment for moment in moments if moment < horizon_s)

    def expected(self, horizon_s: float) -> float:
        """Return the number of calls before the horizon, to the step."""
        return float(sum(self.counts[: round(horizon_s / self.step_s)]))


def load_balancer(group: int = 1, within_s: float = 0.0) -> Counts:
    """Return two weeks of requests at a load balancer, every five minutes, from a midnight on."""
    return Counts(
        description="a load balancer's week",
        counts=_read("elb-requests.csv"),
        step_s=300.0,
        group=group,
        within_s=within_s,
    )


def inference_service() -> Counts:
    """Return an hour of requests to an inference service, every second."""
    by_second = Counter(int(moment_s) for moment_s in inference_arrivals())
    return Counts(
        description="an inference service",
        counts=tuple(by_second[second] for second in range(max(by_second) + 1)),
        step_s=1.0,
    )


def inference_arrivals() -> tuple[float, ...]:
    """Return the moments of an hour of requests to an inference service, to the millisecond."""
    return tuple(ms / 1000 for ms in itertools.accumulate(_read("llm-arrivals.csv")))


def _read(name: str) -> tuple[int, ...]:
    lines = (FOLDER / name).read_text(encoding="ascii").splitlines()
    return tuple(int(line) for line in lines[1:])
