"""Hostile images get an answer in bounded memory and never end the process."""

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stacks.image_limits import DECODE_BYTES_PER_PIXEL
from stacks.settings import Settings
from tests.hostile.decoding import answer
from tests.hostile.formats import (
    encode,
    flat_rows,
    in_gif,
    in_jpeg,
    jpeg_of_scans,
    jpeg_segment,
    png,
    png_chunk,
    webp_canvas,
    webp_frame,
)
from tests.hostile.images import HOSTILE, SIDE, SLOW
from warmlens.paths import ROOT

DEFAULTS = Settings(env_name="test")
# What is left of the classifier's memory when Python, ONNX Runtime and a model of 25 MB are loaded.
DECODE_MEMORY_MB = DEFAULTS.memory_mb - 300

SLOW_MS = 1_000
WITHOUT_LIMIT_MS = 600_000  # other work on the machine does not count


def decode(
    *paths: Path,
    max_pixels: int = DEFAULTS.max_image_pixels,
    max_decode_ms: int = WITHOUT_LIMIT_MS,
    address_space_kb: int | str = "unlimited",
) -> dict[str, Any]:
    done = subprocess.run(
        [
            *("sh", "-c", f'ulimit -v {address_space_kb}; exec "$@"', "sh"),
            sys.executable,
            "-m",
            "tests.hostile.decoding",
            str(max_pixels),
            str(max_decode_ms),
            *map(str, paths),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout[-300:], done.stderr[-2000:])
    assert done.stderr == ""  # a warning would be a line of the log that a caller writes
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines}


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("hostile")
    slow: list[Path] = []
    others: list[Path] = []
    for name, hostile in HOSTILE.items():
        (folder / name).write_bytes(hostile.make())
        (slow if hostile.answers == (SLOW,) else others).append(folder / name)
    # Those that take minutes are not waited for.
    return decode(*sorted(others)) | decode(*slow, max_decode_ms=SLOW_MS)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_is_answered_or_refused_by_its_own_error(
    decoded: dict[str, Any], name: str
) -> None:
    assert decoded[name]["answer"] in HOSTILE[name].answers


def test_the_memory_that_hostile_images_take_is_bounded(decoded: dict[str, Any]) -> None:
    small, largest = decoded["animated-gif"], max(each["peak_mb"] for each in decoded.values())
    assert largest < DECODE_MEMORY_MB
    # The first file of one process that decodes all of them: what is loaded is in its peak, too.
    taken_bytes = (largest - small["peak_mb"]) * 2**20
    assert taken_bytes / SIDE**2 <= DECODE_BYTES_PER_PIXEL


@pytest.mark.serial
def test_no_hostile_image_takes_half_a_second_more_than_the_limit(decoded: dict[str, Any]) -> None:
    for name, each in decoded.items():
        is_slow = HOSTILE[name].answers == (SLOW,)
        limit_ms = SLOW_MS if is_slow else DEFAULTS.max_decode_ms
        assert each["cpu_ms"] < limit_ms + 500, name


def _as_webp(at: int, sides: bytes, *, lossless: bool) -> bytes:
    """A small WebP with other sides in its header."""
    data = bytearray(encode(Image.new("RGB", (64, 64), "red"), "WEBP", lossless=lossless))
    data[at : at + len(sides)] = sides
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        webp_canvas(16_384, 16_384, webp_frame()),
        _as_webp(26, b"\xff\x3f\xff\x3f", lossless=False),
        _as_webp(21, b"\xff\xff\xff\x0f", lossless=True),
    ],
    ids=["canvas", "lossy", "lossless"],
)
def test_a_webp_that_is_too_large_is_refused_before_its_decoder_asks_for_memory(
    tmp_path: Path, data: bytes
) -> None:
    """It would ask for two canvases of 1 GB each: more than there is here."""
    path = tmp_path / "large.webp"
    path.write_bytes(data)
    found = decode(path, address_space_kb=1_500_000)
    assert found["large.webp"]["answer"] == "too_many_pixels"


def test_an_image_that_takes_longer_than_the_settings_allow_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "slow.jpg"
    path.write_bytes(in_jpeg(jpeg_segment(0xFE) * 1_000_000))
    assert decode(path)["slow.jpg"]["answer"] == "ok"
    assert decode(path, max_decode_ms=100)["slow.jpg"]["answer"] == "image_too_slow"


def test_a_film_behind_a_jpeg_costs_nothing(tmp_path: Path) -> None:
    """Phones append a video or a second picture, whose bytes may look like markers."""
    path = tmp_path / "film.jpg"
    path.write_bytes(jpeg_of_scans(64, 20) + b"\xff\xda\0\x04" * 100_000)
    assert decode(path)["film.jpg"]["answer"] == "ok"


# `make fuzz` tries many more, guided by coverage.
MUTATIONS = 800


@pytest.mark.slow
def test_thousands_of_damaged_images_crash_nothing_and_are_refused_in_time(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.mutations", str(MUTATIONS), "9", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, ((tmp_path / "last").read_bytes()[:200], done.stderr[-2000:])
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert sum(report["answers"].values()) == MUTATIONS
    # Some of each: what is only refused, or only taken, tries little.
    assert min(report["answers"][name] for name in ("ok", "image_not_decodable")) > MUTATIONS / 40
    assert report["slowest_cpu_ms"] < report["limit_ms"] + 500
    assert report["peak_mb"] < DECODE_MEMORY_MB


# Parts that both our own reading and a decoder step over, one by one.
MANY_PARTS = {
    "gif": in_gif(b"!\xf9\x04\1\0\0\0\0" * 300),
    "png": png(4, 4, png_chunk(b"PLTE", bytes(3)) * 300, color=3, rows=flat_rows(4, 4, 1)),
    "jpeg": in_jpeg(jpeg_segment(0xDD, b"\0\0") * 300),
}


@pytest.mark.parametrize("kind", MANY_PARTS)
def test_all_steps_together_have_one_limit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes a millisecond here."""
    looks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(looks) / 1000)
    data = MANY_PARTS[kind]
    assert answer(data, max_pixels=10**6, max_decode_ms=10**6) == "ok"
    took_ms = next(looks)
    assert answer(data, max_pixels=10**6, max_decode_ms=took_ms * 9 // 10) == "image_too_slow"


def test_a_jpeg_of_endless_segments_takes_no_memory_for_them() -> None:
    """Its decoder would keep each one."""
    colors = jpeg_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    assert answer(in_jpeg(colors * 900), max_pixels=10**6, max_decode_ms=20_000) == "ok"
    refused = answer(in_jpeg(colors * 2_000), max_pixels=10**6, max_decode_ms=20_000)
    assert refused == "image_not_decodable"
