"""The compared warming policies."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A way to keep instances warm.

    Attributes:
        name: a name for people.
        pings: calls at each round.
        spread_s: time over which a round's calls arrive.
        hold_s: the hold of each call, from its start; 0 answers at once.
        shared_deadline: True: all calls of a round are held until `hold_s` after it was sent,
            not each for `hold_s`.
        rounds: the most rounds in one run; each further one holds three times as long.
        provisioned: instances that are always there, paid for by the second.
    """

    name: str
    pings: int
    spread_s: float = 0.0
    hold_s: float = 0.0
    shared_deadline: bool = False
    rounds: int = 1
    provisioned: int = 0


PERIOD_S = 300.0
# Fifty calls a second for every policy: an assumption; opening connections would be slower.
_SPREAD_PER_PING_S = 0.02


def policies(instances: int) -> tuple[Policy, ...]:
    """Return all policies for this number of warm instances."""
    spread_s = _SPREAD_PER_PING_S * (instances - 1)
    return (
        Policy(name="off", pings=0),
        Policy(name="one ping", pings=1),
        Policy(name="naive pings", pings=instances, spread_s=spread_s),
        Policy(name="75 ms delay", pings=instances, spread_s=spread_s, hold_s=0.075),
        Policy(
            name="ours",
            pings=instances,
            spread_s=spread_s,
            hold_s=0.4,
            shared_deadline=True,
            rounds=3,
        ),
        Policy(
            name="ours, 100 ms",
            pings=instances,
            spread_s=spread_s,
            hold_s=0.1,
            shared_deadline=True,
            rounds=3,
        ),
        Policy(name="provisioned", pings=0, provisioned=instances),
    )
