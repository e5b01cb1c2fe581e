"""One candidate simulated: first beside all others, then once more before it is proposed."""

from dataclasses import dataclass, replace

from warmlens.planner.candidates import Assumptions, Candidate
from warmlens.planner.cost import Item, monthly_items, total_usd
from warmlens.planner.objective import Objective, Reached, Verdict, reached
from warmlens.planner.pool import Pool
from warmlens.planner.question import Question
from warmlens.planner.simulate import simulate

FRESH = 1_000_000
"""From the first seed to the first one of a check: the cheapest of many that were tried on the
same days is often one that these days favored."""


@dataclass(frozen=True)
class Plan:
    """A candidate, what it reaches and what it costs.

    Attributes:
        candidate: the candidate.
        screened: what it reached on the days that all candidates were tried on.
        items: what 30 days cost, by these days.
        objective: what is wanted.
        checked: what it reached on other days; None: it was not proposed.
    """

    candidate: Candidate
    screened: Reached
    items: tuple[Item, ...]
    objective: Objective
    checked: Reached | None = None

    @property
    def reached(self) -> Reached:
        """What is said of it: of the check, where there was one."""
        return self.checked or self.screened

    @property
    def verdict(self) -> Verdict:
        """What that shows of the objective."""
        return self.reached.verdict(self.objective)

    @property
    def meets(self) -> bool:
        """Whether it is shown to meet the objective."""
        return self.verdict is Verdict.MEETS

    @property
    def hopeless(self) -> bool:
        """Whether it is shown to miss the objective."""
        return self.verdict is Verdict.MISSES

    @property
    def usd_per_month(self) -> float:
        """The sum of the items."""
        return total_usd(self.items)


def screen(candidate: Candidate, question: Question, assumptions: Assumptions) -> Plan:
    """Simulate a candidate under the seeds that all candidates have."""
    pool = Pool()
    _simulate_into(pool, question.seed_count, candidate, question, assumptions, question.seed)
    items = monthly_items(
        [pool.total], candidate.deployment(assumptions, question.model_bytes), question.prices
    )
    return Plan(candidate, reached(pool, question.objective), tuple(items), question.objective)


def check(plan: Plan, question: Question, assumptions: Assumptions) -> Plan:
    """Simulate a candidate under other seeds, as many as the objective needs to be told.

    It ends early where it already misses, never where it already meets: that would be to stop
    on a lucky day.
    """
    pool, most = Pool(), question.check_count
    while True:
        further = min(most - pool.times, max(question.seed_count, pool.times))
        first = question.seed + FRESH + pool.times
        _simulate_into(pool, further, plan.candidate, question, assumptions, first)
        found = reached(pool, question.objective)
        if pool.times >= most or found.verdict(question.objective) is Verdict.MISSES:
            return replace(plan, checked=found)


def _simulate_into(
    pool: Pool,
    times: int,
    candidate: Candidate,
    question: Question,
    assumptions: Assumptions,
    first_seed: int,
) -> None:
    model = candidate.model(assumptions)
    for number in range(times):
        pool.add(
            simulate(
                model,
                question.traffic,
                horizon_s=question.horizon_s,
                seed=first_seed + number,
                engine=question.engine,
            )
        )
