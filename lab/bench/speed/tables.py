"""Markdown tables of cold starts, warm calls, cost and memory."""

from collections.abc import Iterable, Iterator, Sequence

from lab.bench.speed.cold import MEGAPIXELS
from lab.bench.speed.goals import judged
from lab.bench.speed.versions import SHIPPED_PX
from lab.markdown import table
from warmlens.records import Record

_METRICS = ("cold_start_ms", "warm_ms", "cost_usd_per_million", "peak_rss_mb", "installed_mb")


_WAYS = {
    "baseline": "its parts over the same connections, received and dropped",
    "one_get": "one GET, received and dropped",
    "ours": "as the classifier does: parts, hashed and written",
}


def tables(records: Sequence[Record]) -> str:
    """Return the tables of cold starts, warm calls, cost, and memory."""
    cold, warm, cost, peak, installed = (
        [record for record in records if record.metric == metric] for metric in _METRICS
    )
    where = sorted({f"{record.machine}, {record.date}" for record in records if record.machine})
    parts = [f"Measured on: {'; '.join(where)}.\n"]
    parts.append("### Goals\n")
    parts += _rows("goal | measured | reached", judged(records))
    parts.append("### From the start of a process to its first answer\n")
    parts += _rows(
        "input, px | model from | page cache | memory size, MB | starts of each "
        "| baseline, ms | ours, ms | ours, p99 ms | ratio of times | ratio of processor times",
        (
            (
                ours.conditions["input_px"],
                ours.conditions["model_store"],
                ours.conditions["page_cache"],
                ours.conditions["memory_mb"],
                ours.samples,
                f"{baseline.value:,.0f}",
                f"{ours.value:.0f}",
                f"{ours.p99:.0f}",
                _share(ours),
                _share(_same(records, ours, "cold_start_cpu_s")),
            )
            for baseline, ours in _pairs(cold)
        ),
    )
    parts.append("### A warm call\n")
    parts += _rows(
        "input, px | photo, megapixels | memory size, MB | calls of each | baseline, p50 ms "
        "| ours, p50 ms | ours, p95 ms | ours, p99 ms | ratio",
        (
            (
                ours.conditions["input_px"],
                f"{ours.conditions['megapixels']:g}",
                ours.conditions["memory_mb"],
                ours.samples,
                f"{baseline.value:.0f}",
                f"{ours.value:.1f}",
                f"{ours.p95:.1f}",
                f"{ours.p99:.1f}",
                _share(ours),
            )
            for baseline, ours in _pairs(warm)
        ),
    )
    parts.append("### A million calls, in USD\n")
    parts += _rows(
        "input, px | photo, megapixels | memory size, MB | baseline | ours "
        "| ours as a share of the paper's 6.45",
        (
            (
                ours.conditions["input_px"],
                f"{ours.conditions['megapixels']:g}",
                ours.conditions["memory_mb"],
                f"{baseline.value:.2f}",
                f"{ours.value:.2f}",
                _share(ours),
            )
            for baseline, ours in _pairs(cost)
        ),
    )
    parts.append("### Memory and disk\n")
    parts += _rows(
        "what | baseline | ours | ratio",
        (
            (
                _memory_name(ours),
                f"{baseline.value:.0f} {baseline.unit}",
                f"{ours.value:.0f} {ours.unit}",
                _share(ours),
            )
            for baseline, ours in _pairs([*peak, *installed])
        ),
    )
    fetches = [record for record in records if record.metric == "fetch_ms"]
    if fetches:
        parts.append("### The model's largest file from S3\n")
        parts += _rows(
            "way | fetches | p50, ms | p99, ms | ratio",
            (
                (
                    _WAYS[fetch.name],
                    fetch.samples,
                    f"{fetch.value:.0f}",
                    f"{fetch.p99:.0f}",
                    f"{fetch.ratio:.2f}",
                )
                for fetch in fetches
            ),
        )
    return "\n".join(parts)


def table_alone(records: Sequence[Record]) -> str:
    """Return the table of times of the classifier alone, at its own input size."""
    cold, warm = (
        {
            (each.conditions["memory_mb"], each.conditions.get("model_store")): each
            for each in records
            if each.metric == metric
            and each.conditions["input_px"] == SHIPPED_PX
            and each.conditions.get("megapixels", MEGAPIXELS) == MEGAPIXELS
        }
        for metric in ("cold_start_ms", "warm_ms")
    )
    where = sorted({f"{each.machine}, {each.date}" for each in (*cold.values(), *warm.values())})
    rows = (
        (
            size_mb,
            store,
            start.samples,
            f"{start.value:.0f}",
            f"{start.p99:.0f}",
            call.samples,
            f"{call.value:.1f}",
            f"{call.p95:.1f}",
            f"{call.p99:.1f}",
        )
        for (size_mb, store), start in sorted(cold.items())
        for call in (warm[size_mb, None],)
    )
    header = (
        "memory size, MB | model from | starts | cold, p50 ms | cold, p99 ms | calls "
        "| warm, p50 ms | warm, p95 ms | warm, p99 ms"
    )
    return "\n".join([f"Measured on: {'; '.join(where)}.\n", *_rows(header, rows)])


def _rows(header: str, rows: Iterable[tuple[object, ...]]) -> list[str]:
    return [table(header, rows, align="---:")]


def _pairs(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    for ours in records:
        if ours.name == "ours":
            (baseline,) = (
                each
                for each in records
                if each.name == "baseline"
                and (each.metric, each.conditions) == (ours.metric, ours.conditions)
            )
            yield baseline, ours


def _same(records: Sequence[Record], like: Record, metric: str) -> Record:
    (found,) = (
        each
        for each in records
        if (each.metric, each.name, each.conditions) == (metric, like.name, like.conditions)
    )
    return found


def _memory_name(record: Record) -> str:
    if record.metric == "installed_mb":
        return "installed packages"
    conditions = record.conditions
    return (
        f"peak of resident memory, input {conditions['input_px']} px, "
        f"photos up to {conditions['megapixels_up_to']:g} megapixels"
    )


def _share(record: Record) -> str:
    assert record.ratio is not None  # None only where the baseline is zero
    return f"1/{1 / record.ratio:.1f}"
