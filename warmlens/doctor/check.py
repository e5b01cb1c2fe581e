"""What one check found."""

from dataclasses import dataclass
from typing import Literal

Goal = Literal["run", "deploy"]
State = Literal["ok", "warning", "problem", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        name: what was looked at.
        goal: what it is needed for: to `run` the app on this machine, or to `deploy` it to AWS.
        state: `problem` stands in the way of the goal, `warning` does not; `unknown` could not be
            looked at.
        found: what there is.
        mend: what to do about it; empty when there is nothing to do.
    """

    name: str
    goal: Goal
    state: State
    found: str
    mend: str = ""


def is_ready(checks: list[Check], goal: Goal) -> bool:
    """Tell whether nothing stands in the way of a goal; to deploy includes to run."""
    goals = {"run"} if goal == "run" else {"run", "deploy"}
    return all(check.state in ("ok", "warning") for check in checks if check.goal in goals)
