"""Claims on memory sizes: Fig. 13 and the conclusion."""

import math

from lab.experiments import memory
from lab.experiments.memory_sizes import PAPERS, TODAY
from lab.experiments.record_query import NoRecordError, RecordSet
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

RULES = Rules()
_COMMAND = "python -m lab experiments run memory --full"
_LITTLE = 1.25
_STEEPER = 1.5
_TWICE = 1.8


@RULES.add(
    "Fig. 13",
    "3,008 MB and 1,536 MB differ little",
    turned_by=f"times that differ more than {_LITTLE} times, by the whole interval",
    command=_COMMAND,
)
def _large(results: RecordSet) -> Judgement:
    base, ours = (
        results.require("warm_ratio", name, memory_mb=1536, to_memory_mb=3008)
        for name in ("baseline", "ours")
    )
    return Judgement(
        decided(lies(base.interval, 1 / _LITTLE, _LITTLE)),
        f"at 1,536 MB the paper's kind of handler takes {times(base)} as long, ours {times(ours)}: "
        "one thread uses no more than one processor, which 1,769 MB bring",
        MEASURED,
    )


@RULES.add(
    "Fig. 13",
    "Below 768 MB speed falls steeply",
    turned_by=f"a fall that for the same change of the share is {_STEEPER} times as steep below "
    "768 MB as above, by the whole interval",
    command=_COMMAND,
)
def _steep(results: RecordSet) -> Judgement:
    below = results.require("warm_ratio", "baseline", memory_mb=448, to_memory_mb=768)
    above = results.require("warm_ratio", "baseline", memory_mb=768, to_memory_mb=1536)
    does = None
    if below.interval is not None and above.interval is not None:
        powers = [
            [math.log(bound) / math.log(share) for bound in ratio.interval or ()]
            for ratio, share in ((below, 768 / 448), (above, 1536 / 768))
        ]
        does = lies((powers[0][0] / powers[1][1], powers[0][1] / powers[1][0]), low=_STEEPER)
    verdict = decided(does, no=Verdict.CORRECTED)
    return Judgement(
        verdict,
        f"with the paper's kind of handler a call takes {times(below)} as long at 448 as at 768 "
        f"MB, where the share of a processor is 1/{768 / 448:.2f}, and {times(above)} as long at "
        "768 as at 1,536 MB, where it is 1/2"
        + (
            ": there is no bend at 768 MB, the time goes with 1/share up to one processor"
            if verdict is Verdict.CORRECTED
            else ""
        ),
        MEASURED,
    )


@RULES.add(
    "Fig. 13",
    "1,536 MB cost twice as much as 768 MB",
    turned_by=f"a call that costs {_TWICE} times as much and more, by the whole interval",
    command=_COMMAND,
)
def _twice(results: RecordSet) -> Judgement:
    about = {"memory_mb": 1536, "to_memory_mb": 768}
    today, then = (
        results.require("cost_ratio", "baseline", prices=prices, **about)
        for prices in (TODAY, PAPERS)
    )
    verdict = decided(lies(then.interval, low=_TWICE), no=Verdict.CORRECTED)
    return Judgement(
        verdict,
        f"a call of the paper's kind of handler costs {times(then)} as much at the paper's "
        f"prices, in steps of 100 ms, and {times(today)} today"
        + (
            ". A millisecond costs twice as much, but a call has fewer of them"
            if verdict is Verdict.CORRECTED
            else ""
        ),
        BOTH,
    )


@RULES.add(
    "Fig. 13",
    "768 MB is the best for its price",
    turned_by="no other size with a smaller product of time and cost (confirmed), or one that is "
    "cheaper as well (refuted), by the whole interval, at the paper's prices",
    command=_COMMAND,
)
def _best(results: RecordSet) -> Judgement:
    products = results.require_any("time_x_cost_ratio", "baseline", prices=PAPERS)
    small, large = (
        results.require("cost_ratio", "baseline", prices=PAPERS, memory_mb=size, to_memory_mb=to)
        for size, to in ((768, 448), (1536, 768))
    )
    sides = [lies(each.interval, low=1.0) for each in products]
    # The smaller size is cheaper if 768 MB costs more than it; the larger if it costs less.
    cheaper = lies(small.interval, low=1.0) or lies(large.interval, high=1.0)
    no = Verdict.REFUTED if cheaper else Verdict.CORRECTED
    best = min(products, key=lambda each: each.value)
    return Judgement(
        decided(all_of(sides), no=no),
        "with the paper's kind of handler, at its prices, a call at 768 MB costs "
        f"{times(small)} what it does at 448 MB, at 1,536 MB {times(large)} what it does at 768. "
        f"Time x cost is {times(best)} that at 768 MB at {best.conditions['memory_mb']:,} MB",
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
    turned_by="the same, measured in AWS, where each instance has a processor share of its own",
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
        f"{times(many)} with {many.conditions['clients']}: the instances share two processors, "
        "which no size of theirs makes more",
        MEASURED,
    )


@RULES.add(
    "5",
    "No infrastructure is planned",
    turned_by="memory sizes between which time or cost differ less than 1.25 times",
    command=_COMMAND,
)
def _planning(results: RecordSet) -> Judgement:
    mean = {
        each.conditions["memory_mb"]: each.value
        for each in results.select("warm_mean_ms", "baseline", part=memory.SPEED)
    }
    if len(mean) < 2:
        raise NoRecordError("warm_mean_ms")
    slowest, fastest = max(mean.values()), min(mean.values())
    return Judgement(
        Verdict.CONFIRMED if slowest / fastest < _LITTLE else Verdict.CORRECTED,
        "no servers, but their successors: a memory size, between which the paper's kind of "
        f"handler takes {slowest / fastest:.1f} times as long, the number of instances kept warm, "
        "limits, and the paper's own WAS",
        MEASURED,
    )
