"""How wrong an assumption may be before a plan no longer meets its objective."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from warmlens.planner.candidates import Assumptions
from warmlens.planner.plan import Plan, check
from warmlens.planner.question import Question

SHORTEST_IDLE_MIN, LONGEST_PLATFORM_MS = 1.0, 10_000
_STEPS = 9


@dataclass(frozen=True)
class Holds:
    """What a plan is shown to meet its objective under.

    Attributes:
        idle_min: the shortest idle expiry of all instances, in minutes; None: even a minute.
        platform_ms: the longest part of a cold start before the process starts; None: even ten
            seconds.
    """

    idle_min: float | None
    platform_ms: float | None


def holds(plan: Plan, question: Question) -> Holds:
    """Return where the advice changes, by bisection to a five-hundredth of the range.

    It takes a shorter expiry and a longer cold start for worse than a longer and a shorter one.

    Args:
        plan: one that meets the objective as assumed.
        question: what was asked.
    """
    base = question.assumptions

    def with_idle(minutes: float) -> Assumptions:
        lives = replace(base.lives, shortest_idle_s=minutes * 60, longest_idle_s=minutes * 60)
        return replace(base, lives=lives)

    def with_platform(ms: float) -> Assumptions:
        return replace(base, platform_ms=round(ms))

    def meets(assumptions: Assumptions) -> bool:
        return check(plan, question, assumptions).meets

    longest_min = max(SHORTEST_IDLE_MIN, base.lives.longest_idle_s / 60)
    return Holds(
        _last_good(longest_min, SHORTEST_IDLE_MIN, lambda at: meets(with_idle(at))),
        _last_good(base.platform_ms, LONGEST_PLATFORM_MS, lambda at: meets(with_platform(at))),
    )


def _last_good(good: float, bad: float, holds_at: Callable[[float], bool]) -> float | None:
    """Return where from good to bad it holds for the last time; None: it holds at the bad end."""
    if good == bad or holds_at(bad):
        return None
    for _ in range(_STEPS):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if holds_at(middle) else (good, middle)
    return good
