"""Markdown tables of cold starts, warm calls, cost and memory."""

from collections.abc import Sequence

from lab.bench.speed.cold import MEGAPIXELS
from lab.bench.speed.comparison import BASELINES, OURS, PLAIN_ONNX, PYTORCH
from lab.bench.speed.goals import judged
from lab.bench.speed.versions import SHIPPED_PX
from lab.markdown import (
    NOT_KEPT,
    NOT_YET,
    figure_cell,
    measured_by,
    medians,
    percentile_cell,
    ratio_cell,
    slowest_cell,
    table_of_figures,
)
from warmlens.records import Record

_METRICS = ("cold_start_ms", "warm_ms", "cost_usd_per_million", "peak_rss_mb", "installed_mb")

_WAYS = {
    PYTORCH: "its parts over the same connections, received and dropped",
    "one_get": "one GET, received and dropped",
    OURS: "as the classifier does: parts, hashed and written",
}


def tables(records: Sequence[Record]) -> str:
    """Return the tables of cold starts, warm calls, cost, and memory."""
    cold, warm, cost, peak, installed = (
        [record for record in records if record.metric == metric] for metric in _METRICS
    )
    ratios = " | ".join(f"ours to {name}" for name in BASELINES.values())
    parts = [
        "### Goals\n",
        f"{measured_by([*cold, *warm, *cost, *peak, *installed])}; starts and calls of each as in "
        "the tables below. Where a figure has an interval, a goal is reached, or not, if all of it "
        "is on one side of the bound.\n",
        table_of_figures(
            "goal | measured | reached | the same to plain ONNX Runtime",
            ((goal.text, *cells) for goal, *cells in judged(records)),
        ),
        "### From the start of a process to its first answer\n",
        f"{measured_by(cold)}. {medians(cold)}\n",
        table_of_figures(
            "input, px | model from | page cache | memory size, MB | starts of each "
            f"| PyTorch, ms | plain ONNX Runtime, ms | ours, ms | ours, slowest, ms | {ratios} "
            "| of processor times, ours to PyTorch",
            (
                (
                    ours.conditions["input_px"],
                    ours.conditions["model_store"],
                    ours.conditions["page_cache"],
                    ours.conditions["memory_mb"],
                    ours.samples,
                    *_figures(records, ours, ",.0f"),
                    slowest_cell(ours, ",.0f"),
                    *_ratios(ours),
                    ratio_cell(_same(records, ours, "cold_start_cpu_s"), PYTORCH, inverse=True),
                )
                for ours in _ours(cold)
            ),
        ),
        "### A warm call\n",
        f"{measured_by(warm)}. {medians(warm)} A ratio is that of means where one of both has two "
        "peaks, as a share of a processor makes them.\n",
        table_of_figures(
            "input, px | photo, megapixels | memory size, MB | calls of each | PyTorch, ms "
            "| plain ONNX Runtime, ms | ours, ms | ours, mean, ms | ours, p95, ms | ours, p99, ms "
            f"| ours, slowest, ms | {ratios}",
            (
                (
                    ours.conditions["input_px"],
                    f"{ours.conditions['megapixels']:g}",
                    ours.conditions["memory_mb"],
                    ours.samples,
                    *_figures(records, ours, ",.1f"),
                    _mean(ours),
                    percentile_cell(ours, 95, ".1f"),
                    percentile_cell(ours, 99, ".1f"),
                    slowest_cell(ours, ".1f"),
                    *_ratios(ours),
                )
                for ours in _ours(warm)
            ),
        ),
        "### A million calls, in USD\n",
        f"{measured_by(cost)}, at the prices of {_prices(cost)}. From the mean of the warm calls, "
        f"{_counts(warm)} of each handler.\n",
        table_of_figures(
            "input, px | photo, megapixels | memory size, MB | PyTorch | plain ONNX Runtime | ours "
            f"| {ratios}",
            (
                (
                    ours.conditions["input_px"],
                    f"{ours.conditions['megapixels']:g}",
                    ours.conditions["memory_mb"],
                    *_figures(records, ours, ".2f"),
                    *_ratios(ours),
                )
                for ours in _ours(cost)
            ),
        ),
        "### Memory and disk\n",
        f"{measured_by([*peak, *installed])}. {medians(peak)}\n",
        table_of_figures(
            f"what | instances of each | PyTorch | plain ONNX Runtime | ours | {ratios}",
            (
                (_memory_name(ours), ours.samples, *_figures(records, ours, ",.0f"), *_ratios(ours))
                for ours in _ours([*peak, *installed])
            ),
        ),
    ]
    fetches = [record for record in records if record.metric == "fetch_ms"]
    if fetches:
        parts += [
            "### The model's largest file from S3\n",
            f"{measured_by(fetches)}. {medians(fetches)}\n",
            table_of_figures(
                "way | fetches | ms | slowest, ms | ratio to the first",
                (
                    (
                        _WAYS[fetch.name],
                        fetch.samples,
                        figure_cell(fetch.value, fetch.interval, ".0f"),
                        slowest_cell(fetch, ".0f"),
                        ratio_cell(fetch),
                    )
                    for fetch in fetches
                ),
            ),
        ]
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
    rows = (
        (
            size_mb,
            store,
            start.samples,
            figure_cell(start.value, start.interval, ".0f"),
            slowest_cell(start, ",.0f"),
            call.samples,
            figure_cell(call.value, call.interval, ".1f"),
            _mean(call),
            percentile_cell(call, 95, ".1f"),
            percentile_cell(call, 99, ".1f"),
        )
        for (size_mb, store), start in sorted(cold.items())
        for call in (warm[size_mb, None],)
    )
    header = (
        "memory size, MB | model from | starts | cold, ms | cold, slowest, ms | calls "
        "| warm, ms | warm, mean, ms | warm, p95, ms | warm, p99, ms"
    )
    shown = [*cold.values(), *warm.values()]
    lead = f"{measured_by(shown)}. {medians(shown)}\n"
    return "\n".join([lead, table_of_figures(header, rows)])


def _ours(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.name == OURS]


def _figures(records: Sequence[Record], ours: Record, form: str) -> list[str]:
    """Return the figures of both baselines and of the classifier in the same case."""
    same = {
        each.name: each
        for each in records
        if (each.metric, each.conditions) == (ours.metric, ours.conditions)
    }
    return [
        figure_cell(same[name].value, same[name].interval, form) + _unit(ours)
        if name in same
        else NOT_YET
        for name in (PYTORCH, PLAIN_ONNX, OURS)
    ]


def _unit(record: Record) -> str:
    return f" {record.unit}" if record.unit in ("MB", "MiB") else ""


def _ratios(ours: Record) -> list[str]:
    """Return the ratios to both baselines.

    Before December 2026, records had no means. Below one vCPU, where the share of a processor makes
    two peaks, the ratio of medians is then none to give.
    """
    if ours.ratios is None and ours.metric == "warm_ms" and ours.conditions["vcpu"] < 1:
        return [NOT_KEPT, NOT_YET]
    return [
        NOT_YET
        if base != ours.ratio_to and base not in (ours.ratios or {})
        else ratio_cell(ours, base, inverse=True)
        for base in BASELINES
    ]


def _mean(record: Record) -> str:
    if record.mean is None:
        return NOT_KEPT
    return figure_cell(record.mean, record.mean_interval, ".1f")


def _prices(records: Sequence[Record]) -> str:
    return ", ".join(sorted({record.conditions["prices"] for record in records}))


def _counts(records: Sequence[Record]) -> str:
    counts = sorted({each.samples or 0 for each in records})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


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
