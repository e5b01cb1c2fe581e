"""The findings of the simulated warming, in sentences with their figures."""

from collections.abc import Sequence

from lab.bench.warming.policies import Policy
from lab.bench.warming.presentation import cold_shares
from lab.markdown import listed
from warmlens.records import Record

_PEOPLE, _CLIENTS = "12 an hour", "12 an hour, without the page"
_BUSY = "360 an hour"
_FIVE, _TWENTY = "groups of 5 within 2 s, 4 an hour", "groups of 20 within 2 s, 4 an hour"
_FIVE_AT_ONCE = "groups of 5 within 0.1 s, 4 an hour, without the page"
_TEN_AT_ONCE = "groups of 10 within 0.1 s, 4 an hour, without the page"
_AUTO, _FOUND = "auto, up to 10", "hold that it finds"


class _Shares:
    """The shares of users that met a cold start, by users and policy."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._shares = cold_shares(records)

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
    return listed(
        "People on the page meet almost no cold starts although nothing is kept warm: "
        f"{share(_PEOPLE, Policy.AHEAD)} at 12 users an hour, {share(_BUSY, Policy.AHEAD)} at 360. "
        "The rest are users who call at the same moment while only one instance is there.",
        f"Without the page, the default (*ahead + ping 1*) leaves "
        f"{share(_CLIENTS, Policy.DEFAULT)}, the wake alone {share(_CLIENTS, Policy.AHEAD)}, the "
        f"ping alone {share(_CLIENTS, Policy.ONE_PING)}. The ping keeps one instance, and the wake "
        "starts another when Lambda has just ended it.",
        "For people, one instance kept by ping is worse than a wake ahead, "
        f"{share(_PEOPLE, Policy.ONE_PING)} against {share(_PEOPLE, Policy.AHEAD)}: Lambda ends "
        "instances about every two hours, and the next round is up to five minutes away.",
        "In groups, the instance that the first wake started is idle again when later wakes "
        "arrive, so they start no other. In groups of five, wake ahead alone leaves "
        f"{share(_FIVE, Policy.AHEAD)}; five instances kept by ping leave "
        f"{share(_FIVE, Policy.PING)}.",
        f"*ahead + ping N* differs from *ping N* by at most {share.most_points_apart:.2f} points.",
        "Calls that hold nothing keep one instance, however many they are (*naive pings*, "
        f"{share(_TWENTY, Policy.NAIVE)}). A delay of 75 ms, as in lambda-warmer-py "
        f"(*75 ms delay*), leaves {share(_TWENTY, Policy.DELAY)} if its calls arrive 20 ms apart, "
        f"as we assume of ours, too; our rounds leave {share(_TWENTY, Policy.PING)}. How many "
        "instances both reach is [measured](#beside-lambda-warmer-py), too.",
    )


def limits(records: Sequence[Record]) -> str:
    """Return the list of what a warmer cannot do and the simulations show."""
    share = _Shares(records)
    return listed(
        "**Recycling.** Lambda ends instances about every two hours, warm or not, without notice. "
        "Until the next round, up to five minutes later, one instance is missing: "
        f"{share(_FIVE_AT_ONCE, Policy.PING)} of the users in groups of five within 0.1 s meet a "
        "cold start.",
        "**Groups above N.** Users beyond N still meet cold starts. Of users in groups of ten "
        f"within 0.1 s, {share(_TEN_AT_ONCE, Policy.PING)} do with N = 5, "
        f"{share(_TEN_AT_ONCE, Policy.PROVISIONED)} with a provisioned concurrency of five, and "
        f"{share(_TEN_AT_ONCE, Policy.OFF)} without warming.",
    )


def of_choices(records: Sequence[Record]) -> str:
    """Return the list of what the table of the warmer's choices says.

    Args:
        records: of `python -m lab bench chosen`.
    """
    (seeds,) = {each.samples or 0 for each in records}
    held, numbers, cheaper = [], [], []
    for within_s in dict.fromkeys(each.conditions["within_s"] for each in records):
        same = [each for each in records if each.conditions["within_s"] == within_s]
        cold, usd = (
            {each.name: each.value for each in same if each.metric == metric}
            for metric in ("cold_starts", "warming_usd_per_month")
        )
        where = f"where users come within {within_s:g} s"
        fixed = min((each for each in cold if each.startswith("hold of")), key=cold.__getitem__)
        held.append(
            f"{cold[_FOUND]:.1f} cold starts for ${usd[_FOUND]:.2f} against {cold[fixed]:.1f} for "
            f"${usd[fixed]:.2f} ({fixed.removeprefix('hold of ')}) {where}"
        )
        by_hand = [each for each in cold if each.endswith("by hand")]
        best = min(by_hand, key=cold.__getitem__)
        numbers.append(f"{cold[_AUTO]:.1f} cold starts against {cold[best]:.1f} ({best}) {where}")
        # Counts of rare events: means of as many weeks differ by chance by some of these.
        most = cold[_AUTO] + 2 * (2 * cold[_AUTO] / seeds) ** 0.5
        least = min((each for each in by_hand if cold[each] <= most), key=usd.__getitem__)
        if usd[least] < usd[_AUTO]:
            cheaper.append(f"{least}, for ${usd[least]:.2f} instead of ${usd[_AUTO]:.2f}, {where}")
    return listed(
        f"The hold that the warmer finds, against the best fixed one: {', '.join(held)}. If a hold "
        "is too short, every round is repeated; if it is too long, it keeps instances from users.",
        f"`auto`, against the best number set by hand: {', '.join(numbers)}. Means of {seeds} "
        "simulations scatter by several cold starts."
        + (f" Cheaper, and not shown to be worse: {'; '.join(cheaper)}." if cheaper else ""),
    )
