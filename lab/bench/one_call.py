"""Benchmark of a photo in the call beside an uploaded one: wait and time in the function."""

import re
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab import markdown
from lab.bench.first_visitor.cloud import VisitedCloud, visited_cloud
from lab.bench.first_visitor.link import PhoneLink
from lab.bench.first_visitor.visits import (
    LATER,
    LATER_DIRECT,
    post,
    store,
    upload_of,
    visit,
)
from lab.bench.speed.photos import photo
from lab.load import api_client
from lab.markdown import figure_cell, measured_by, ratio_cell, ratio_interval_of, reached_cell
from lab.statistics import ratio_of, summary
from warmlens.records import Record, machine, today

COMMAND = "python -m lab bench one-call"
UPLOADED, IN_CALL = "uploaded", "in the call"
WAYS = {
    UPLOADED: replace(LATER, preflight=True),
    IN_CALL: LATER_DIRECT,
}
HANDSHAKES = (2, 3)
"""Round trips of a new connection: TCP and TLS 1.3; then with a look-up of the host's name."""
MAX_RATIOS = {"wait_ms": 0.5, "function_ms": 1.0, "duration_ms": 1.0}

_MEGAPIXELS = 2.0  # a JPEG of 300 kB
_DURATION = re.compile(r"REPORT .*?\tDuration: ([\d.]+) ms")

Samples = dict[str, dict[str, list[float]]]  # by metric and way


async def measure_one_call(visits: int, calls: int) -> AsyncIterator[Record]:
    """Send the same photo in both ways, in turns, with everything warm.

    First as a visitor of the page over a phone's link, then directly, for the time in the function.

    Args:
        visits: visits in each way, for each number of handshakes.
        calls: calls in each way.

    Raises:
        WarmlensError: the local cloud cannot start, or a call failed.
    """
    picture = photo(_MEGAPIXELS)
    size = {"photo_bytes": len(picture)}
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        cloud = await stack.enter_async_context(visited_cloud(Path(folder)))
        for handshakes in HANDSHAKES:
            link = PhoneLink(handshakes=handshakes)
            conditions = {
                **size,
                "round_trip_ms": link.round_trip_s * 1000,
                "up_mbit_per_s": link.up_mbit_per_s,
                "handshakes": handshakes,
            }
            for record in _records(await _waits(cloud, link, picture, visits), conditions):
                yield record
        for record in _records(await _in_function(cloud, picture, calls), size):
            yield record


async def _waits(cloud: VisitedCloud, link: PhoneLink, picture: bytes, visits: int) -> Samples:
    waits_ms: dict[str, list[float]] = defaultdict(list)
    async with link.to(cloud.url) as api_url, link.to(cloud.storage_url) as storage_url:
        for number in range(visits + 1):
            for way, visitor in WAYS.items():
                one = await visit(
                    cloud, visitor, 2.0, picture, api_url=api_url, storage_url=storage_url
                )
                if number > 0:  # the first starts the instances
                    waits_ms[way].append(one.wait_ms)
    return {"wait_ms": waits_ms}


async def _in_function(cloud: VisitedCloud, picture: bytes, calls: int) -> Samples:
    taken: Samples = {metric: defaultdict(list) for metric in ("function_ms", "duration_ms")}
    url = f"{cloud.url}/classification"
    async with api_client() as client:
        ticket = await post(client, f"{cloud.url}/uploads", upload_of(picture))
        await store(client, ticket, picture, cloud.storage_url)
        by_path = {"method": "classification", "file_path": ticket["file_path"]}
        bodies: dict[str, dict[str, Any] | bytes] = {UPLOADED: by_path, IN_CALL: picture}
        for number in range(calls + 1):
            for way, body in bodies.items():
                await cloud.settle()
                reports = len(cloud.log)
                answer = await post(client, url, body)
                await cloud.settle()
                if number > 0:
                    taken["function_ms"][way].append(answer["time"] * 1000)
                    taken["duration_ms"][way].append(_duration_ms(cloud.log[reports:]))
    return taken


def _duration_ms(lines: Sequence[str]) -> float:
    """Return the duration of a call by Lambda's own line, which includes reading the event."""
    (found,) = _DURATION.findall("\n".join(lines))
    return float(found)


def _records(samples: Samples, conditions: dict[str, Any]) -> list[Record]:
    return [
        _record(metric, way, of_way, conditions)
        for metric, of_way in samples.items()
        for way in WAYS
    ]


def _record(
    metric: str, way: str, of_way: dict[str, list[float]], conditions: dict[str, Any]
) -> Record:
    ratio = ratio_of(of_way[way], of_way[UPLOADED])
    return Record(
        name=way,
        metric=metric,
        unit="ms",
        kind="measured",
        conditions=conditions,
        command=COMMAND,
        machine=machine(),
        date=today(),
        ratio=ratio.value,
        ratio_to=UPLOADED,
        ratios={UPLOADED: ratio.fields},
        **summary(of_way[way]),
    )


_WORDS: dict[str, Callable[[Record], str]] = {
    "wait_ms": lambda record: (
        f"wait from tap to answer, {record.conditions['handshakes']} round trips for a new "
        "connection"
    ),
    "function_ms": lambda record: "in the handler, `time` of the answer",
    "duration_ms": lambda record: "in the function, `Duration` of Lambda's log line",
}


def table(records: Sequence[Record]) -> str:
    """Return both ways as a Markdown table, with machine, date and command."""
    rows = []
    for uploaded, in_call in zip(records[::2], records[1::2], strict=True):
        limit = MAX_RATIOS[in_call.metric]
        assert in_call.ratio is not None
        reached = reached_cell(in_call.ratio, ratio_interval_of(in_call), limit)
        rows.append(
            (
                _WORDS[in_call.metric](in_call),
                in_call.samples,
                figure_cell(uploaded.value, uploaded.interval, ",.1f"),
                figure_cell(in_call.value, in_call.interval, ",.1f"),
                ratio_cell(in_call),
                f"{limit:g}: {reached}",
            )
        )
    sent = records[0].conditions
    link_ms = sent["photo_bytes"] * 8 / (sent["up_mbit_per_s"] * 1e3) + sent["round_trip_ms"]
    return (
        f"{measured_by(records)}; medians in one run, in turns, and their ratio, with 95 % "
        "intervals (bootstrap). The photo's way over this link and the answer's way back take "
        f"{link_ms:.0f} ms in both cases: a call can save only the rest of the wait.\n\n"
        + markdown.table(
            "what | times each | uploaded, ms | in the call, ms | ratio | at most", rows
        )
    )
