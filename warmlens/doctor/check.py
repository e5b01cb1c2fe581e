"""The result of one check of `warmlens doctor`."""

from dataclasses import dataclass
from functools import partial
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


def unreadable(check: partial[Check], error: Exception) -> Check:
    """Return a check that could not be made.

    Args:
        check: the check, of which state, finding and fix are missing.
        error: what AWS answered instead.
    """
    mend = "Check it with the credentials that you deploy with"
    return check(state="unknown", found=one_line(error), mend=mend)


def one_line(error: Exception) -> str:
    """Return the message of an error, without line breaks."""
    return " ".join(str(error).split())


def is_ready(checks: list[Check], goal: Goal) -> bool:
    """Return True if no problem prevents a goal; deploying includes running."""
    goals = {"run"} if goal == "run" else {"run", "deploy"}
    return all(check.state in ("ok", "warning") for check in checks if check.goal in goals)
