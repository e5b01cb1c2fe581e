"""What the simulations of warming policies say, in sentences with their figures."""

from collections.abc import Sequence

from lab.bench.warming.policies import Policy
from warmlens.records import Record

_PEOPLE, _CLIENTS = "12 an hour", "12 an hour, without the page"
_BUSY = "360 an hour"
_FIVE, _TWENTY = "groups of 5 within 2 s, 4 an hour", "groups of 20 within 2 s, 4 an hour"
_FIVE_AT_ONCE = "groups of 5 within 0.1 s, 4 an hour, without the page"
_TEN_AT_ONCE = "groups of 10 within 0.1 s, 4 an hour, without the page"
_NAIVE, _DELAY = "naive pings", "75 ms delay"


class _Shares:
    """The shares of users that met a cold start, by users and policy."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._shares = {
            (each.conditions["workload"], each.name): each.value
            for each in records
            if each.metric == "cold_share"
        }

    def __call__(self, workload: str, policy: str) -> str:
        return f"{self._shares[workload, policy]:.2%}".replace("%", " %")

    @property
    def most_points_apart(self) -> float:
        """The most that `ahead + ping N` and `ping N` differ by, in points."""
        return 100 * max(
            abs(share - self._shares[workload, Policy.PING])
            for (workload, policy), share in self._shares.items()
            if policy == Policy.AHEAD_AND_PING
        )


def findings(records: Sequence[Record]) -> str:
    """Return the list of what the table says."""
    share = _Shares(records)
    return (
        "- People on the page meet almost no cold start although nothing is kept warm: "
        f"{share(_PEOPLE, Policy.AHEAD)} at 12 an hour, {share(_BUSY, Policy.AHEAD)} at 360.\n"
        "  What is left are two who call at one moment, with one instance there.\n"
        "- Without the page, the default (*ahead + ping 1*) leaves "
        f"{share(_CLIENTS, Policy.DEFAULT)}, the wake alone {share(_CLIENTS, Policy.AHEAD)}, the "
        f"ping alone {share(_CLIENTS, Policy.ONE_PING)}: the ping\n"
        "  keeps one instance, and the wake starts another when Lambda has just ended it.\n"
        "- One instance kept by ping is worse for people than a wake ahead, "
        f"{share(_PEOPLE, Policy.ONE_PING)} against {share(_PEOPLE, Policy.AHEAD)}: Lambda ends "
        "instances about\n"
        "  every two hours, and the next round is up to five minutes away.\n"
        "- In groups, later wakes find the instance that the first one woke, idle again: wake "
        f"ahead alone leaves {share(_FIVE, Policy.AHEAD)} in groups\n"
        f"  of five, and as many instances by ping {share(_FIVE, Policy.PING)}.\n"
        "- *ahead + ping N* has the shares of *ping N*, within "
        f"{share.most_points_apart:.2f} points.\n"
        "- Calls that hold nothing keep one instance, however many there are (*naive pings*, "
        f"{share(_TWENTY, _NAIVE)}). A delay of 75 ms\n"
        f"  (*75 ms delay*, that of lambda-warmer-py) leaves {share(_TWENTY, _DELAY)} where our "
        f"rounds leave {share(_TWENTY, Policy.PING)}, if its calls arrive 20 ms apart\n"
        "  as ours; [run for real](#beside-lambda-warmer-py) it reaches fewer.\n"
    )


def limits(records: Sequence[Record]) -> str:
    """Return the list of what a warmer cannot do and the simulations show."""
    share = _Shares(records)
    return (
        "- **Recycling.** Lambda ends instances about every two hours, warm or not, and nothing "
        "announces it. Until the\n"
        "  next round, up to five minutes, one instance is missing: "
        f"{share(_FIVE_AT_ONCE, Policy.PING)} of the users in groups of five within 0.1 s.\n"
        "- **Groups above N.** Users beyond N are cold as ever: of groups of ten within 0.1 s, "
        f"N = 5 leaves {share(_TEN_AT_ONCE, Policy.PING)} with a cold\n"
        f"  start, against {share(_TEN_AT_ONCE, Policy.OFF)} without warming. Provisioned "
        f"concurrency of five leaves {share(_TEN_AT_ONCE, Policy.PROVISIONED)}.\n"
    )
