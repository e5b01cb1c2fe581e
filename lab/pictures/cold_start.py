"""A cold start beside a warm call, measured: `python -m lab.pictures.cold_start FILE`."""

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

from lab.pictures.svg import MUTED, box, document, text
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
_LEFT, _WIDTH, _BAR = 100, 760, 40


@dataclass(frozen=True)
class Call:
    """A call to the API, taken apart.

    Attributes:
        total_ms: as its caller saw it.
        stages_ms: its parts by name, in their order; they add up to the total.
    """

    total_ms: float
    stages_ms: dict[str, float]


async def measure() -> tuple[Call, Call]:
    """Start a local cloud, and return its first call and the median of the next nine."""
    quiet = Steps(lambda _: None, lambda _, __: None)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            local_cloud(folder=Path(folder), steps=quiet) as info,
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


def draw(cold: Call, warm: Call, *, about: str) -> str:
    """Return the picture, both calls on one scale.

    Args:
        cold: a call that had to wait for a new instance.
        warm: one that did not.
        about: where and when they were measured.
    """
    per_ms = _WIDTH / max(cold.total_ms, warm.total_ms)
    parts = [text(30, 34, "Where the time of a call goes", size=17, bold=True)]
    for row, (name, call) in enumerate((("cold", cold), ("warm", warm))):
        y = 58 + row * (_BAR + 44)
        parts.append(text(_LEFT - 12, y + 26, name, size=14, anchor="end", bold=True))
        parts.append(text(_LEFT, y + _BAR + 18, f"{call.total_ms:.0f} ms", size=13, color=MUTED))
        x = float(_LEFT)
        for stage, ms in call.stages_ms.items():
            width = ms * per_ms
            parts.append(box(x, y, max(width, 0.5), _BAR, fill=COLORS[stage], radius=1))
            x += width
    for number, (stage, color) in enumerate(COLORS.items()):
        x, y = _LEFT + number % 4 * 222, 248 + number // 4 * 24
        values = f"{cold.stages_ms.get(stage, 0):.0f} / {warm.stages_ms.get(stage, 0):.0f} ms"
        parts.append(box(x, y - 11, 12, 12, fill=color, radius=3))
        parts.append(text(x + 18, y, f"{stage}: {values}", size=12))
    parts.append(text(30, 312, about, size=12, color=MUTED))
    return document(980, 330, "A cold and a warm call, by stage", parts)


def main(file: Path) -> None:
    """Measure, and write the picture."""
    cold, warm = asyncio.run(measure())
    about = (
        f"Measured on the local cloud, {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}; cold / "
        "warm (median of 9). These are not Lambda's times: read the shares."
    )
    file.write_text(draw(cold, warm, about=about))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
