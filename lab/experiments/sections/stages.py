"""The sections on the stages of calls and the whole flow: Fig. 10 and Fig. 11."""

from collections.abc import Iterator

from lab.bench.speed.cold import STAGES
from lab.experiments import flow
from lab.experiments.prices import PAPER
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.text import Chart, commands, figure, ms_text, share_note, tail, whole
from lab.markdown import table
from lab.period import period_ms
from warmlens.records import Record
from warmlens.runtime.isolation import limits_of


def stages_section(results: RecordSet, chart: Chart) -> str:
    """Return the section on Fig. 10 and 11: the first and second call by stage."""
    firsts = results.select("first_ms", input_px=224)
    if not firsts:
        return ""
    calls = []
    for first in firsts:
        mean, second, warm, warm_mean, peak = (
            results.require(metric, first.name, input_px=224)
            for metric in (
                "first_mean_ms",
                "second_mean_ms",
                "warm_ms",
                "warm_mean_ms",
                "peak_rss_mb",
            )
        )
        calls.append(
            (
                first.name,
                first.samples,
                *map(figure, (first, mean)),
                tail(first),
                figure(second),
                warm.samples,
                *map(figure, (warm, warm_mean)),
                tail(warm),
                f"{peak.value:.0f}",
            )
        )
    rows = []
    for stage in STAGES:
        cells: list[object] = [stage]
        for call in ("first", "second"):
            for name in ("baseline", "ours"):
                record = results.get("stage_mean_ms", name, call=call, stage=stage)
                cells.append(figure(record, "{:,.1f}".format) if record else "")
        if any(cells[1:]):
            rows.append(tuple(cells))
    return "\n".join(
        [
            "## Fig. 10 and 11: the first and the second call\n",
            f"Measured at {PAPER['memory_mb']} MB: [a cold start without Lambda's own "
            "part](../../how-it-works.md#a-cold-start), from the start of the process to the first "
            "answer, with the paper's input size of 224 px. Warm calls are the second and those "
            "after it, with a photo of 2 megapixels. Medians and means have 95 % intervals. "
            f"The paper: {PAPER['first_call_ms']:,} and {PAPER['second_call_ms']} ms.\n",
            commands(firsts),
            table(
                "handler | runs | first call, median ms | mean ms | p99 or slowest, ms "
                "| second call, mean ms | warm calls | median ms | mean ms | p99 or slowest, ms "
                "| peak of memory, MiB",
                calls,
            ),
            chart("fig-10-11-calls-and-stages", "Stages of both calls"),
            share_note(firsts),
            "Stages in ms, means, which add up. A processor share is kept by halting a process "
            f"for the rest of each period of {period_ms(firsts[0])} ms, so a stage either fits "
            f"into what is left of a period or takes some {_halt_ms(firsts[0]):.0f} ms more: "
            "medians jump between the two.\n",
            table("stage | first, baseline | first, ours | second, baseline | second, ours", rows),
        ]
    )


def _halt_ms(record: Record) -> float:
    return period_ms(record) * (1 - limits_of(record.conditions["memory_mb"]).vcpus)


def flow_section(results: RecordSet, chart: Chart) -> str:
    """Return the section on the whole flow, from upload to answer."""
    totals = results.select("flow_ms")
    if not totals:
        return ""
    header = "stage | " + " | ".join(
        f"{each.conditions['call']}, {each.conditions['temperature']}" for each in totals
    )
    rows: list[tuple[object, ...]] = []
    for stage in flow.STAGES:
        cells: list[object] = [stage]
        for each in totals:
            record = results.get(
                "flow_stage_mean_ms",
                call=each.conditions["call"],
                temperature=each.conditions["temperature"],
                stage=stage,
            )
            cells.append(figure(record, "{:,.1f}".format) if record else "")
        rows.append(tuple(cells))
    means = [results.require("flow_mean_ms", **each.conditions) for each in totals]
    rows.append(("total, mean", *(figure(mean, whole) for mean in means)))
    rows.append(("total, median", *(figure(each, whole) for each in totals)))
    rows.append(("total, p99 or slowest", *map(tail, totals)))
    rows.append(("runs", *(each.samples for each in totals)))
    return "\n".join(
        [
            "## Fig. 11: the whole flow\n",
            "Measured over HTTP with a photo of 2 megapixels and the shipped model, means in ms. "
            "`init` includes loading the model. `function` is the rest of the function's time. "
            "`api` is the rest of the call: API, dispatch, the response, and on a cold call the "
            "start of the process.\n",
            commands(totals),
            share_note(totals),
            chart("fig-11-whole-flow", "Stages of the whole flow"),
            table(header, rows),
            *_with_the_papers_handler(results),
        ]
    )


def _with_the_papers_handler(results: RecordSet) -> Iterator[str]:
    """Return the flow's duration with the paper's handler, all other stages as measured."""
    rows = []
    for call, temperature in (("first", "cold"), ("second", "warm")):
        handler = results.get(f"{call}_mean_ms", "baseline")
        around = [
            results.get("flow_stage_mean_ms", call=call, temperature=temperature, stage=stage)
            for stage in ("sign", "upload", "api")
        ]
        if handler is None or None in around:
            return
        # The cold `api` has the start of a process in it, and so has the handler's first call.
        twice = results.get("stage_mean_ms", "ours", call=call, stage="interpreter")
        around_ms = sum(each.value for each in around if each is not None)
        around_ms -= twice.value if twice is not None else 0.0
        parts_ms = (around_ms, handler.value, around_ms + handler.value)
        rows.append((f"{call}, {temperature}", *map(ms_text, parts_ms)))
    yield (
        "The same with the paper's kind of handler, computed: signing, upload and API as above, "
        "the API without *interpreter* of ours, since the first call has the start of a process, "
        "too; its calls as in Fig. 10, at 224 px, means in ms:\n"
    )
    yield table("call | sign, upload and API | handler | total", rows)
