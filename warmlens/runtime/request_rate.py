"""AWS's limit of 10 requests a second for each execution environment."""

from collections import deque
from typing import Literal

REQUESTS_PER_S = 10
"""Synchronous requests a second for each environment (Lambda quotas, "Lambda API requests")."""

Reading = Literal["account", "environment"]
"""How AWS is taken to enforce it, which is not documented (docs/decisions/0100-request-rate.md).

`account`: only the sum, 10 times the concurrency limit of the function or of the account;
`environment`: also each environment by itself.
"""

_WINDOW_S = 1.0


class RequestRate:
    """A token bucket that holds the requests of one second.

    Args:
        concurrency: the limit of the function or of the account; 10 times as many requests a
            second are let through.
        now_s: the time at its start, when it is full.
    """

    def __init__(self, concurrency: int, now_s: float) -> None:
        self.limit_per_s = REQUESTS_PER_S * concurrency
        self._tokens = float(self.limit_per_s)
        self._filled_s = now_s

    def take(self, now_s: float) -> bool:
        """Count a request; False if there were too many in the last second."""
        refilled = self._tokens + (now_s - self._filled_s) * self.limit_per_s
        self._tokens, self._filled_s = min(refilled, self.limit_per_s), now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class RecentRequests:
    """The requests that one environment began within the last second."""

    def __init__(self) -> None:
        self._begun_s: deque[float] = deque(maxlen=REQUESTS_PER_S)

    def add(self, now_s: float) -> None:
        """Count a request."""
        self._begun_s.append(now_s)

    def used_up(self, now_s: float) -> bool:
        """Return whether it may begin no request now."""
        return len(self._begun_s) == REQUESTS_PER_S and now_s - self._begun_s[0] < _WINDOW_S
