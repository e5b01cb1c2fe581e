"""The section on memory sizes: Fig. 13."""

from collections.abc import Iterator

from lab.bench.speed.versions import PAPER_PX
from lab.experiments import memory
from lab.experiments.memory_sizes import BALANCED, CHEAPEST, PAPERS, TODAY
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.text import Chart, commands, figure, ms_text, p95, share_note
from lab.markdown import table
from warmlens.records import Record


def memory_section(results: RecordSet, chart: Chart) -> str:
    """Return the section on Fig. 13: time and cost by memory size."""
    warm = results.select("warm_ms", part=memory.SPEED)
    if not warm:
        return ""
    rows = []
    for each in warm:
        about = {"memory_mb": each.conditions["memory_mb"], "part": memory.SPEED}
        paper = results.get("cost_usd_per_million", each.name, prices=PAPERS, **about)
        today = results.require("cost_usd_per_million", each.name, prices=TODAY, **about)
        rows.append(
            (
                each.name,
                f"{each.conditions['memory_mb']:,}",
                f"{each.conditions['vcpu']:.2f}",
                _first(results, each),
                each.samples,
                figure(each),
                figure(results.require("warm_mean_ms", each.name, **about)),
                p95(each),
                figure(today, _usd),
                figure(paper, _usd) if paper else "",
            )
        )
    chosen = [
        (each.name, *_best(each), *_best(results.require(BALANCED, each.name)))
        for each in results.select(CHEAPEST)
    ]
    return "\n".join(
        [
            "## Fig. 13: memory sizes\n",
            "One instance with the processor share of its size, a photo of 2 megapixels, 224 "
            f"px; sizes and handlers take turns of {warm[0].conditions['turn']} calls; "
            "cost per million warm calls. 10,240 MB bring 5.8 processors and "
            "are measured only where there are as many.\n",
            commands(warm),
            share_note(warm),
            chart("fig-13-memory", "Time and cost against memory size"),
            table(
                "handler | MB | processors | first call, ms | warm calls | median ms | mean ms "
                "| p95 ms | USD per million, today | at the paper's prices",
                rows,
            ),
            "The cheapest size, and the one with the smallest product of mean time and cost, which "
            "is recommended; with each the sizes of which these calls do not show that they are "
            "worse:\n",
            table("handler | cheapest, MB | or, MB | smallest time x cost, MB | or, MB", chosen),
            *_memory_over_api(results),
            *_killed(results),
        ]
    )


def _first(results: RecordSet, warm: Record) -> str:
    """Return the time of first calls: the median of cold starts, or the one before warm calls."""
    memory_mb = warm.conditions["memory_mb"]
    cold = results.get("first_ms", warm.name, memory_mb=memory_mb, part=memory.COLD)
    cold = cold or results.get("first_ms", warm.name, memory_mb=memory_mb, input_px=PAPER_PX)
    if cold is not None:
        return f"{figure(cold)}, {cold.samples} starts"
    one = results.require("first_ms", warm.name, memory_mb=memory_mb, part=memory.SPEED)
    return f"{ms_text(one.value)}, one start"


def _best(record: Record) -> tuple[str, str]:
    also = ", ".join(f"{size:,}" for size in record.conditions["or"])
    return f"{record.value:,.0f}", also or "none"


def _usd(value: float) -> str:
    return f"{value:.2f}"


def _memory_over_api(results: RecordSet) -> Iterator[str]:
    records = results.select("response_ms", part=memory.API)
    if not records:
        return
    clients = list(dict.fromkeys(each.conditions["clients"] for each in records))
    sizes = list(dict.fromkeys(each.conditions["memory_mb"] for each in records))
    yield share_note(records)
    yield (
        "Over the API, ours at 128 px, five instances warm before the first repetition: response "
        "times in ms, medians, and the share of cold calls. All instances share two processors.\n"
    )
    yield commands(records)
    rows = []
    for size in sizes:
        cells: list[object] = [f"{size:,}"]
        for count in clients:
            about = {"part": memory.API, "memory_mb": size, "clients": count}
            record = results.get("response_ms", "ours", **about)
            cells.append(
                f"{figure(record)}, {results.value('cold_share', 'ours', **about):.0%}"
                if record
                else ""
            )
        rows.append(tuple(cells))
    yield table("MB | " + " | ".join(f"{count} at once" for count in clients), rows)


def _killed(results: RecordSet) -> Iterator[str]:
    records = results.select("killed")
    if not records:
        return
    yield (
        "Out of memory: the memory size enforced (with a whole processor, 224 px, 2 megapixels). "
        "The peak counts files that are mapped, too, which the kernel may drop instead of killing. "
        "On Lambda such a call is answered with `Runtime.ExitError`, `signal: killed`, 502 at the "
        "API, and each retry meets a new cold start.\n"
    )
    yield commands(records)
    yield table(
        "handler | MB | runs | outcome",
        (
            (
                each.name,
                f"{each.conditions['memory_mb']:,}",
                each.conditions["runs"],
                f"killed{'' if each.value == 1 else f' in {each.value:.0%}'}"
                if each.value
                else "answers, peak "
                f"{results.value('peak_rss_mb', each.name, **each.conditions):.0f} MiB",
            )
            for each in records
        ),
    )
