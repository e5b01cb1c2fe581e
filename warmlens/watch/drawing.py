"""The picture of a reading: lines of text, with bars where the terminal can show them."""

import math
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from warmlens.console import printable
from warmlens.watch.reading import Reading, Warmth

_HEIGHTS = "▁▂▃▄▅▆▇█"
_BAR_CELLS = 10
_STATES = {
    "busy": ("busy", "blue"),
    "held": ("held by a wakeup", "yellow"),
    "idle": ("idle", "green"),
    "init": ("starting", "dim"),
}
Line = tuple[str, Text]


def picture(
    reading: Reading, *, every_s: int | None = None, bars: bool = True, problem: str = ""
) -> RenderableType:
    """Return the picture for a terminal of any width.

    Args:
        reading: the reading.
        every_s: time between readings in seconds; None if there is only one.
        bars: whether the terminal has block characters.
        problem: the reason why there is no newer reading; empty if this is the newest.
    """
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for name, text in lines(reading, every_s=every_s, bars=bars):
        grid.add_row(name, text)
    if not problem:
        return grid
    below = Table.grid()
    below.add_column(overflow="fold", style="red")
    below.add_row(Text(printable(problem)))
    return Group(grid, below)


def lines(reading: Reading, *, every_s: int | None = None, bars: bool = False) -> list[Line]:
    """Return the lines of a picture, each with its name.

    Args:
        reading: the reading.
        every_s: time between readings in seconds; None if there is only one.
        bars: with bars of block characters.
    """
    found = [
        ("Environment", Text(printable(f"{reading.env_name}, {reading.place}"))),
        ("As of", _as_of(reading)),
        ("Instances", _instances(reading, bars=bars)),
        ("Warm", _warm(reading, bars=bars)),
        ("Cold starts", _cold_starts(reading)),
        ("Calls", _calls(reading, bars=bars)),
        ("Refused", _counted(reading.calls.refused, "by the concurrency limit, with 429")),
        ("Failed", _counted(reading.calls.failed, "crashed, timed out or answered with a 5xx")),
        *_cost(reading),
    ]
    if every_s is not None:
        found.append(("Next", Text(_watching(reading, every_s))))
    elif reading.metrics:
        price = "" if reading.metrics_usd is None else f", ${reading.metrics_usd:.5f}"
        found.append(("Asked for", Text(f"{reading.metrics} metrics{price}")))
    return found


def _as_of(reading: Reading) -> Text:
    said = _clock(reading.read_at, seconds=True)
    if reading.instances is not None:
        return Text(said)
    if reading.newest is None:
        text = Text(f"{said}; ").append("CloudWatch has no values yet", "yellow")
        return text.append(": nothing was called in the last hours, or only in the last minutes")
    return Text(f"{said}; newest values of {_clock(reading.newest)}; values come minutes late")


def _instances(reading: Reading, *, bars: bool) -> Text:
    if reading.instances is None:
        at_work = reading.at_work or 0
        return Text(f"at most {at_work} at work at once in {reading.calls.window_min} minutes")
    text = Text()
    if bars and any(reading.instances.values()):
        for state, (_, style) in _STATES.items():
            text.append("■" * reading.instances.get(state, 0), style)
        text.append(" ")
    said = ", ".join(
        f"{reading.instances[state]} {word}"
        for state, (word, _) in _STATES.items()
        if reading.instances.get(state)
    )
    return text.append(f"{sum(reading.instances.values())}{f': {said}' if said else ''}")


def _warm(reading: Reading, *, bars: bool) -> Text:
    warmth = reading.warmth
    if warmth is None:
        if reading.cold_starts.by_rounds is None:
            return Text("no warming rounds: the setting warming is not 'ping'")
        return Text("no warming round in the last hours")
    text = Text()
    if bars and warmth.asked:
        cells = round(min(1, warmth.reached / warmth.asked) * _BAR_CELLS)
        text.append("█" * cells, "green").append("░" * (_BAR_CELLS - cells), "dim").append(" ")
    short = warmth.asked is not None and warmth.reached < warmth.asked
    return text.append(_reached(warmth), "yellow" if short else "")


def _reached(warmth: Warmth) -> str:
    of = "" if warmth.asked is None else f" of {warmth.asked} asked for"
    if warmth.at is None:
        return f"{warmth.reached}{of} now"
    return f"{warmth.reached}{of or ' reached'}, by the round at {_clock(warmth.at)}"


def _cold_starts(reading: Reading) -> Text:
    cold = reading.cold_starts
    share = f" ({cold.met / cold.photos:.1%} of {cold.photos:,})" if cold.photos else ""
    absorbed = f"{cold.ahead:,} absorbed by wakeups"
    if cold.by_rounds is not None:
        absorbed = f"{cold.ahead + cold.by_rounds:,} absorbed ({cold.ahead:,} by wakeups ahead, "
        absorbed += f"{cold.by_rounds:,} by rounds)"
    text = Text().append(f"{cold.met:,} met by photos{share}", "yellow" if cold.met else "")
    return text.append(f", {absorbed}; {_since(reading)}")


def _calls(reading: Reading, *, bars: bool) -> Text:
    calls = reading.calls
    text = Text()
    if bars and calls.photos:
        most = max(calls.per_minute) or 1
        heights = (math.ceil(count / most * (len(_HEIGHTS) - 1)) for count in calls.per_minute)
        text.append("".join(_HEIGHTS[height] for height in heights), "blue").append(" ")
    minutes = f"{calls.window_min} minutes" if calls.window_min > 1 else "the last minute"
    least = "at least " if calls.may_be_more else ""
    text.append(f"{least}{calls.photos:,} photo{'s' * (calls.photos != 1)} in {minutes}")
    if calls.mean_ms is not None:
        text.append(f"; {calls.mean_ms:.0f} ms in the function on average, without init")
    if calls.slowest_ms is not None:
        text.append(f", the slowest {calls.slowest_ms:.0f} ms")
    return text


def _counted(count: int, what: str) -> Text:
    return Text(f"{count:,} {what}", "red") if count else Text("0")


def _cost(reading: Reading) -> list[Line]:
    cost = reading.cost
    if cost is None:
        return [("Cost", Text(printable(reading.no_cost)))]
    parts = ", ".join(f"{name} ${usd:.4f}" for name, usd in cost.parts.items())
    return [
        ("Cost", Text(f"${cost.usd:.4f} {_since(reading)}: {parts}")),
        ("  counted", Text(cost.included, "dim")),
        ("  left out", Text(cost.left_out, "dim")),
    ]


def _watching(reading: Reading, every_s: int) -> str:
    said = f"in {every_s} s; Ctrl-C ends"
    if not reading.metrics:
        return said
    asked = f"{reading.metrics} metrics are asked for each time"
    if reading.metrics_usd is None:
        return f"{said}; {asked}, at a price that is not known here"
    return f"{said}; {asked}: ${reading.metrics_usd * 3600 / every_s:.3f} an hour"


def _since(reading: Reading) -> str:
    day = f"{reading.since:%Y-%m-%d} " if reading.since.date() != reading.read_at.date() else ""
    return f"since {day}{_clock(reading.since)}"


def _clock(at: datetime, *, seconds: bool = False) -> str:
    return at.strftime("%H:%M:%S %Z" if seconds else "%H:%M %Z")
