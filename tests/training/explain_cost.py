"""The cost of a graph's features: for calls that do not ask for a map, and for those that do.

`python -m tests.training.explain_cost ROUNDS` compares each shipped model with its graph without
that output, one call of each in turn, by processor time; and fresh processes of both, by the time
that loading takes and by memory.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.training.served import served
from training.class_map import with_class_map
from training.install import file_entry
from training.model_packages import import_model_package
from warmlens.paths import MODEL_ARTIFACTS, WEB
from warmlens.registry.manifest import manifest_bytes, read_manifest

PHOTOS = {"products-resnet50": "mango-can.jpg", "imagenet-efficientnet-lite0": "cat.jpg"}
PROCESSES = 12


def copied(source: Path, root: Path, *, with_features: bool) -> Path:
    """Copy a version, with features as an output of its graph or without."""
    onnx = import_model_package("onnx")
    folder = shutil.copytree(source, root / source.parent.name / source.name)
    manifest = read_manifest(folder)
    files = {
        entry.path: (folder / entry.path).read_bytes()
        for entry in (manifest.files.model, manifest.files.weights)
        if entry
    }
    if with_features:
        files, explain = with_class_map(files)
    else:
        proto, explain = onnx.load_model_from_string(files["model.onnx"]), None
        del proto.graph.output[1:]
        files["model.onnx"] = proto.SerializeToString(deterministic=True)
    entry = file_entry("model.onnx", files["model.onnx"])
    files_of = manifest.files.model_copy(update={"model": entry})
    changed = manifest.model_copy(update={"explain": explain, "files": files_of})
    (folder / "model.onnx").write_bytes(files["model.onnx"])
    (folder / "manifest.json").write_bytes(manifest_bytes(changed))
    return folder


class Process:
    """A process that has loaded a version, and times one call of each line that it is sent."""

    def __init__(self, folder: Path, photo: Path) -> None:
        command = [sys.executable, "-m", __spec__.name, "--serve", str(folder), str(photo)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.loading_ms = self._answer()

    def call(self, kind: str) -> float:
        """Return the milliseconds of a call, or the MB of memory after `memory`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind}\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        """End it."""
        self._process.communicate(timeout=60)

    def _answer(self) -> float:
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())


def serve(folder: Path, photo: Path) -> None:
    """Load a version, and time a call for each line of the input."""
    begun_ns = time.process_time_ns()
    model = served(folder)
    say((time.process_time_ns() - begun_ns) / 1e6)
    data = photo.read_bytes()
    pixels = model.prepare(data, max_pixels=50_000_000, max_decode_ms=20_000)
    for line in sys.stdin:
        begun_ns = time.process_time_ns()
        if line == "call\n":
            model.classify(pixels)
        elif line == "explained\n":
            predictions, features = model.classify_with_features(pixels)
            model.explain(predictions[0].class_id, features, data)
        else:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            say(pages * resource.getpagesize() / 1e6)
            continue
        say((time.process_time_ns() - begun_ns) / 1e6)


def say(line: object) -> None:
    """Print a line now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def ratio(values: list[float], to: list[float]) -> dict[str, float]:
    """Return the ratio of two medians, with its interval of 95 % by a bootstrap of the pairs."""
    ours, theirs = np.array(values), np.array(to)
    draws = np.random.default_rng(0).integers(0, len(ours), (2000, len(ours)))
    ratios = np.median(ours[draws], 1) / np.median(theirs[draws], 1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    whole = np.median(ours) / np.median(theirs)
    return {"ratio": round(whole, 4), "low": round(low, 4), "high": round(high, 4)}


def compare(source: Path, photo: Path, rounds: int) -> dict[str, Any]:
    """Return the figures of one model."""
    with tempfile.TemporaryDirectory() as folder:
        without = copied(source, Path(folder) / "without", with_features=False)
        explained = copied(source, Path(folder) / "with", with_features=True)
        loading: dict[bool, list[float]] = {True: [], False: []}
        memory: dict[bool, list[float]] = {True: [], False: []}
        for number in range(2 * PROCESSES):
            has_features = number % 4 in (1, 2)
            process = Process(explained if has_features else without, photo)
            for _ in range(20):
                process.call("call")
            loading[has_features].append(process.loading_ms)
            memory[has_features].append(process.call("memory"))
            process.end()
        ours, theirs = Process(explained, photo), Process(without, photo)
        times: dict[str, list[float]] = {"with": [], "without": [], "explained": []}
        for number in range(rounds):
            for name in ("with", "without") if number % 2 else ("without", "with"):
                times[name].append((ours if name == "with" else theirs).call("call"))
            times["explained"].append(ours.call("explained"))
        for process in (ours, theirs):
            process.end()
    return {
        "model": source.parent.name,
        "rounds": rounds,
        "call_ms": round(float(np.median(times["without"])), 3),
        "call": ratio(times["with"], times["without"]),
        "explained_ms": round(float(np.median(times["explained"])), 3),
        "explained": ratio(times["explained"], times["without"]),
        "loading": ratio(loading[True], loading[False]),
        "memory_mb": [round(float(np.median(memory[has])), 2) for has in (False, True)],
        "memory": ratio(memory[True], memory[False]),
    }


def main() -> None:
    """Print the figures of each shipped model as a line of JSON."""
    if sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    for name, sample in PHOTOS.items():
        (source,) = (MODEL_ARTIFACTS / name).glob("*.*.*")
        say(json.dumps(compare(source, WEB / "samples" / sample, int(sys.argv[1]))))


if __name__ == "__main__":
    main()
