"""Search for the cheapest candidate that meets an objective, and for a runner-up."""

import heapq
from collections.abc import Callable, Collection

from warmlens.planner.assumptions import Assumptions
from warmlens.planner.candidates import Candidate, candidates, wakes_ahead
from warmlens.planner.cost import needed_prices, snapstart_priced
from warmlens.planner.plan import Plan, PlanRequest, check, least_usd, screen
from warmlens.planner.sampling import AMPLE

FASTER = 0.99
"""A plan is faster than another one if its latency is below this share of the other's."""
WORTH = 0.999
"""A plan that meets the objective is decided on before candidates that could save less than the
rest of this share: a thousandth of the cost is less than a day differs from the next."""


class Search:
    """Candidates in the order of their cost.

    A candidate is screened and checked when its least cost, that without a cold start, is the
    lowest one left; it is decided on when its simulated cost is. So no candidate is left out that
    could be cheaper than the plan that is found by more than a thousandth, and most of the others
    are not simulated at all.

    Attributes:
        plans: the plans that were simulated, cheapest first.
        chosen: the cheapest one that meets the objective; None: none does.
        runner_up: the cheapest other one of another memory size, model store or kind of warming
            that is faster than the chosen one or has fewer cold starts.
    """

    def __init__(
        self,
        request: PlanRequest,
        assumptions: Assumptions,
        *,
        kind: str | None = None,
        without: Collection[Candidate] = (),
    ) -> None:
        self._request, self._assumptions = request, assumptions
        self.plans: list[Plan] = []
        self._rarest_shown = request.objective.rarest / AMPLE
        self.chosen: Plan | None = None
        self.runner_up: Plan | None = None
        tried = candidates(
            request.measured,
            request.profile,
            concurrency=assumptions.concurrency,
            snapstart=snapstart_priced(request.prices),
            ahead=wakes_ahead(assumptions, request.way),
        )
        self._tried = [
            each for each in tried if kind in (None, each.warming) and each not in without
        ]

    def run(
        self,
        on_progress: Callable[[int, int], None] = lambda done, of: None,
        *,
        only_the_cheapest: bool = False,
    ) -> None:
        """Find the chosen plan, the runner-up and those on the frontier, or the chosen one only.

        Raises:
            WarmlensError: a price is missing.
        """
        request, assumptions = self._request, self._assumptions
        request.prices.require(
            name
            for each in self._tried
            for name in needed_prices(each.deployment(request.model_bytes), each.warming)
        )
        waiting: list[tuple[float, int, Candidate | Plan]] = [
            # Of two that cost nearly the same, the one that keeps nothing warm is tried first.
            (
                least_usd(each, request, assumptions) * (1 if any(each.by_hour) else WORTH),
                number,
                each,
            )
            for number, each in enumerate(self._tried)
        ]
        heapq.heapify(waiting)
        while waiting and not (only_the_cheapest and self.chosen):
            _, number, next_one = heapq.heappop(waiting)
            if isinstance(next_one, Candidate):
                if self._is_wanted(next_one):
                    plan = screen(next_one, request, assumptions)
                    usd = plan.usd_per_month if plan.ruled_out else plan.warm_usd * WORTH
                    heapq.heappush(waiting, (usd, number, plan))
            elif next_one.checked or next_one.ruled_out or not self._may_be_named(next_one):
                self._decide(next_one)
            else:
                plan = check(next_one, request, assumptions)
                usd = plan.usd_per_month * (WORTH if plan.meets else 1)
                heapq.heappush(waiting, (usd, number, plan))
            on_progress(len(self._tried) - len(waiting), len(self._tried))
        self.plans.sort(key=lambda plan: plan.usd_per_month)

    def _is_wanted(self, candidate: Candidate) -> bool:
        """Whether a candidate may be chosen, be the runner-up, or be on the frontier."""
        if self.chosen is None:
            return True
        least_ms = candidate.measured.service.quantile_s(self._request.objective.percent / 100)
        least_ms *= 1000
        fastest_ms = min(plan.screened.latency_ms.value for plan in self.plans)
        if least_ms < FASTER * fastest_ms:
            return True
        return (
            self.runner_up is None
            and _differ(candidate, self.chosen)
            and (
                least_ms < FASTER * self.chosen.result.latency_ms.value
                or self.chosen.result.cold_share.value > self._rarest_shown
            )
        )

    def _decide(self, plan: Plan) -> None:
        self.plans.append(plan)
        if plan.checked is None or not plan.meets:
            return
        if self.chosen is None:
            self.chosen = plan
        elif self._may_be_named(plan) and self._is_better(plan):
            self.runner_up = plan

    def _may_be_named(self, plan: Plan) -> bool:
        if self.chosen is None:
            return True
        return self.runner_up is None and _differ(plan.candidate, self.chosen)

    def _is_better(self, plan: Plan) -> bool:
        """Whether a plan is faster than the chosen one, or has fewer cold starts beyond chance."""
        assert self.chosen is not None
        mine, chosen = plan.result, self.chosen.result
        faster = mine.latency_ms.value < FASTER * chosen.latency_ms.value
        return faster or mine.cold_share.high < chosen.cold_share.value


def _differ(candidate: Candidate, chosen: Plan) -> bool:
    a, b = candidate, chosen.candidate
    return (a.warming, a.measured.key) != (b.warming, b.measured.key)
