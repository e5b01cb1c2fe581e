"""The result of one check of `warmlens doctor`."""

from dataclasses import dataclass
from typing import Literal

Goal = Literal["run", "deploy"]
State = Literal["ok", "warning", "problem", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of one check.

    Attributes:
        name: name of the check.
        goal: `run` if running the app on this machine needs it, `deploy` if deploying to AWS does.
        state: `problem` prevents the goal, `warning` does not; `unknown` could not be checked.
        found: the state on this machine or in the account.
        mend: the way to fix it; empty if there is nothing to fix.
    """

    name: str
    goal: Goal
    state: State
    found: str
    mend: str = ""


def is_ready(checks: list[Check], goal: Goal) -> bool:
    """Return True if no problem prevents a goal; deploying includes running."""
    goals = {"run"} if goal == "run" else {"run", "deploy"}
    return all(check.state in ("ok", "warning") for check in checks if check.goal in goals)
