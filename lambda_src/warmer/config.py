"""The warmer's configuration, from its environment variables."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

HOURS_OF_DAY = 24


@dataclass(frozen=True, kw_only=True)
class WarmerConfig:
    """The warmer's configuration; `stacks/warming.py` sets the variables.

    `warm_by_hour` has the instances to keep warm, for each hour of the day or of the week, from
    Monday on. If `auto`, these are upper limits of what users' calls ask for.
    """

    env_name: str
    function_arn: str
    warm_by_hour: tuple[int, ...]
    auto: bool
    period_s: int
    hold_ms: int
    max_hold_ms: int
    budget_s: int
    user_reserve: int
    claim_parameter: str
    state_parameter: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "WarmerConfig":
        """Read the variables; a missing one raises KeyError, a wrong number ValueError."""
        return cls(
            env_name=environment["ENV_NAME"],
            function_arn=environment["FUNCTION_ARN"],
            warm_by_hour=tuple(int(count) for count in environment["WARM_BY_HOUR"].split(",")),
            auto=environment["WARM_AUTO"] == "true",
            period_s=int(environment["PERIOD_MIN"]) * 60,
            hold_ms=int(environment["HOLD_MS"]),
            max_hold_ms=int(environment["MAX_HOLD_MS"]),
            budget_s=int(environment["BUDGET_S"]),
            user_reserve=int(environment["USER_RESERVE"]),
            claim_parameter=environment["CLAIM_PARAMETER"],
            state_parameter=environment["STATE_PARAMETER"],
        )

    @property
    def function_name(self) -> str:
        """The function's ARN without the alias, for calls about its concurrency."""
        return ":".join(self.function_arn.split(":")[:7])

    def wanted_at(self, now_s: float) -> int:
        """Return the number of instances of the profile, so that enough are warm until next round.

        Args:
            now_s: the Unix time now.
        """
        return max(self._of_hour(each_s) for each_s in (now_s, now_s + self.period_s))

    def _of_hour(self, time_s: float) -> int:
        time = datetime.datetime.fromtimestamp(time_s, datetime.UTC)
        hour_of_week = time.weekday() * HOURS_OF_DAY + time.hour
        return self.warm_by_hour[hour_of_week % len(self.warm_by_hour)]
