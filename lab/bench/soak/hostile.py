"""Hostile photos, as a share of the soak test's calls.

A folder holds the photos and `answers.json`, which has the allowed answers to each file: `ok` or
the code of an error. `python -m tests.hostile.traffic FOLDER` makes one.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from lab.load import UNREACHED, Response, Timed, answer_of
from warmlens.deployment import Deployment
from warmlens.errors import WarmlensError

ANSWERS_FILE = "answers.json"
PREFIX = "uploads/soak"
IN_REQUEST_BYTES = 2**20
"""Size up to which a photo is sent in the call as often as it is read from the bucket."""

OK, THROTTLED = "ok", "throttled"
# Allowed for every photo: it may be larger or slower than the settings allow.
BY_LIMIT = frozenset({"image_too_large", "image_too_slow"})
_SHOWN = 5
# Markers of a JPEG's frame; source: ITU-T T.81, table B.1.
_FRAME = re.compile(rb"\xff([\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf])")
_CAMERAS = (0xC0, 0xC1, 0xC2)  # baseline, extended sequential, progressive; all with Huffman codes


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One hostile photo.

    Attributes:
        name: its file's name.
        coding: the coding by its first bytes, such as `PNG`.
        answers: the allowed answers.
        data: its bytes.
    """

    name: str
    coding: str
    answers: frozenset[str]
    data: bytes


@dataclass(frozen=True)
class Draw:
    """One call's photo, and whether it is sent in the call."""

    photo: Photo
    in_request: bool


@dataclass(frozen=True)
class Mix:
    """The hostile photos and their share of the calls.

    Attributes:
        photos: the hostile photos; none for a load without them.
        share: share of the calls that send one.
        seed: draws which calls, and which photos.
    """

    photos: tuple[Photo, ...] = ()
    share: float = 0.0
    seed: int = 0

    def draws(self, phase: str, count: int) -> list[Draw | None]:
        """Return a phase's photos in the order of its calls; None for the sample photo."""
        rng = random.Random(f"{self.seed} {phase}")
        return [self._draw(rng) for _ in range(count)]

    def _draw(self, rng: random.Random) -> Draw | None:
        if not self.photos or rng.random() >= self.share:
            return None
        photo = rng.choice(self.photos)
        in_request = 0 < len(photo.data) <= IN_REQUEST_BYTES and rng.random() < 0.5
        return Draw(photo, in_request)


def read_photos(folder: Path) -> tuple[Photo, ...]:
    """Read a folder of hostile photos.

    Raises:
        WarmlensError: ``not_found``: it or one of its files cannot be read.
    """
    try:
        answers = json.loads((folder / ANSWERS_FILE).read_text(encoding="utf-8"))
        found = {name: (folder / name).read_bytes() for name in answers}
    except (OSError, ValueError) as error:
        message = f"{folder} has no hostile photos with an {ANSWERS_FILE}: {error}"
        raise WarmlensError("not_found", message) from error
    return tuple(
        Photo(
            name=name,
            coding=coding_of(data),
            answers=frozenset(answers[name]),
            data=data,
        )
        for name, data in found.items()
    )


def coding_of(data: bytes) -> str:
    """Return a file's coding by its first bytes; "JPEG in a rare coding" is one of no camera."""
    if data.startswith(b"\xff\xd8\xff"):
        frame = _FRAME.search(data)
        rare = frame is not None and frame[1][0] not in _CAMERAS
        return "JPEG in a rare coding" if rare else "JPEG"
    if data.startswith(b"\x89PNG"):
        return "PNG"
    if data.startswith(b"GIF8"):
        return "GIF"
    return "WebP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else "other"


def store(photos: Iterable[Photo], deployment: Deployment) -> None:
    """Put photos into the images bucket of an environment."""
    bucket = deployment.output("ImagesBucket")
    for each in photos:
        deployment.s3.put_object(Bucket=bucket, Key=f"{PREFIX}/{each.name}", Body=each.data)


async def send(client: aiohttp.ClientSession, url: str, draw: Draw) -> Response:
    """Classify a hostile photo; failures are returned as a status, not raised."""
    address = f"{url}/classification"
    if draw.in_request:
        image = {"content-type": "image/jpeg"}
        return await answer_of(client.post(address, data=draw.photo.data, headers=image))
    path = f"{PREFIX}/{draw.photo.name}"
    return await answer_of(
        client.post(address, json={"method": "classification", "file_path": path})
    )


def code_of(response: Response) -> str:
    """Return an answer in a word: `ok`, the code of an error, or the status if there is no code."""
    if response.status == 200:
        return OK
    if response.status == 429:
        return THROTTLED
    error = response.body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    status = "no answer" if response.status == UNREACHED else str(response.status)
    return str(code) if code and response.status < 500 else f"{status} {code or ''}".strip()


class Tally:
    """Counts of the answers to hostile photos, over all phases."""

    def __init__(self) -> None:
        self._codes: Counter[tuple[str, str]] = Counter()
        self._calls: Counter[str] = Counter()

    def add(self, pairs: Iterable[tuple[Draw, Timed[Response]]]) -> dict[str, Any]:
        """Count a phase's answers, and return the number of unexpected ones and the first few."""
        wrong = []
        for draw, call in pairs:
            photo, code = draw.photo, code_of(call.result)
            self._codes[photo.coding, code] += 1
            self._calls[photo.name] += 1
            if code not in photo.answers | BY_LIMIT | {THROTTLED}:
                wrong.append(f"{photo.name}: {code}")
        return {"count": len(wrong), "first": sorted(set(wrong))[:_SHOWN]}

    @property
    def photos(self) -> int:
        """Number of photos that were sent at least once."""
        return len(self._calls)

    def by_coding(self) -> Iterator[tuple[str, str, int]]:
        """Yield coding, answer and how often, in the order of their names."""
        for (coding, code), count in sorted(self._codes.items()):
            yield coding, code, count
