"""State of the warmer between runs, as JSON in an SSM parameter."""

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .hold import Spread

NOTHING = "none"  # the parameter's value when it is deployed
# With this many spreads the largest state is half of a standard parameter's 4 KB.
MAX_SPREADS = 60


@dataclass(frozen=True)
class Peak:
    """The most instances that users' calls were on at once, and the Unix time of that answer."""

    instances: int
    asked_s: float


@dataclass
class State:
    """The estimated spreads by number of calls, and users' peak; empty before the first run."""

    spreads: dict[int, Spread] = field(default_factory=dict)
    peak: Peak | None = None

    def measured(self, calls: int, spread_ms: float) -> None:
        """Take a measured spread into the estimate; the oldest estimates beyond 60 are dropped.

        Args:
            calls: calls of the round.
            spread_ms: the measured spread, in milliseconds.
        """
        before = self.spreads.pop(calls, None)
        self.spreads[calls] = before.after(spread_ms) if before else Spread.first(spread_ms)
        while len(self.spreads) > MAX_SPREADS:
            del self.spreads[next(iter(self.spreads))]

    def to_json(self) -> str:
        """Return the parameter's value."""
        spreads = {
            str(calls): [round(float(value), 1) for value in (each.mean_ms, each.deviation_ms)]
            for calls, each in self.spreads.items()
        }
        peak = [self.peak.instances, int(self.peak.asked_s)] if self.peak else None
        return json.dumps({"spreads_ms": spreads, "peak": peak})

    @classmethod
    def from_json(cls, text: str) -> "State":
        """Parse the parameter's value.

        Raises:
            ValueError: it is not one that `to_json` writes.
        """
        try:
            document = json.loads(text)
            spreads = {
                int(calls): Spread(_number(mean), _number(deviation))
                for calls, (mean, deviation) in document["spreads_ms"].items()
            }
            peak = None
            if document["peak"] is not None:
                instances, asked_s = document["peak"]
                peak = Peak(int(_number(instances)), _number(asked_s))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        return cls(spreads, peak)


def _number(value: object) -> float:
    """Return a number of 0 or more that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{value!r} is out of range")
    return float(value)


def read_state(ssm: Any, name: str, problems: list[str]) -> State:
    """Read the state; an empty one if there is none or it is unreadable, which `problems` takes.

    Args:
        ssm: an SSM client.
        name: the parameter's name.
        problems: takes the reason.
    """
    try:
        text = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        return State() if text == NOTHING else State.from_json(text)
    except (BotoCoreError, ClientError, ValueError) as error:
        problems.append(f"what earlier runs measured is not known: {error}")
        return State()


def write_state(ssm: Any, name: str, state: State, problems: list[str]) -> None:
    """Write the state; `problems` takes the reason if that fails.

    Args:
        ssm: an SSM client.
        name: the parameter's name.
        state: the state.
        problems: takes the reason.
    """
    try:
        ssm.put_parameter(Name=name, Value=state.to_json(), Overwrite=True)
    except (BotoCoreError, ClientError) as error:
        problems.append(f"what this run measured is not kept: {error}")
