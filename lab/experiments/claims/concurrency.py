"""Claims on many calls at once: Fig. 12 and the conclusion."""

from lab.experiments import concurrency
from lab.experiments.record_query import NoRecordError, RecordSet
from lab.experiments.verdicts import (
    FAKE_LAMBDA,
    MEASURED,
    Judgement,
    Rules,
    Verdict,
    decided,
    lies,
    times,
    with_interval,
)

RULES = Rules()
_COMMAND = "python -m lab experiments run concurrency --full"
_PLAIN = {"case": concurrency.PLAIN, "arrivals": "closed"}
_FEW = 0.01


@RULES.add(
    "Fig. 12",
    "The response time grows in proportion to the number of connections",
    turned_by="`--env`: a growth between half and twice that of the connections (confirmed), or "
    "all of the interval outside (refuted)",
    command=_COMMAND,
)
def _growth(results: RecordSet) -> Judgement:
    if results.in_aws:
        real = results.require("growth", concurrency.REAL, **_PLAIN)
        more = real.conditions["to"] / real.conditions["from"]
        return Judgement(
            decided(lies(real.interval, more / 2, more * 2)),
            f"from {real.conditions['from']} to {real.conditions['to']:,} calls at once the "
            f"response grows {times(real)}, of means of those that were answered",
            MEASURED,
        )
    api, direct = (
        results.require("growth", name, **_PLAIN)
        for name in (concurrency.FAKE_LAMBDA, concurrency.DIRECT)
    )
    peak = max(
        each.value
        for each in results.require_any("peak_executions", concurrency.FAKE_LAMBDA, **_PLAIN)
        if api.conditions["from"] <= each.conditions["clients"] <= api.conditions["to"]
    )
    return Judgement(
        Verdict.NOT_COMPARABLE,
        f"here, with simulated instances, from {api.conditions['from']} to "
        f"{api.conditions['to']:,} connections {times(api)} as long through the API, called "
        f"without it {times(direct)}, of means: what grows is the queue in the client and the "
        f"API of one machine, before Lambda; at most {peak:.0f} were executions at once. Whether "
        "the paper's growth came from there cannot be seen here",
        FAKE_LAMBDA,
    )


@RULES.add(
    "Fig. 12",
    "Above the limit of 1,000 nothing happens: no errors",
    turned_by="`--env`: more than 1,000 calls at once, of which less than 1 % get 429 (confirmed) "
    "or more (corrected), by the whole interval",
    command=_COMMAND,
)
def _limit(results: RecordSet) -> Judgement:
    if results.in_aws:
        refused = results.require_any("throttled_share", concurrency.REAL, arrivals="closed")
        most = max(refused, key=lambda each: each.conditions["clients"])
        verdict = decided(lies(most.interval, high=_FEW), no=Verdict.CORRECTED)
        if most.conditions["clients"] <= concurrency.LIMIT:
            verdict = Verdict.NOT_SHOWN
        return Judgement(
            verdict,
            f"of {most.conditions['clients']:,} calls at once {with_interval(most, '.1%')} get "
            "429: from the throttle of the API's stage, the function's reserved concurrency, or "
            "the account's limit, whichever is smallest",
            MEASURED,
        )
    fast = results.require_any(
        "throttled_share", concurrency.FAKE_LAMBDA, case=concurrency.PLAIN, clients=1200
    )
    slow, reserved, again = (
        results.require("throttled_share", concurrency.FAKE_LAMBDA, case=case)
        for case in (concurrency.SLOW, concurrency.RESERVED_CASE, concurrency.RETRY)
    )
    return Judgement(
        Verdict.NOT_SHOWN,
        "AWS's limit counts executions, not connections. The stand-in is made to follow that rule, "
        f"which it cannot show: by it {max(each.value for each in fast):.1%} of 1,200 connections "
        f"to fast instances are refused, but {with_interval(slow, '.1%')} get 429 when starts take "
        f"the paper's own 10.46 s. With a reserved concurrency of {concurrency.RESERVED}, "
        f"{reserved.value:.1%} of 200 calls get 429; of clients that wait and try again "
        f"{again.value:.1%}",
        FAKE_LAMBDA,
    )


@RULES.add(
    "Fig. 12",
    "Five instances are active while hundreds call at once",
    turned_by="`--env`: 100 calls at once, of which less than 1 % meet a new instance (confirmed) "
    "or more (corrected), by the whole interval",
    command=_COMMAND,
)
def _active(results: RecordSet) -> Judgement:
    if results.in_aws:
        cold = results.require("cold_share", concurrency.REAL, clients=100, **_PLAIN)
        return Judgement(
            decided(lies(cold.interval, high=_FEW), no=Verdict.CORRECTED),
            f"{with_interval(cold, '.1%')} of 100 calls at once meet a new instance",
            MEASURED,
        )
    peak = results.value("peak_executions", concurrency.DIRECT, clients=100, **_PLAIN)
    return Judgement(
        Verdict.NOT_SHOWN,
        "by AWS's rule of one call at a time for each instance, five are active before, then as "
        f"many as calls overlap. The stand-in is made to follow it: {peak:.0f} of 100 at once",
        FAKE_LAMBDA,
    )


@RULES.add(
    "5",
    "The service scales by itself, and is not overloaded",
    turned_by="`--env`: less than 1 % of calls without an answer up to 1,000 at once (confirmed), "
    "more (refuted)",
    command=_COMMAND,
)
def _scales(results: RecordSet) -> Judgement:
    metrics = ("throttled_share", "failed_share", "unanswered_share")
    name = concurrency.REAL if results.in_aws else concurrency.DIRECT
    found = [
        each
        for metric in metrics
        for each in results.select(metric, name, **_PLAIN)
        if each.conditions["clients"] <= concurrency.LIMIT
    ]
    if not found:
        raise NoRecordError(metrics[0])
    worst = max(found, key=lambda each: each.value)
    text = (
        f"at {worst.conditions['clients']:,} calls at once {with_interval(worst, '.1%')} get no "
        f"answer but {worst.metric.removesuffix('_share')}"
        if worst.value
        else f"up to {max(each.conditions['clients'] for each in found):,} calls at once all are "
        "answered"
    )
    if results.in_aws:
        return Judgement(decided(lies(worst.interval, high=_FEW)), text, MEASURED)
    return Judgement(
        Verdict.NOT_SHOWN,
        f"{text}, by a stand-in that begins as many as are called; how Lambda does it cannot be "
        "seen here. Each new one starts cold, up to the account's limit",
        FAKE_LAMBDA,
    )
