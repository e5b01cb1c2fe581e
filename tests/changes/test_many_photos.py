"""Hundreds of photos through the local cloud, killed half-way: none is lost, none has two lines.

The run of 10,000 in docs/batch.md is this test with COUNT=10000.
"""

import json
import os
import subprocess
import time
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.conftest import SAMPLE, WARMLENS, Cloud

COUNT = int(os.environ.get("COUNT", "300"))


def photos_of(folder: Path) -> set[str]:
    """Write small photos that differ in a pixel, a thousand in each folder."""
    with Image.open(SAMPLE) as sample:
        sample.thumbnail((128, 128))
        picture = sample.convert("RGB")
    names = set()
    for number in range(COUNT):
        picture.putpixel((0, 0), (number % 256, number // 256, 0))
        name = f"{number // 1000}/{number:05}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        buffer = BytesIO()
        picture.save(buffer, "PNG", compress_level=1)
        (folder / name).write_bytes(buffer.getvalue())
        names.add(name)
    return names


def lines(out: Path) -> int:
    return out.read_bytes().count(b"\n") if out.exists() else 0


def test_a_batch_that_is_killed_half_way_ends_with_each_photo_once(
    cloud: Cloud, tmp_path: Path
) -> None:
    names = photos_of(tmp_path / "photos")
    out = tmp_path / "results.jsonl"
    command = [WARMLENS, "classify", str(tmp_path / "photos"), "--url", cloud.url]
    command += ["--out", str(out), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while lines(out) < COUNT // 2:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    half = lines(out)
    assert COUNT // 2 <= half < COUNT

    result = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(result.stdout)
    assert (figures["photos"], figures["failed"]) == (COUNT, 0)
    assert (figures["answered_before"], figures["classified"]) == (half, COUNT - half)
    documents = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(documents) == COUNT
    assert {each["photo"] for each in documents if "answer" in each} == names
