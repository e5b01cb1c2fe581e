"""Runs the shipped models on emulated processors, without AVX-512 and of arm64: `make cpus`.

Graphs and kernels that fit one processor have answered wrong classes on another, without an error.
"""

import asyncio
import functools
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from lab.bench.processors import arm64
from lab.bench.processors.environment import classifier_environment
from lab.bench.processors.hiding import hiding, require_avx512
from lab.bench.processors.instructions import ARM64, AVX2, measure_instructions
from lab.kept_records import RECORDS
from warmlens.errors import WarmlensError
from warmlens.local.venvs import local_venvs
from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS, WEB
from warmlens.records import read_records
from warmlens.registry.manifest_file import read_manifest

QEMU = "qemu-x86_64"
OLDER = "Haswell"  # of 2013: AVX2 and no more
# The same sums in another order; softmax of the references was written with four digits or more.
TOLERANCE = 0.002
# Photos of no grocery, of which the model is sure of nothing: on arm64 some int8 values of its
# layers come out a step away, and classes that are nearly as likely change places.
UNSURE = {("groceries-lite2", arm64.PROCESSOR): 0.01}

SAMPLES = WEB / "samples"
GALLERIES = json.loads((SAMPLES / "galleries.json").read_text())
IMAGENET = "imagenet-efficientnet-lite0"
MODELS = sorted(path.name for path in MODEL_ARTIFACTS.iterdir() if path.is_dir())
# Photos of a model: sums in fp32 take half a minute each where they are emulated.
PHOTOS = {"products-resnet50": 8}
FEWEST = 2
Top = list[tuple[str, float]]

pytestmark = pytest.mark.timeout(900)


def answers(
    name: str,
    *launcher: str,
    packages: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> list[Top]:
    (version,) = (MODEL_ARTIFACTS / name).iterdir()
    program = LAMBDA_SRC.parent / "tests" / "cpus" / "classify.py"
    done = subprocess.run(
        [*launcher, str(program), *(str(SAMPLES / file) for file in files_of(name))],
        env={**environment, **classifier_environment(version, packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_same(one: Top, other: Top) -> None:
    assert [class_id for class_id, _ in one] == [class_id for class_id, _ in other]
    expected = [softmax for _, softmax in other]
    assert [softmax for _, softmax in one] == pytest.approx(expected, abs=TOLERANCE)


def assert_nearly_same(one: Top, other: Top, tolerance: float) -> None:
    assert one[0][0] == other[0][0]
    for top, others in ((one, dict(other)), (other, dict(one))):
        fifth = min(others.values())
        for class_id, softmax in top:
            assert softmax == pytest.approx(others.get(class_id, fifth), abs=tolerance)


@functools.cache
def python() -> str:
    _, classifier = local_venvs()
    asyncio.run(classifier.install())
    return str(classifier.python)


@functools.cache
def answers_here(name: str) -> list[Top]:
    return answers(name, python())


@functools.cache
def emulated_answers(name: str, processor: str) -> list[Top]:
    if processor == OLDER:
        if shutil.which(QEMU) is None:
            pytest.skip(f"{QEMU} is not installed: sudo apt install qemu-user")
        return answers(name, QEMU, "-cpu", processor, python())
    if why := arm64.missing():
        pytest.skip(why)
    return answers(name, *arm64.launcher(), packages=arm64.packages())


def files_of(name: str) -> list[str]:
    gallery = GALLERIES.get(name) or GALLERIES[IMAGENET]  # any photos do for a comparison
    return [entry["file"] for entry in gallery][: PHOTOS.get(name, FEWEST)]


@pytest.mark.parametrize("processor", [OLDER, arm64.PROCESSOR])
@pytest.mark.parametrize("name", MODELS)
def test_a_shipped_model_answers_the_same_on_another_processor(name: str, processor: str) -> None:
    emulated = emulated_answers(name, processor)
    assert len(emulated) >= FEWEST
    for one, other in zip(emulated, answers_here(name), strict=True):
        if tolerance := UNSURE.get((name, processor)):
            assert_nearly_same(one, other, tolerance)
        else:
            assert_same(one, other)


@pytest.mark.parametrize("processor", [OLDER, arm64.PROCESSOR])
def test_on_another_processor_the_answers_are_the_ones_of_pytorch(processor: str) -> None:
    parity = read_manifest(MODEL_ARTIFACTS / IMAGENET / "1.1.0").parity
    assert parity is not None
    expected = {
        each.file: [(rank.id, rank.softmax) for rank in each.top5] for each in parity.samples
    }
    emulated = emulated_answers(IMAGENET, processor)
    for file, top in zip(files_of(IMAGENET), emulated, strict=True):
        assert_same(top, expected[file])


@pytest.mark.parametrize("name", MODELS)
def test_with_avx512_hidden_this_processor_answers_as_one_without_it(
    name: str, tmp_path: Path
) -> None:
    """To the last bit: `bench processors` times the same code that the emulated one runs."""
    try:
        require_avx512()
    except WarmlensError as error:
        pytest.skip(str(error))
    (library,) = Path(python()).parents[1].glob("lib/*/site-packages/**/libonnxruntime.so.*")
    hidden = hiding(library, tmp_path)
    found = answers(
        name, python(), packages=hidden.packages, environment=hidden.environment(hides=True)
    )
    assert found == emulated_answers(name, OLDER)


def test_the_instructions_of_an_inference_are_the_kept_ones() -> None:
    if why := arm64.missing():
        pytest.skip(why)
    kept = read_records((RECORDS / "instructions.jsonl").read_text())
    found = list(measure_instructions(["products-resnet50"]))
    assert {each.name for each in found} == {AVX2, ARM64}
    for each in found:
        (expected,) = (
            one.value
            for one in kept
            if (one.name, one.metric, one.conditions) == (each.name, each.metric, each.conditions)
        )
        assert each.value == pytest.approx(expected, rel=0.02)
