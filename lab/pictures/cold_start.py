"""A chart of a measured cold and warm call: `python -m lab.pictures.cold_start FILE`."""

import asyncio
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from lab.bench.speed.versions import MODEL
from lab.figures import write_figure
from warmlens.local.buckets import PAPER_PATH
from warmlens.local.cloud import Steps, local_cloud
from warmlens.local.state import STATUS_PATH

COLORS = {
    "API, queue": "#a16207",
    "process, runtime": "#8d857b",
    "init: imports, model": "#3d4a5c",
    "fetch": "#2563a8",
    "decode": "#7c3aed",
    "inference": "#ad410d",
    "rest": "#cfc8bf",
}


@dataclass(frozen=True)
class Call:
    """A call to the API with its stages.

    Attributes:
        total_ms: time as the caller saw it.
        stages_ms: its parts by name, in their order; they add up to the total.
    """

    total_ms: float
    stages_ms: dict[str, float]


async def measure() -> tuple[Call, Call]:
    """Start a local cloud; return its first call and the median of the next nine."""
    quiet = Steps(lambda _: None, lambda _, __: None)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            local_cloud(folder=Path(folder), steps=quiet, model=MODEL) as info,
            httpx.AsyncClient(base_url=info.url, timeout=60, trust_env=False) as client,
        ):
            cold = await _call(client)
            warm = sorted([await _call(client) for _ in range(9)], key=lambda call: call.total_ms)
    return cold, warm[4]


async def _call(client: httpx.AsyncClient) -> Call:
    begun_s = time.perf_counter()
    response = await client.post(
        "/classification", json={"method": "classification", "file_path": PAPER_PATH}
    )
    total_ms = (time.perf_counter() - begun_s) * 1000
    answer: dict[str, Any] = response.raise_for_status().json()
    status = (await client.get(STATUS_PATH)).json()
    (instance,) = [each for each in status["instances"] if each["calls"] > 0]
    stages: dict[str, float] = {}
    if answer["cold_start"]:
        stages["process, runtime"] = max(0.0, instance["init_ms"] - answer["init_ms"])
        stages["init: imports, model"] = answer["init_ms"]
    stages |= answer["stages_ms"]
    stages["rest"] = max(0.0, answer["time"] * 1000 - sum(answer["stages_ms"].values()))
    return Call(total_ms, {"API, queue": max(0.0, total_ms - sum(stages.values())), **stages})


def draw(cold: Call, warm: Call, *, about: str, figure: Any) -> None:
    """Draw both calls on the same scale.

    Args:
        cold: a call that waited for a new instance.
        warm: a call that did not.
        about: where and when they were measured.
        figure: an empty figure of Matplotlib.
    """
    axes = figure.subplots()
    ends = [0.0, 0.0]
    for stage, color in COLORS.items():
        times = [call.stages_ms.get(stage, 0.0) for call in (cold, warm)]
        label = f"{stage}: {times[0]:.0f} / {times[1]:.0f} ms"
        axes.barh(["cold", "warm"], times, left=ends, label=label, color=color)
        ends = [end + ms for end, ms in zip(ends, times, strict=True)]
    for row, call in enumerate((cold, warm)):
        axes.text(ends[row], row, f" {call.total_ms:.0f} ms", va="center")
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.set(title="Where the time of a call goes", xlabel=f"ms\n{about}")
    figure.legend(loc="outside lower center", ncols=3)


def main(file: Path) -> None:
    """Measure a cold and a warm call, and write the chart."""
    cold, warm = asyncio.run(measure())
    about = (
        f"Measured on the local cloud, {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}; cold / "
        "warm (median of 9).\nThese are not Lambda's times: compare the shares."
    )
    write_figure(lambda figure: draw(cold, warm, about=about, figure=figure), file, size=(8, 3.6))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
