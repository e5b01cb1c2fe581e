"""Benchmark of the local cloud's overhead on a warm call."""

import asyncio
import io
import json
import tempfile
import uuid
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from lab.bench.small_cloud import FUNCTION, SmallCloud, small_cloud
from lab.load import send_in_loop
from lab.markdown import figure_cell, measured_by, percentile_cell, ratio_cell, table
from lab.statistics import ratio_of, summary
from warmlens.records import Record, machine, today

COMMAND = "python -m lab bench overhead"
EXECUTOR = "executor"
EMULATORS = "emulator's executor"
# The emulator's executor waits 50 ms for output of a handler that prints nothing.
_PRINTING = """
from answering import handler as answer

def handler(event, context):
    print("called")
    return answer(event, context)
"""
BLOCK = 50
_WARM_UP = 20

Call = Callable[[], Awaitable[object]]


async def measure_overhead(calls: int) -> list[Record]:
    """Time empty calls through the pool and the emulator's executor, by one and by eight clients.

    Args:
        calls: calls for each executor and number of clients.
    """
    with tempfile.TemporaryDirectory() as folder:
        async with small_cloud(Path(folder)) as cloud:
            await asyncio.to_thread(_deploy_executor_function, cloud)
            event = {"method": "wakeup"}
            payload = json.dumps(event).encode()

            async def in_pool() -> object:
                return await cloud.pool.invoke(
                    function=FUNCTION, version="1", payload=payload, request_id=uuid.uuid4().hex
                )

            ways: dict[str, Call] = {
                "pool": in_pool,
                "pool behind the emulator": lambda: cloud.call(event),
                EMULATORS: lambda: cloud.call(event, function=EXECUTOR),
            }
            records: list[Record] = []
            for clients in (1, 8):
                samples = await _interleaved(ways, clients, calls)
                records += [
                    _record(name, clients, taken_ms, samples[EMULATORS])
                    for name, taken_ms in samples.items()
                ]
            return records


async def _interleaved(ways: dict[str, Call], clients: int, calls: int) -> dict[str, list[float]]:
    taken_ms: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        await _timed(call, clients, _WARM_UP * clients)
    while min(len(each) for each in taken_ms.values()) < calls:
        for name, call in ways.items():
            taken_ms[name] += await _timed(call, clients, BLOCK)
    return taken_ms


async def _timed(call: Call, clients: int, calls: int) -> list[float]:
    finished = await send_in_loop(call, clients=clients, more=lambda count, _: count < calls)
    return [each.latency_ms for each in finished]


def _record(name: str, clients: int, taken_ms: list[float], baseline_ms: list[float]) -> Record:
    ratio = ratio_of(taken_ms, baseline_ms, turn=BLOCK)
    return Record(
        name=name,
        metric="warm_call_ms",
        unit="ms",
        ratio=ratio.value,
        ratio_to=EMULATORS,
        ratios={EMULATORS: ratio.fields},
        kind="measured",
        conditions={"concurrency": clients, "function": "answering, no model"},
        command=COMMAND,
        machine=machine(),
        date=today(),
        **summary(taken_ms, turn=BLOCK),
    )


def overhead_table(records: Sequence[Record]) -> str:
    """Return the table of a warm call's time by its way, beside the emulator's executor."""
    rows = [
        (
            each.conditions["concurrency"],
            each.name,
            figure_cell(each.value, each.interval, ".1f"),
            percentile_cell(each, 95, ".1f"),
            percentile_cell(each, 99, ".1f"),
            ratio_cell(each),
        )
        for each in records
    ]
    head = (
        f"{measured_by(records)}: {records[0].samples} calls that do nothing of each, in turns of "
        f"{BLOCK}. Medians, with 95 % intervals (bootstrap).\n\n"
    )
    header = "clients | way | median, ms | p95, ms | p99, ms | ratio to the emulator's executor"
    return head + table(header, rows, align="---:")


def _deploy_executor_function(cloud: SmallCloud) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.write(cloud.spec.task_root / "answering.py", "answering.py")
        file.writestr("printing.py", _PRINTING)
    cloud.aws.lambda_.create_function(
        FunctionName=EXECUTOR,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/bench",
        Handler="printing.handler",
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {"AWS_LAMBDA_LOG_STREAM_NAME": "]executor"}},
        Publish=True,
    )
    cloud.aws.lambda_.create_alias(FunctionName=EXECUTOR, Name="live", FunctionVersion="1")
