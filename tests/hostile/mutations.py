"""Decodes many damaged images: `python -m tests.hostile.mutations COUNT SEED FOLDER [--records]`.

Prints one line of JSON: how many had which answer, the most processor time of one, and the peak of
memory; `codings` has the files and the most processor time of each coding. FOLDER gets the files
`slowest` and `last`, the one that causes a crash. With `--records` it prints records as JSON Lines
instead, three for each coding.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from lab.bench.soak.hostile import coding_of
from stacks.settings import Settings
from tests.hostile.decoding import Slowest, peak_mb
from tests.hostile.seeds import seeds
from warmlens.records import Record, machine, today, write_records

MAX_PIXELS = Settings(env_name="test").max_image_pixels
MAX_DECODE_MS = 3_000
# Numbers at which lengths and sizes overflow.
_EDGES = (
    b"\0",
    b"\xff",
    b"\0\0",
    b"\xff\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
)


def mutate(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Change a file in one to six places."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(changed) + 1)
        length = rng.choice((1, 2, 4, 16, 64))
        kind = rng.randrange(7)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at : at + length] = rng.randbytes(length)
        elif kind == 2:
            edge = rng.choice(_EDGES)
            changed[at : at + len(edge)] = edge
        elif kind == 3:
            del changed[at : at + length]
        elif kind == 4:
            changed[at:at] = changed[at : at + length] * rng.randint(1, 50)
        elif kind == 5:
            other = rng.choice(others)
            begin = rng.randrange(len(other))
            changed[at : at + length] = other[begin : begin + length]
        else:
            del changed[at:]
    return bytes(changed)


def main() -> None:
    """Decode COUNT mutated images and print the report."""
    count, rng = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    originals = list(seeds().values())
    folder = Path(sys.argv[3])
    slowest = Slowest(folder / "slowest")
    answers: Counter[str] = Counter()
    codings: dict[str, dict[str, int]] = {}
    for _ in range(count):
        data = mutate(rng.choice(originals), originals, rng)
        (folder / "last").write_bytes(data)
        answered, cpu_ms = slowest.try_one(data, max_pixels=MAX_PIXELS, max_decode_ms=MAX_DECODE_MS)
        answers[answered] += 1
        coding = codings.setdefault(coding_of(data), {"files": 0, "decoded": 0, "cpu_ms": 0})
        coding["files"] += 1
        coding["decoded"] += answered == "ok"
        coding["cpu_ms"] = max(coding["cpu_ms"], cpu_ms)
    report = {
        "answers": dict(answers),
        "slowest_cpu_ms": slowest.cpu_ms,
        "limit_ms": MAX_DECODE_MS,
        "peak_mb": peak_mb(),
        "codings": codings,
    }
    if "--records" in sys.argv[4:]:
        sys.stdout.write(write_records(records_of(codings, count, int(sys.argv[2]))))
    else:
        print(json.dumps(report))


def records_of(codings: Mapping[str, Mapping[str, int]], count: int, seed: int) -> list[Record]:
    """Return the records of a run of COUNT images."""
    return [
        Record(
            name="damaged",
            metric="longest_cpu_ms" if metric == "cpu_ms" else metric,
            value=value,
            unit="ms" if metric == "cpu_ms" else "1",
            kind="measured",
            conditions={"coding": coding, "max_decode_ms": MAX_DECODE_MS, "seed": seed},
            command=f"python -m tests.hostile.mutations {count} {seed} .warmlens --records",
            machine=machine(),
            date=today(),
        )
        for coding, values in sorted(codings.items())
        for metric, value in values.items()
    ]


if __name__ == "__main__":
    main()
