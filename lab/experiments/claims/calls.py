"""Claims on single calls: cold start, Fig. 10, Fig. 11, and memory used."""

from dataclasses import replace

from lab.experiments.prices import PAPER
from lab.experiments.printed import PAPERS
from lab.experiments.record_query import NoRecordError, RecordSet
from lab.experiments.verdicts import (
    MEASURED,
    Judgement,
    Rules,
    Verdict,
    above,
    against,
    decided,
    lies,
    times,
    with_interval,
)
from warmlens.records import Record

RULES = Rules()
_STAGES, _FLOW = (
    "python -m lab experiments run stages --full",
    "python -m lab experiments run flow --full",
)
COLD_MB = (448, 768, 3008)
"""Memory sizes at which the paper's kind of handler is started often enough for an interval."""


@RULES.add(
    "3.2",
    "A cold start takes about 8 s",
    turned_by="`--env`: calls that met a cold start, all of the interval on one side of 8 s",
    command=_STAGES,
)
def _cold_start(results: RecordSet) -> Judgement:
    if results.in_aws:
        cold = results.require("call_mean_ms", temperature="cold")
        return Judgement(
            against(cold, results.value("cold_start_ms", PAPERS)),
            f"a classification of ours takes {with_interval(cold, unit=' ms')} where it met a "
            f"cold start ({cold.samples} calls)",
            MEASURED,
        )
    ours, base = (
        results.require("first_mean_ms", name, input_px=224) for name in ("ours", "baseline")
    )
    return Judgement(
        Verdict.NOT_COMPARABLE,
        "from the start of a process here to its first answer the paper's kind of handler takes "
        f"{with_interval(base, unit=' ms')}, ours {with_interval(ours, unit=' ms')}; Lambda's own "
        "part comes before and is not in it",
        MEASURED,
    )


@RULES.add(
    "3.2",
    "A cold start is download of the code, start of the container, and bootstrap",
    turned_by="`--env`: what a cold call takes outside of init and function, beyond a warm one",
    command=_STAGES,
)
def _parts(results: RecordSet) -> Judgement:
    if results.in_aws:
        cold, warm = (
            results.require("flow_stage_mean_ms", temperature=each, stage="api")
            for each in ("cold", "warm")
        )
        return Judgement(
            decided(above(cold.interval, warm.interval)),
            f"outside of init and function a cold call takes {with_interval(cold, unit=' ms')}, "
            f"a warm one {with_interval(warm, unit=' ms')}: download and start are the difference",
            MEASURED,
        )
    parts = {
        stage: results.value("stage_mean_ms", "baseline", call="first", stage=stage)
        for stage in ("imports", "session")
    }
    first = results.value("first_mean_ms", "baseline", input_px=224)
    return Judgement(
        Verdict.NOT_SHOWN,
        "a process shows the bootstrap alone. Of the first call of the paper's kind of handler "
        f"imports are {parts['imports'] / first:.0%} and opening the model "
        f"{parts['session'] / first:.0%}",
        MEASURED,
    )


@RULES.add(
    "Fig. 10",
    "The first call takes 10,460 ms, the second 460 ms",
    turned_by="`--env`: first and second calls, all of each interval on one side of these",
    command=_STAGES,
)
def _fig_10(results: RecordSet) -> Judgement:
    if results.in_aws:
        cold = results.require("call_mean_ms", temperature="cold", call="first")
        warm = results.require("call_mean_ms", temperature="warm", call="second")
        both = {
            against(cold, results.value("first_call_ms", PAPERS)),
            against(warm, results.value("second_call_ms", PAPERS)),
        }
        return Judgement(
            both.pop() if len(both) == 1 else Verdict.NOT_DECIDED,
            f"a classification of ours takes {with_interval(cold, unit=' ms')} where it met a "
            f"cold start, {with_interval(warm, unit=' ms')} after it",
            MEASURED,
        )
    base = results.require("first_mean_ms", "baseline", input_px=224)
    base_second = results.require("second_mean_ms", "baseline", input_px=224)
    ratios = [
        results.require(metric, "ours", to="baseline")
        for metric in ("first_mean_ratio", "warm_mean_ratio")
    ]
    return Judgement(
        Verdict.NOT_COMPARABLE,
        "a process here is not Lambda. Beside the baseline here, a handler of the paper's kind, "
        f"with {base.value:,.0f} and {base_second.value:,.0f} ms, ours needs for the first call "
        f"{_part(ratios[0])} of its time, for a warm one {_part(ratios[1])}",
        MEASURED,
    )


@RULES.add(
    "Fig. 10, 13",
    "At 768 MB, the only size with both, the first call takes 23 times as long as the second",
    turned_by="`--env`: first and second calls, all of their ratio's interval on one side of 23",
    command="python -m lab experiments run memory --full",
)
def _cold_against_warm(results: RecordSet) -> Judgement:
    said = results.value("first_call_ms", PAPERS) / results.value("second_call_ms", PAPERS)
    if results.in_aws:
        ratio = _ratio(
            results.require("call_mean_ms", temperature="cold", call="first"),
            results.require("call_mean_ms", temperature="warm", call="second"),
        )
        return Judgement(
            against(ratio, said),
            f"a classification of ours takes {times(ratio)} as long where it met a cold start as "
            "after it, of means",
            MEASURED,
        )
    found: dict[int, Record | None] = {
        size: results.get("first_to_warm", "baseline", memory_mb=size) for size in COLD_MB
    }
    if not any(found.values()):
        raise NoRecordError("first_to_warm")
    ours = results.get("first_to_warm", "ours", memory_mb=PAPER["memory_mb"])
    seen = "; ".join(
        f"at {size:,} MB {times(record) if record else 'not measured often enough'}"
        for size, record in found.items()
    )
    return Judgement(
        Verdict.NOT_COMPARABLE,
        f"a start here is without Lambda's own part, which would add to it. Without it a first "
        f"call of the paper's kind of handler takes {seen}, of the mean of warm ones"
        + (f"; ours at {PAPER['memory_mb']} MB {times(ours)}" if ours else ""),
        MEASURED,
    )


@RULES.add(
    "Fig. 11",
    "Without cold start and model initialization the stages take less than 1 s in total",
    turned_by="`--env`: the whole flow, all of the interval on one side of 1 s",
    command=_FLOW,
)
def _fig_11(results: RecordSet) -> Judgement:
    warm = results.require("flow_mean_ms", call="second", temperature="warm")
    text = f"signing, upload and classification take {with_interval(warm, unit=' ms')}"
    if results.in_aws:
        below = lies(warm.interval, high=results.value("whole_flow_below_ms", PAPERS))
        return Judgement(decided(below), f"{text}, the way over the network included", MEASURED)
    where = results.of_place(
        "by loopback, with the shipped model's 128 px: no network, no Lambda, no S3"
    )
    return Judgement(Verdict.NOT_COMPARABLE, f"{text} {where}", MEASURED)


@RULES.add(
    "4",
    "The largest memory used is 422 MB",
    turned_by="`peak_rss_mb` measured in AWS, all of the interval on one side of 422 MB",
    command=_STAGES,
)
def _memory_used(results: RecordSet) -> Judgement:
    ours, base = (
        results.require("peak_rss_mb", name, input_px=224) for name in ("ours", "baseline")
    )
    if results.in_aws:
        verdict = against(ours, results.value("largest_memory_used_mb", PAPERS))
    else:
        verdict = Verdict.NOT_COMPARABLE
    return Judgement(
        verdict,
        f"{base.value:,.0f} MiB with a handler of the paper's kind and today's PyTorch, "
        f"{ours.value:,.0f} MiB with ours, as this system counts a process, files that it maps "
        "included",
        MEASURED,
    )


def _ratio(mean: Record, base: Record) -> Record:
    """Return the ratio of two means with the widest interval that theirs allow."""
    interval = None
    if mean.interval is not None and base.interval is not None:
        interval = (mean.interval[0] / base.interval[1], mean.interval[1] / base.interval[0])
    return replace(mean, value=mean.value / base.value, unit="1", interval=interval)


def _part(ratio: Record) -> str:
    """Return a ratio below 1 as a fraction with its interval."""
    if ratio.interval is None:
        return f"1/{1 / ratio.value:.1f} (too few samples for an interval)"
    low, high = ratio.interval
    return f"1/{1 / ratio.value:.1f} (1/{1 / low:.1f} to 1/{1 / high:.1f})"
