"""Runs the shipped models on an emulated processor without AVX-512: `make cpus`.

Graphs and kernels that fit one processor have answered wrong classes on another, without an error.
"""

import asyncio
import functools
import json
import os
import subprocess

import pytest

from warmlens.local.venvs import local_venvs
from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS, WEB
from warmlens.registry.manifest_file import read_manifest

QEMU = "qemu-x86_64"
PROCESSOR = "Haswell"  # of 2013: AVX2 and no more
# The same sums in another order; softmax of the references was written with four digits or more.
TOLERANCE = 0.002

SAMPLES = WEB / "samples"
GALLERIES = json.loads((SAMPLES / "galleries.json").read_text())
IMAGENET = "imagenet-efficientnet-lite0"
# Photos of each: sums in fp32 take half a minute each where they are emulated.
PHOTOS = {"products-resnet50": 8, IMAGENET: 2}
Top = list[tuple[str, float]]

pytestmark = pytest.mark.timeout(900)


def answers(name: str, files: list[str], *launcher: str) -> list[Top]:
    (version,) = (MODEL_ARTIFACTS / name).iterdir()
    _, classifier = local_venvs()
    asyncio.run(classifier.install())
    program = LAMBDA_SRC.parent / "tests" / "cpus" / "classify.py"
    done = subprocess.run(
        [*launcher, str(classifier.python), str(program), *(str(SAMPLES / file) for file in files)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(LAMBDA_SRC),
            "IMAGES_BUCKET": "images",
            "IMAGE_PREFIXES": "test/",
            "MODELS_FOLDER": str(MODEL_ARTIFACTS),
            "MODEL_NAME": name,
            "MODEL_VERSION": version.name,
            "MAX_IMAGE_BYTES": "1000000",
            "MAX_IMAGE_PIXELS": "1000000",
            "MAX_DECODE_MS": "20000",
            "MAX_HOLD_MS": "1000",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        },
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


@functools.cache
def emulated_answers(name: str) -> list[Top]:
    return answers(name, files_of(name), QEMU, "-cpu", PROCESSOR)


def files_of(name: str) -> list[str]:
    return [entry["file"] for entry in GALLERIES[name]][: PHOTOS[name]]


@pytest.mark.parametrize("name", PHOTOS)
def test_a_shipped_model_answers_the_same_without_avx512(name: str) -> None:
    emulated = emulated_answers(name)
    assert len(emulated) == PHOTOS[name]
    for one, other in zip(emulated, answers(name, files_of(name)), strict=True):
        assert_same(one, other)


def test_without_avx512_the_answers_are_the_ones_of_pytorch() -> None:
    parity = read_manifest(MODEL_ARTIFACTS / IMAGENET / "1.1.0").parity
    assert parity is not None
    expected = {
        each.file: [(rank.id, rank.softmax) for rank in each.top5] for each in parity.samples
    }
    for file, top in zip(files_of(IMAGENET), emulated_answers(IMAGENET), strict=True):
        assert_same(top, expected[file])


def test_every_shipped_model_is_among_them() -> None:
    assert {path.name for path in MODEL_ARTIFACTS.iterdir() if path.is_dir()} == set(PHOTOS)
