"""The section on memory sizes: Fig. 13."""

from collections.abc import Iterator, Sequence

from lab.experiments import memory
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.text import Chart, commands, ms_text, share_note
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
        paper = results.get("cost_usd_per_million", each.name, prices="paper", **about)
        rows.append(
            (
                each.name,
                f"{each.conditions['memory_mb']:,}",
                f"{each.conditions['vcpu']:.2f}",
                f"{results.value('first_ms', each.name, **about):,.0f}",
                ms_text(each.value),
                ms_text(results.value("warm_mean_ms", each.name, **about)),
                ms_text(each.p95),
                f"{results.value('cost_usd_per_million', each.name, prices='today', **about):.2f}",
                f"{paper.value:.2f}" if paper else "",
            )
        )
    chosen = [
        (
            each.name,
            f"{each.value:,.0f}",
            f"{results.value('balanced_memory_mb', each.name):,.0f}",
        )
        for each in results.select("cheapest_memory_mb")
    ]
    return "\n".join(
        [
            "## Fig. 13: memory sizes\n",
            "One instance with the processor share of its size, a photo of 2 megapixels, 224 "
            f"px; {_order(warm)}; cost per million warm calls. 10,240 MB bring 5.8 "
            "processors and are measured only "
            "where there are as many.\n",
            commands(warm),
            share_note(warm),
            chart("fig-13-memory", "Time and cost against memory size"),
            table(
                "handler | MB | processors | first call, one run, ms | warm, p50 ms | mean ms "
                "| p95 ms "
                "| USD per million, today | at the paper's prices",
                rows,
            ),
            "The cheapest size, and the one with the smallest product of mean time and cost:\n",
            table("handler | cheapest, MB | recommended, MB", chosen),
            *_memory_over_api(results),
            *_killed(results),
        ]
    )


def _order(records: Sequence[Record]) -> str:
    if any("calls" in record.conditions for record in records):
        return (
            "sizes were measured one after another, so that other work on the machine may decide "
            "between two of them (since then they take turns)"
        )
    return "sizes and handlers take turns of five calls"


def _memory_over_api(results: RecordSet) -> Iterator[str]:
    records = results.select("response_ms", part=memory.API)
    if not records:
        return
    clients = list(dict.fromkeys(each.conditions["clients"] for each in records))
    sizes = list(dict.fromkeys(each.conditions["memory_mb"] for each in records))
    yield share_note(records)
    yield (
        "Over the API, ours at 128 px, five instances warm before the first repetition: response "
        "times in ms, p50 / p95, and the share of cold calls. All instances share two processors.\n"
    )
    rows = []
    for size in sizes:
        cells: list[object] = [f"{size:,}"]
        for count in clients:
            about = {"part": memory.API, "memory_mb": size, "clients": count}
            record = results.get("response_ms", "ours", **about)
            cells.append(
                f"{ms_text(record.value)} / {ms_text(record.p95)}, "
                f"{results.value('cold_share', 'ours', **about):.0%}"
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
    yield table(
        "handler | MB | outcome",
        (
            (
                each.name,
                f"{each.conditions['memory_mb']:,}",
                "killed"
                if each.value
                else "answers, peak "
                f"{results.value('peak_rss_mb', each.name, **each.conditions):.0f} MiB",
            )
            for each in records
        ),
    )
