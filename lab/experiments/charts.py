"""Charts of the experiments' report, drawn from records."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lab.bench.speed.cold import STAGES
from lab.experiments import concurrency, flow, memory
from lab.experiments.prices import PAPER
from lab.experiments.record_query import RecordSet
from lab.figures import write_figure


def write_charts(results: RecordSet, folder: Path) -> list[str]:
    """Draw each chart that has records.

    Args:
        results: the records.
        folder: folder for an SVG and a PNG file of each chart.

    Returns:
        Names of the charts, without their extensions.

    Raises:
        WarmlensError: ``package_missing``: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, draw in _CHARTS.items():
        if results.select(_NEEDED[name]):
            files = (folder / f"{name}.svg", folder / f"{name}.png")
            write_figure(partial(draw, results), *files)
            drawn.append(name)
    return drawn


def charts_in(folder: Path) -> list[str]:
    """Return the names of the charts that were drawn into a folder before."""
    return [name for name in _CHARTS if (folder / f"{name}.png").exists()]


def _cost(results: RecordSet, figure: Any) -> None:
    usd = {
        name: sorted(
            (each.conditions["requests_a_day"], each.value)
            for each in results.select("fig_8_usd_per_day", name)
        )
        for name in ("Lambda, paper's prices", "one EC2 server of the paper")
    }
    axes = figure.subplots()
    for name, points in usd.items():
        axes.loglog(*zip(*points, strict=True), "o-", label=name)
    ours = results.get("usd_per_million", "ours", api="none", architecture="x86_64")
    if ours is not None:
        requests = [point[0] for point in usd["Lambda, paper's prices"]]
        axes.loglog(
            requests, [each * ours.value / 1e6 for each in requests], "o-", label="ours, today"
        )
    axes.axvline(PAPER["requests_a_day_where_costs_are_equal"], color="grey", linestyle=":")
    axes.text(1.05e6, 0.01, "equal, says\nthe paper", color="grey")
    axes.set(xlabel="requests a day", ylabel="USD a day", title="Fig. 8: cost of a day (computed)")
    axes.legend()


def _connections(results: RecordSet, figure: Any) -> None:
    axes = figure.subplots()
    names = dict.fromkeys(each.name for each in results.select("fig_9_usd_per_day"))
    for name in names:
        points = [
            (each.conditions["connections"], each.value)
            for each in results.select("fig_9_usd_per_day", name)
        ]
        axes.loglog(*zip(*points, strict=True), "o-", label=name)
    axes.set(
        xlabel="connections at once",
        ylabel="USD a day",
        title="Fig. 9: cost of 10,000 requests a day against connections (computed)",
    )
    axes.legend()


def _calls(results: RecordSet, figure: Any) -> None:
    panels = figure.subplots(2, 2)
    for row, call in enumerate(("first", "second")):
        for column, name in enumerate(("baseline", "ours")):
            axes = panels[row][column]
            left = 0.0
            for number, stage in enumerate(STAGES):
                record = results.get("stage_mean_ms", name, call=call, stage=stage)
                if record is not None and record.value >= 0.1:
                    axes.barh(
                        [0], [record.value], left=[left], label=stage, color=f"C{number % 10}"
                    )
                    left += record.value
            axes.set(title=f"{name}, {call} call", xlabel="ms", yticks=[])
            axes.legend(fontsize=6, ncols=4, loc="upper center")
            axes.set_ylim(-0.5, 1.1)
    figure.suptitle("Fig. 10 and 11: stages at 768 MB, means, each panel with its own scale")


def _flow(results: RecordSet, figure: Any) -> None:
    axes = figure.subplots()
    rows = (("first", "cold"), ("second", "warm"))
    lefts = [0.0, 0.0]
    for stage in flow.STAGES:
        values = []
        for call, temperature in rows:
            record = results.get(
                "flow_stage_mean_ms", call=call, temperature=temperature, stage=stage
            )
            values.append(max(0.0, record.value) if record else 0.0)
        axes.barh([0, 1], values, left=lefts, label=stage)
        lefts = [left + value for left, value in zip(lefts, values, strict=True)]
    axes.set(
        yticks=[0, 1],
        yticklabels=["first, cold", "second, warm"],
        xlabel="ms",
        title="Fig. 11: the whole flow, ours, means (measured)",
    )
    axes.legend(ncols=2)


def _clients(results: RecordSet, figure: Any) -> None:
    axes = figure.subplots()
    for name in (concurrency.FAKE_LAMBDA, concurrency.DIRECT, concurrency.REAL):
        for arrivals in ("closed", "open"):
            records = results.select("response_ms", name, arrivals=arrivals, case=concurrency.PLAIN)
            if records:
                clients = [each.conditions["clients"] for each in records]
                label = f"{name}, {arrivals}"
                (line,) = axes.loglog(clients, [each.value for each in records], ".-", label=label)
                axes.fill_between(
                    clients,
                    [each.value for each in records],
                    [each.p95 or each.value for each in records],
                    color=line.get_color(),
                    alpha=0.15,
                )
    axes.set(
        xlabel="calls at once (closed), or within a second (open)",
        ylabel="ms, median to p95",
        title="Fig. 12: response times (measured)",
    )
    axes.legend()


def _sizes(results: RecordSet, figure: Any) -> None:
    axes = figure.subplots()
    costs = axes.twinx()
    lines: list[Any] = []
    for name, color in (("baseline", "tab:red"), ("ours", "tab:blue")):
        times = results.select("warm_mean_ms", name, part=memory.SPEED)
        usd = results.select("cost_usd_per_million", name, part=memory.SPEED, prices="today")
        if times:
            sizes = [each.conditions["memory_mb"] for each in times]
            (line,) = axes.loglog(
                sizes, [each.value for each in times], "o-", color=color, label=f"{name}, time"
            )
            (dots,) = costs.semilogx(
                [each.conditions["memory_mb"] for each in usd],
                [each.value for each in usd],
                "s:",
                color=color,
                label=f"{name}, cost",
            )
            lines += [line, dots]
    ticks = (128, 256, 448, 768, 1536, 3008)
    axes.set(
        xlabel="memory size, MB",
        ylabel="warm call, mean ms (line)",
        title="Fig. 13: time (measured) and cost at today's prices (computed)",
    )
    axes.set_xticks(ticks, [str(size) for size in ticks])
    times_ms = (20, 50, 100, 200, 500, 1000)
    axes.set_yticks(times_ms, [str(time_ms) for time_ms in times_ms])
    axes.minorticks_off()
    costs.set_ylabel("USD per million (dotted)")
    costs.set_ylim(bottom=0)
    axes.legend(handles=lines, loc="center left")


def _kept(results: RecordSet, figure: Any) -> None:
    axes = figure.subplots()
    for instances in (1, PAPER["instances_kept"]):
        records = results.select("still_there_share", instances=instances)
        axes.plot(
            [each.conditions["wait_min"] for each in records],
            [100 * each.value for each in records],
            "o-",
            label=f"of {instances}",
        )
    axes.set(
        xlabel="minutes without a call",
        ylabel="% still there",
        title="Idle expiry, as the probe finds it (measured)",
    )
    axes.legend()


_CHARTS: dict[str, Callable[[RecordSet, Any], None]] = {
    "fig-08-cost-of-a-day": _cost,
    "fig-09-cost-against-connections": _connections,
    "fig-10-11-calls-and-stages": _calls,
    "fig-11-whole-flow": _flow,
    "fig-12-concurrency": _clients,
    "fig-13-memory": _sizes,
    "idle-expiry": _kept,
}
_NEEDED = {
    "fig-08-cost-of-a-day": "fig_8_usd_per_day",
    "fig-09-cost-against-connections": "fig_9_usd_per_day",
    "fig-10-11-calls-and-stages": "stage_mean_ms",
    "fig-11-whole-flow": "flow_stage_mean_ms",
    "fig-12-concurrency": "calls_per_s",
    "fig-13-memory": "warm_ms",
    "idle-expiry": "still_there_share",
}
