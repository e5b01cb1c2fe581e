"""The cost of a graph's features: for calls that do not ask for a map, and for those that do.

`python -m tests.training.explain_cost PROCESSES` compares each shipped model with its graph without
that output, in this number of pairs of fresh processes, whose calls alternate: by processor time,
and by memory after the calls. A process keeps the addresses that it got, and with them some of its
speed, so one pair alone says little.
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
from warmlens.registry.manifest_file import manifest_bytes, read_manifest

PHOTOS = {"products-resnet50": "mango-can.jpg", "imagenet-efficientnet-lite0": "cat.jpg"}
CALLS = 33  # of each process, of which the first three are not counted


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


def ratio(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Return the median of the ratios of pairs, with its interval of 95 % by a bootstrap."""
    ratios = np.array([ours / theirs for ours, theirs in pairs])
    draws = np.random.default_rng(0).integers(0, len(ratios), (2000, len(ratios)))
    low, high = np.quantile(np.median(ratios[draws], 1), [0.025, 0.975])
    return {
        "ratio": round(float(np.median(ratios)), 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def compare(source: Path, photo: Path, processes: int) -> dict[str, Any]:
    """Return the figures of one model; each pair of processes gives one ratio of each."""
    figures: dict[str, list[tuple[float, float]]] = {
        name: [] for name in ("call", "explained", "loading", "memory")
    }
    with tempfile.TemporaryDirectory() as folder:
        without = copied(source, Path(folder) / "without", with_features=False)
        explained = copied(source, Path(folder) / "with", with_features=True)
        for number in range(processes):
            order = (explained, without) if number % 2 else (without, explained)
            started = {version: Process(version, photo) for version in order}
            ours, theirs = started[explained], started[without]
            times: dict[str, list[float]] = {"ours": [], "theirs": [], "explained": []}
            for call in range(CALLS):
                both = [("ours", ours), ("theirs", theirs)]
                for name, process in both if call % 2 else both[::-1]:
                    times[name].append(process.call("call"))
            figures["memory"].append((ours.call("memory"), theirs.call("memory")))
            times["explained"] += [ours.call("explained") for _ in range(CALLS)]
            medians = {name: float(np.median(values[3:])) for name, values in times.items()}
            figures["call"].append((medians["ours"], medians["theirs"]))
            figures["explained"].append((medians["explained"], medians["theirs"]))
            figures["loading"].append((ours.loading_ms, theirs.loading_ms))
            for process in (ours, theirs):
                process.end()
    return {
        "model": source.parent.name,
        "call_ms": round(float(np.median([theirs for _, theirs in figures["call"]])), 3),
        "explained_ms": round(float(np.median([ours for ours, _ in figures["explained"]])), 3),
        **{name: ratio(pairs) for name, pairs in figures.items()},
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
