"""The number of instances to wake, and the reason for it."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .config import WarmerConfig
from .state import Peak, State
from .users import DAYS, HistoryError, ask_users_peak

FEWEST = 1
"""The number of `auto` before users called, and while CloudWatch was never read."""
_ASK_EVERY_S = 3600  # CloudWatch charges for each metric that is asked for


@dataclass(frozen=True)
class Wanted:
    """A number of instances, and a clause that says why."""

    instances: int
    because: str


def wanted_instances(
    config: WarmerConfig,
    state: State,
    now_s: float,
    problems: list[str],
    *,
    cloudwatch: Callable[[], Any],
) -> Wanted:
    """Return the instances of the settings, or with `auto` as many as users needed at once.

    Args:
        config: the warmer's configuration.
        state: has users' peak, which is asked for again after an hour.
        now_s: the Unix time now.
        problems: takes the reason if CloudWatch did not answer; then the last answer is used.
        cloudwatch: creates a CloudWatch client.
    """
    most = config.wanted_at(now_s)
    if not config.auto or not most:
        return Wanted(most, "the settings say so for this hour")
    if state.peak is None or abs(now_s - state.peak.asked_s) >= _ASK_EVERY_S:
        try:
            woken = state.peak is not None
            peak = ask_users_peak(cloudwatch(), config, now_s, woken=woken)
            state.peak = Peak(peak, now_s)
        except (BotoCoreError, ClientError, HistoryError) as error:
            problems.append(f"users' concurrency could not be read: {error}")
    if state.peak is None:
        return Wanted(FEWEST, "users' concurrency is not known")
    return _within(most, state.peak)


def _within(most: int, peak: Peak) -> Wanted:
    asked = datetime.datetime.fromtimestamp(peak.asked_s, datetime.UTC)
    when = f"in the {DAYS} days before {asked:%Y-%m-%d %H:%M} UTC"
    if peak.instances < FEWEST:
        return Wanted(FEWEST, f"CloudWatch has no call of a user {when}")
    because = f"users needed {peak.instances} at once {when}"
    if peak.instances > most:
        return Wanted(most, f"{because}, of which the settings allow {most}")
    return Wanted(peak.instances, because)
