"""Hostile photos for the soak test: `python -m tests.hostile.traffic FOLDER [MORE ...]`.

Those of `tests.hostile.images`, fuzzing's seeds, whole and damaged, and plain garbage, with their
right answers in `answers.json`. Each MORE is a folder of further photos, which may be answered or
refused by any error of a photo.
"""

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.bench.soak.hostile import ANSWERS_FILE
from tests.hostile.images import CODING, DAMAGED, HOSTILE, OK, PIXELS, SLOW, TYPE
from tests.hostile.mutations import mutate
from tests.hostile.seeds import seeds

ANY = (OK, DAMAGED, PIXELS, TYPE, SLOW, CODING)
SEED = 20
DAMAGED_PHOTOS, CUT_PHOTOS, GARBAGE_FILES = 100, 40, 10
_STARTS = (b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\xff\xff\0\0WEBP")


def write_traffic(folder: Path, more: Sequence[Path] = ()) -> None:
    """Write the photos and their answers.

    Args:
        folder: folder to make.
        more: folders of further photos.
    """
    rng = random.Random(SEED)
    originals = seeds()
    files = {name: (hostile.make(), hostile.answers) for name, hostile in HOSTILE.items()}
    files |= {f"seed-{name}": (data, ANY) for name, data in originals.items()}
    names = list(originals)
    for number in range(DAMAGED_PHOTOS):
        name = rng.choice(names)
        changed = mutate(originals[name], list(originals.values()), rng)
        files[f"damaged-{number}-{name}"] = changed, ANY
    for number in range(CUT_PHOTOS):
        name = rng.choice(names)
        cut = originals[name][: rng.randrange(len(originals[name]))]
        files[f"cut-{number}-{name}"] = cut, ANY
    for number in range(GARBAGE_FILES):
        start = _STARTS[number % len(_STARTS)]
        files[f"garbage-{number}"] = start + rng.randbytes(rng.randrange(1, 50_000)), ANY
    for each in more:
        files |= {f"more-{path.name}": (path.read_bytes(), ANY) for path in sorted(each.iterdir())}
    folder.mkdir(parents=True, exist_ok=True)
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    answers = {name: sorted(allowed) for name, (_, allowed) in files.items()}
    (folder / ANSWERS_FILE).write_text(json.dumps(answers, indent=0), encoding="utf-8")


if __name__ == "__main__":
    write_traffic(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
