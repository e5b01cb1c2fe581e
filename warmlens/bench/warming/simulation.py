"""One policy under one workload: what users met, and what it took."""

import heapq
import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from warmlens.bench.warming.arrivals import DAY_S, Workload
from warmlens.bench.warming.model import Instances, Times, seeded
from warmlens.bench.warming.policies import PERIOD_S, Policy

LONGER_HOLD = 3
MEMORY_MB = 1769
CONCURRENCY = 1000
WARMER_MB, WARMER_OVERHEAD_S = 512, 0.5
PRICES = Path(__file__).parents[1] / "prices.json"


@dataclass
class Outcome:
    """What some days came to; add days to it by `simulate`.

    Attributes:
        latencies_s: of users, from the intended send time to the answer.
        cold: users that met a cold start.
        slowed: those of them that met it while a round held an instance.
        refused: users that were refused.
        pings: calls of the warmer.
        held_s: instance-seconds that these calls took.
        init_s: cold starts that they absorbed, in seconds.
        runs: runs of the warmer.
        runs_s: time that they took.
        provisioned_s: instance-seconds of provisioned concurrency.
        days: how many days.
    """

    latencies_s: list[float] = field(default_factory=list)
    cold: int = 0
    slowed: int = 0
    refused: int = 0
    pings: int = 0
    held_s: float = 0.0
    init_s: float = 0.0
    runs: int = 0
    runs_s: float = 0.0
    provisioned_s: float = 0.0
    days: int = 0

    @property
    def cold_share(self) -> float:
        """Users that met a cold start, as a share of all."""
        return self.cold / len(self.latencies_s) if self.latencies_s else 0.0

    @property
    def slowed_share(self) -> float:
        """Users that met a cold start during a round, as a share of all."""
        return self.slowed / len(self.latencies_s) if self.latencies_s else 0.0

    def percentiles_ms(self) -> tuple[float, float, float]:
        """Return the 50th, 95th and 99th percentile of the users' latency."""
        cuts = statistics.quantiles(self.latencies_s, n=100, method="inclusive")
        return cuts[49] * 1000, cuts[94] * 1000, cuts[98] * 1000

    def usd_per_month(self) -> float:
        """Return what keeping warm costs in 30 days, by the prices of `prices.json`.

        Init is billed, since August 2025 for container images too.
        """
        prices = json.loads(PRICES.read_text())
        gb_s = (self.held_s + self.init_s) * MEMORY_MB / 1024
        total = (
            gb_s * prices["lambda_x86_per_gb_s"]
            + self.pings * prices["lambda_per_request"]
            + self.runs * (prices["lambda_per_request"] + prices["scheduler_per_invocation"])
            + self.runs_s * WARMER_MB / 1024 * prices["lambda_arm_per_gb_s"]
            + self.provisioned_s * MEMORY_MB / 1024 * prices["provisioned_x86_per_gb_s"]
        )
        return float(total / self.days * 30)


class _Run:
    """One run of the warmer: its rounds, until one reached all."""

    def __init__(self, policy: Policy, begun_s: float) -> None:
        self.policy = policy
        self.hold_s = policy.hold_s
        self.round_s = self.begun_s = begun_s
        self.rounds = 1
        self.left = policy.pings
        self.reached: set[int] = set()
        self.ends_s = begun_s

    def arrivals_s(self) -> list[float]:
        """When the calls of the present round arrive."""
        count = self.policy.pings
        step_s = self.policy.spread_s / max(1, count - 1)
        return [self.round_s + number * step_s for number in range(count)]

    def duration_s(self, begin_s: float, ping_s: float) -> float:
        """How long a call keeps its instance once it begins."""
        if self.policy.holds_until_common:
            return max(ping_s, self.round_s + self.hold_s - begin_s)
        return max(ping_s, self.hold_s)

    def is_to_be_repeated(self) -> bool:
        """Whether a further round follows; if so, begin it."""
        if len(self.reached) >= self.policy.pings or self.rounds == self.policy.rounds:
            return False
        self.rounds += 1
        self.hold_s *= LONGER_HOLD
        self.round_s = self.ends_s
        self.left = self.policy.pings
        self.reached = set()
        return True


def simulate(
    workload: Workload, policy: Policy, outcome: Outcome, *, seed: int, times: Times | None = None
) -> None:
    """Add a day of the workload to the outcome.

    Args:
        workload: the users.
        policy: how instances are kept warm.
        outcome: is added to.
        seed: draws each instance's idle expiry and lifetime.
        times: how long things take.
    """
    times = times or Times()
    instances = Instances(
        times, concurrency=CONCURRENCY, chance=seeded(seed), provisioned=policy.provisioned
    )
    pings: list[tuple[float, int, _Run]] = []
    holds: list[float] = []  # ends of the warmer's calls under way

    def begin_round(run: _Run) -> None:
        for number, arrival_s in enumerate(run.arrivals_s()):
            heapq.heappush(pings, (arrival_s, number, run))

    def ping() -> None:
        now_s, _, run = heapq.heappop(pings)
        durations: list[float] = []

        def duration_s(begin_s: float) -> float:
            durations.append(run.duration_s(begin_s, times.ping_s))
            return durations[0]

        served = instances.call(now_s, duration_s)
        outcome.pings += 1
        run.left -= 1
        run.ends_s = max(run.ends_s, served.end_s)
        if served.instance is not None:
            run.reached.add(served.instance)
            outcome.held_s += durations[0]
            outcome.init_s += times.cold_start_s if served.cold else 0.0
            heapq.heappush(holds, served.end_s)
        if run.left == 0:
            if run.is_to_be_repeated():
                begin_round(run)
            else:
                outcome.runs_s += run.ends_s - run.begun_s + WARMER_OVERHEAD_S

    if policy.pings:
        for number in range(int(DAY_S / PERIOD_S)):
            begin_round(_Run(policy, number * PERIOD_S))
            outcome.runs += 1
    for arrival_s in workload.arrivals_s:
        while pings and pings[0][0] <= arrival_s:
            ping()
        served = instances.call(arrival_s, lambda _: times.service_s)
        if served.instance is None:
            outcome.refused += 1
            continue
        while holds and holds[0] <= arrival_s:
            heapq.heappop(holds)
        outcome.latencies_s.append(served.end_s - arrival_s)
        outcome.cold += served.cold
        outcome.slowed += served.cold and bool(holds)
    while pings:
        ping()
    outcome.provisioned_s += policy.provisioned * DAY_S
    outcome.days += 1
