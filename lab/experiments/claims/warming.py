"""Claims on keeping instances: wakeups, idle expiry, and users at once."""

from collections.abc import Sequence

from lab.bench.peer.comparison import EMPTY
from lab.experiments import concurrency
from lab.experiments.prices import PAPER
from lab.experiments.printed import PAPERS
from lab.experiments.record_query import RecordSet
from lab.experiments.verdicts import (
    MEASURED,
    Judgement,
    Rules,
    Verdict,
    against,
    all_of,
    decided,
    lies,
    with_interval,
)
from lab.intervals import share_interval
from warmlens.records import Record

RULES = Rules()
_PEER = "python -m lab bench peer"
_MOSTLY, _FEW_COLD = 0.9, 0.02
_COUNT = 5


@RULES.add(
    "3.2",
    "CloudWatch Events and Kinesis wake one instance only, so JMeter on the WAS is needed",
    turned_by="runs of our warmer, called once each, of which not nine in ten reach as many "
    "instances as are wanted",
    command=_PEER,
)
def _one_event(results: RecordSet) -> Judgement:
    runs = _exact(results, "ours")
    right, of = _counted(runs)
    sizes = sorted({each.conditions["instances"] for each in runs})
    alone = lies(share_interval(right, of), high=_MOSTLY)
    return Judgement(
        decided(alone, no=Verdict.CORRECTED),
        "an event calls one instance, but that one may call more. Our warmer, called once, as a "
        f"schedule calls it, reached as many instances as were wanted, {_listed(sizes)}, in "
        f"{right:.0f} of {of} runs, in the pool of the local cloud, which follows "
        "AWS's rule that an instance has one call at a time",
        MEASURED,
    )


@RULES.add(
    "3.2",
    "A wakeup that sleeps 400 ms makes many at once reliable, which they are not without it",
    turned_by="rounds of wakeups at once: nine in ten and more reach all instances with 400 ms, "
    "and fewer without (confirmed), or otherwise (refuted)",
    command="python -m lab bench wakes",
)
def _sleep(results: RecordSet) -> Judgement:
    """Judge rounds of wakeups at once, with the paper's sleep and without one."""
    wakes = results.kept("wakes")
    at_once = wakes.require_any("instances_woken", hold_ms=PAPER["hold_ms"])
    unheld = [
        wakes.require("instances_woken", users=each.conditions["users"], hold_ms=0)
        for each in at_once
    ]
    (slept, of), (awake, of_awake) = _reached_all(at_once), _reached_all(unheld)
    parts = [
        lies(share_interval(slept, of), low=_MOSTLY),
        lies(share_interval(awake, of_awake), high=_MOSTLY),
    ]
    sizes = sorted(each.conditions["users"] for each in at_once)
    return Judgement(
        decided(all_of(parts)),
        f"wakeups at once for {_listed(sizes)} instances, sleeping {PAPER['hold_ms']} ms each, "
        f"reach all in {slept} of {of} rounds, without a sleep in {awake} of {of_awake}: given "
        "AWS's rule that an instance has one call at a time, by which the local pool goes, real "
        f"processes and real sending times make it so. {_one_by_one(results)}",
        MEASURED,
    )


def _one_by_one(results: RecordSet) -> str:
    """Return how many runs of lambda-warmer-py with the paper's sleep reach all instances."""
    seen = []
    for each in _exact(results, "lambda-warmer-py, 400 ms"):
        right, of = _counted([each])
        before = "new" if each.conditions["start"] == EMPTY else "idle"
        seen.append(f"{right:.0f} of {of} runs for {each.conditions['instances']} {before} ones")
    return (
        f"Sent by one instance after one another, they reach all in {', '.join(seen)}: the sleep "
        "must outlast the sending, so our warmer sets a moment until which all sleep"
    )


def _reached_all(woken: Sequence[Record]) -> tuple[int, int]:
    """Return the number of rounds that woke an instance for each user, and of all rounds."""
    rounds = [
        reached == each.conditions["users"]
        for each in woken
        for reached in each.conditions["woken"]
    ]
    return sum(rounds), len(rounds)


@RULES.add(
    "3.2, 4.2",
    "With five instances kept, up to five users at once meet no cold start",
    turned_by=f"`--env`: a share of cold calls with an interval below {_FEW_COLD:.0%} (confirmed) "
    "or beyond (refuted)",
    command="python -m lab experiments run concurrency --full",
)
def _kept(results: RecordSet) -> Judgement:
    about = {"arrivals": "closed", "case": concurrency.PLAIN}
    cold = results.require("cold_share", "ours", clients=_COUNT, **about)
    beyond = [
        each
        for each in results.select("cold_share", "ours", **about)
        if each.conditions["clients"] > _COUNT
    ]
    simulated = results.kept("warming").get(
        "cold_share", "ping N", workload="groups of 5 within 0.1 s, 4 an hour, without the page"
    )
    more = min(beyond, key=lambda each: each.conditions["clients"], default=None)
    verdict = Verdict.NOT_SHOWN
    if results.in_aws:
        verdict = decided(lies(cold.interval, high=_FEW_COLD))
    text = f"{with_interval(cold, '.1%')} of {cold.samples} calls are cold with five at once"
    if more:
        text += f", {with_interval(more, '.1%')} with {more.conditions['clients']}"
    if not results.in_aws:
        where = "in the local pool, which is made to follow AWS's rule of one call at a time"
        text += f", {results.of_place(where)}"
    if simulated:
        text += (
            f". Kept by rounds of wakeups, simulated, {simulated.value:.1%} of the users in groups "
            "of five: Lambda ends instances, and one is missing until the next round"
        )
    return Judgement(verdict, text, MEASURED)


@RULES.add(
    "3.2",
    "Idle instances are removed one after another",
    turned_by="`--env`: a wait after which some of five are left, and not all",
    command="python -m lab experiments run idle --full",
)
def _one_after_another(results: RecordSet) -> Judgement:
    shares = _shares(results, _COUNT)
    some = [wait for wait, each in shares.items() if 0 < each.value < 1]
    if not results.in_aws:
        verdict = Verdict.NOT_SHOWN
    else:
        verdict = Verdict.CONFIRMED if some else Verdict.REFUTED
    text = f"woken in fives, there are left {_seen(shares)}"
    if not results.in_aws:
        text += f", {results.of_place('in the local pool, where it is a setting')}"
    return Judgement(verdict, text, MEASURED)


@RULES.add(
    "4.2",
    "Of several instances the first ends after 5 min, a single one after 30 min",
    turned_by="`--env`: with five, some end between 3 and 8 min, and one alone between 28 and "
    "33 min (confirmed), or otherwise (corrected)",
    command="python -m lab experiments run idle --full",
)
def _idle(results: RecordSet) -> Judgement:
    five, one = _shares(results, _COUNT), _shares(results, 1)
    if not results.in_aws:
        return Judgement(
            Verdict.NOT_SHOWN,
            f"woken in fives, there are left {_seen(five)}, "
            + results.of_place(
                "in the local pool, where it is a setting, drawn in the same way for each instance"
            )
            + ". Why one alone should last six times as long the paper does not say",
            MEASURED,
        )
    parts = [
        lies(five[3].interval, low=0.8) if 3 in five else None,
        lies(five[8].interval, high=0.999) if 8 in five else None,
        lies(one[28].interval, low=0.5) if 28 in one else None,
        lies(one[33].interval, high=0.5) if 33 in one else None,
    ]
    return Judgement(
        decided(all_of(parts), no=Verdict.CORRECTED),
        f"of five are left {_seen(five)}; one alone is left {_seen(one)}. AWS documents no time "
        "and may change it",
        MEASURED,
    )


@RULES.add(
    "4.2",
    "Making five instances takes about 10 s",
    turned_by="`--env`: rounds in which all five were new, all of the interval on one side of 10 s",
    command="python -m lab experiments run concurrency --full",
)
def _making(results: RecordSet) -> Judgement:
    wake = results.require("wake_ms", "ours")
    text = (
        f"{with_interval(wake, unit=' ms')} for five wakeups at once, of which "
        f"{wake.conditions['hold_ms']} ms are their hold ({wake.samples} rounds)"
    )
    if results.in_aws:
        return Judgement(against(wake, results.value("making_five_ms", PAPERS)), text, MEASURED)
    where = results.of_place("processes here, without Lambda's own part of a start")
    text += f"; {where}"
    return Judgement(Verdict.NOT_COMPARABLE, text, MEASURED)


@RULES.add(
    "4.2",
    "Five instances serve five users at once within 100 ms",
    turned_by="`--env`: warm calls of five at once, all of the interval on one side of 100 ms",
    command="python -m lab experiments run concurrency --full",
)
def _serving(results: RecordSet) -> Judgement:
    about = {"clients": _COUNT, "arrivals": "closed", "case": concurrency.PLAIN}
    warm = results.require("warm_response_ms", "ours", **about)
    text = f"median {with_interval(warm, unit=' ms')} of {warm.samples} warm calls"
    if results.in_aws:
        within = lies(warm.interval, high=results.value("five_users_within_ms", PAPERS))
        return Judgement(
            decided(within, no=Verdict.CORRECTED),
            f"{text}, the way over the network included",
            MEASURED,
        )
    where = results.of_place(
        "API included, on one machine, with the shipped model's 128 px: no network, no Lambda"
    )
    text += f", {where}"
    return Judgement(Verdict.NOT_COMPARABLE, text, MEASURED)


def _exact(results: RecordSet, name: str) -> list[Record]:
    return results.kept("peer").require_any("exact_share", name)


def _counted(runs: Sequence[Record]) -> tuple[float, int]:
    """Return the number of runs that reached as many instances as were wanted, and of all runs."""
    of = sum(each.samples or 0 for each in runs)
    return sum(each.value * (each.samples or 0) for each in runs), of


def _shares(results: RecordSet, instances: int) -> dict[int, Record]:
    shares = {
        each.conditions["wait_min"]: each
        for each in results.require_any("still_there_share", instances=instances)
    }
    return dict(sorted(shares.items()))


def _seen(shares: dict[int, Record]) -> str:
    return ", ".join(
        f"{each.value:.0%} of {each.conditions['woken']} after {wait} min"
        for wait, each in shares.items()
    )


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size:,}" for size in sizes)
