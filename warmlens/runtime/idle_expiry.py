"""Random idle expiry of instances, as on Lambda."""

import random
import re
from dataclasses import dataclass, field

_TEXT = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")


@dataclass(frozen=True)
class IdleExpiry:
    """Draws the idle expiry of each instance from a uniform distribution.

    AWS documents none. Lee, Lee and Kim (2020) saw several instances go one after another after 5
    minutes without a call, and a single one after 30; others report up to an hour.

    Args:
        shortest_s: the shortest.
        longest_s: the longest; equal to `shortest_s` for a fixed time.
        rng: random number generator; seed it to repeat the draws.

    Raises:
        ValueError: the times are not above zero, or in the wrong order.
    """

    shortest_s: float
    longest_s: float
    rng: random.Random = field(default_factory=random.Random, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.shortest_s <= self.longest_s:
            raise ValueError(
                f"idle expiry of {self.shortest_s} to {self.longest_s} s: it must be above 0, and "
                "the shortest first"
            )

    def __call__(self) -> float:
        """Return one instance's idle expiry in seconds."""
        return self.rng.uniform(self.shortest_s, self.longest_s)


def idle_expiry_from_minutes(text: str) -> IdleExpiry:
    """Read `MINUTES` or `SHORTEST-LONGEST`, such as `10` or `5-60`.

    Raises:
        ValueError: it is neither.
    """
    match = _TEXT.fullmatch(text)
    if not match:
        raise ValueError(f"idle expiry {text!r}: give minutes such as 10, or a range such as 5-60")
    shortest_min = float(match[1])
    return IdleExpiry(shortest_min * 60, float(match[2] or shortest_min) * 60)
