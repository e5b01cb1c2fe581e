"""Claims on memory sizes: Fig. 13."""

import math

from lab.experiments import memory
from lab.experiments.memory_sizes import PAPERS, TODAY
from lab.experiments.record_query import RecordSet
from lab.experiments.verdicts import (
    BOTH,
    MEASURED,
    Judgement,
    Rules,
    Verdict,
    above,
    all_of,
    decided,
    lies,
    times,
)
from warmlens.records import Record

RULES = Rules()
_COMMAND = "python -m lab experiments run memory --full"
_STEPS = ". How many steps a call takes is a matter of this machine, too"
_LITTLE = 1.25
_STEEPER = 1.5
_TWICE = 1.8


@RULES.add(
    "Fig. 13",
    "3,008 MB and 1,536 MB differ little",
    turned_by=f"the same, measured in AWS: times that differ less than {_LITTLE} times (confirmed) "
    "or more (refuted), by the whole interval",
    command=_COMMAND,
)
def _large(results: RecordSet) -> Judgement:
    base, ours = (
        results.require("warm_ratio", name, memory_mb=1536, to_memory_mb=3008)
        for name in ("baseline", "ours")
    )
    verdict = Verdict.NOT_COMPARABLE
    if results.in_aws:
        verdict = decided(lies(base.interval, 1 / _LITTLE, _LITTLE))
    return Judgement(
        verdict,
        f"at 1,536 MB the paper's kind of handler takes {times(base)} as long as at 3,008 MB, ours "
        f"{times(ours)}, of means{_settings(results)}",
        MEASURED,
    )


@RULES.add(
    "Fig. 13",
    "Below 768 MB speed falls steeply",
    turned_by="the same, measured in AWS: a fall that for the same change of the size is "
    f"{_STEEPER} times as steep below 768 MB as above (confirmed) or less (corrected), by the "
    "whole interval",
    command=_COMMAND,
)
def _steep(results: RecordSet) -> Judgement:
    below = results.require("warm_ratio", "baseline", memory_mb=448, to_memory_mb=768)
    above = results.require("warm_ratio", "baseline", memory_mb=768, to_memory_mb=1536)
    verdict = Verdict.NOT_COMPARABLE
    if results.in_aws:
        verdict = decided(_is_steeper(below, above), no=Verdict.CORRECTED)
    return Judgement(
        verdict,
        f"with the paper's kind of handler a call takes {times(below)} as long at 448 as at 768 "
        f"MB, where the share of a processor is 1/{768 / 448:.2f}, and {times(above)} as long at "
        f"768 as at 1,536 MB, where it is 1/2, of means{_settings(results)}",
        MEASURED,
    )


def _is_steeper(below: Record, above: Record) -> bool | None:
    """Return whether times fall more steeply below 768 MB, by the powers of the size."""
    if below.interval is None or above.interval is None:
        return None
    low, high = (math.log(bound) / math.log(768 / 448) for bound in below.interval)
    low_above, high_above = (math.log(bound) / math.log(1536 / 768) for bound in above.interval)
    return lies((low / high_above, high / low_above), low=_STEEPER)


def _settings(results: RecordSet, *, steps: bool = False) -> str:
    """Return what makes times by size here ours; empty where AWS gives the share.

    Args:
        results: the records.
        steps: whether the figure has steps of 100 ms, too.
    """
    if results.in_aws:
        return ""
    return (
        ". One thread at each of these sizes is our setting, the share is kept by this machine, "
        f"and the memory size was not enforced{_STEPS if steps else ''}"
    )


@RULES.add(
    "Fig. 13",
    "1,536 MB cost twice as much as 768 MB",
    turned_by=f"the same, measured in AWS: a call that costs {_TWICE} times as much and more "
    "(confirmed) or less (corrected), by the whole interval",
    command=_COMMAND,
)
def _twice(results: RecordSet) -> Judgement:
    about = {"memory_mb": 1536, "to_memory_mb": 768}
    today, then = (
        results.require("cost_ratio", "baseline", prices=prices, **about)
        for prices in (TODAY, PAPERS)
    )
    large, small = (results.value("usd_per_100_ms", PAPERS, memory_mb=size) for size in (1536, 768))
    verdict = Verdict.NOT_COMPARABLE
    if results.in_aws:
        verdict = decided(lies(then.interval, low=_TWICE), no=Verdict.CORRECTED)
    return Judgement(
        verdict,
        f"100 ms do, {large / small:.2f} times by Table 6. A call is shorter at 1,536 MB: with "
        f"the paper's kind of handler it costs {times(then)} as much at the paper's prices, in "
        f"steps of 100 ms, and {times(today)} today{_settings(results, steps=True)}",
        BOTH,
    )


@RULES.add(
    "Fig. 13",
    "768 MB is the best for its price",
    turned_by="the same, measured in AWS: a call that at the paper's prices costs more at 448, "
    "1,536 and 3,008 MB (confirmed) or less at one of them (refuted), by the whole interval",
    command=_COMMAND,
)
def _best(results: RecordSet) -> Judgement:
    small, large, largest = (
        results.require("cost_ratio", "baseline", prices=PAPERS, memory_mb=size, to_memory_mb=to)
        for size, to in ((768, 448), (1536, 768), (3008, 1536))
    )
    products = results.require_any("time_x_cost_ratio", "baseline", prices=PAPERS)
    best = min(products, key=lambda each: each.value)
    parts = [
        lies(small.interval, high=1.0),
        lies(large.interval, low=1.0),
        lies(largest.interval, low=1.0) or None,  # less than at 1,536 MB may be more than at 768
    ]
    verdict = decided(all_of(parts)) if results.in_aws else Verdict.NOT_COMPARABLE
    return Judgement(
        verdict,
        "at the paper's prices, in steps of 100 ms, a call of its kind of handler costs at 768 MB "
        f"{times(small)} what it does at 448; at 1,536 MB {times(large)} what it does at 768; "
        f"at 3,008 MB {times(largest)} what they do at 1,536. By time x cost, our own measure, "
        f"{best.conditions['memory_mb']:,} MB has {times(best)} what 768 MB has"
        f"{_settings(results, steps=True)}",
        BOTH,
    )


@RULES.add(
    "Fig. 13",
    "The function still works at 448 MB, the smallest size of the figure",
    turned_by="the same, measured in AWS: answered (confirmed) or ended for memory (refuted)",
    command=_COMMAND,
)
def _smallest(results: RecordSet) -> Judgement:
    killed = results.require("killed", "baseline", memory_mb=448)
    dead = [
        each.conditions["memory_mb"] for each in results.select("killed", "baseline") if each.value
    ]
    alive = [
        each.conditions["memory_mb"] for each in results.select("killed", "ours") if not each.value
    ]
    if results.in_aws:
        verdict = Verdict.REFUTED if killed.value else Verdict.CONFIRMED
    else:
        verdict = Verdict.NOT_COMPARABLE
    sizes = ", ".join(f"{size:,}" for size in sorted(dead)) or "none of the measured"
    return Judgement(
        verdict,
        "a process under a memory limit, with today's PyTorch: the paper's kind of handler is "
        f"killed at {sizes} MB; ours answers from {min(alive, default=0):,} MB on",
        MEASURED,
    )


@RULES.add(
    "Fig. 13",
    "With many connections larger memory pays less",
    turned_by="the same, measured in AWS, where each instance has its processor share",
    command=_COMMAND,
)
def _many(results: RecordSet) -> Judgement:
    ratios = sorted(
        results.require_any("response_ratio", part=memory.API),
        key=lambda each: int(each.conditions["clients"]),
    )
    one, many = ratios[0], ratios[-1]
    verdict = Verdict.NOT_COMPARABLE
    if results.in_aws:
        verdict = decided(above(one.interval, many.interval))
    return Judgement(
        verdict,
        f"at 448 MB a response takes {times(one)} as long as at 1,536 MB with one connection, "
        f"{times(many)} with {many.conditions['clients']}, of means: the instances share two "
        "processors, which no size of theirs makes more",
        MEASURED,
    )
