"""Imports and reads of a function's init: more of either is a slower cold start."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS

PROBE = Path(__file__).parent / "init_probe.py"
NAME, VERSION = "products-resnet50", "1.1.0"

# What is imported at init, by first name. Whoever adds to it says in the review what it costs.
PACKAGES = {"classifier", "PIL", "obstore"}
STANDARD_LIBRARY = {
    "array",
    "atexit",
    "collections",
    "contextlib",
    "copyreg",
    "ctypes",
    "datetime",
    "enum",
    "functools",
    "gc",
    "importlib",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "logging",
    "math",
    "operator",
    "re",
    "reprlib",
    "string",
    "struct",
    "subprocess",  # a stand-in for it: see `deferred`
    "textwrap",
    "threading",
    "token",
    "tokenize",
    "traceback",
    "types",
    "typing",
    "warnings",
    "weakref",
}
# The model has 24 MB; all else that is read or touched is code, most of it ONNX Runtime's.
MAX_BYTES = 48_000_000
MAX_FILES = 100


# Pillow and the S3 client are imported beside the start of the engine, so not before it.
BEFORE_THE_ENGINE = "import classifier.instance, classifier.request, classifier.http_call"
PUT_OFF = ["PIL.ExifTags", "PIL.TiffTags", "subprocess"]


def photos(folder: Path) -> list[str]:
    """Write a JPEG and a PNG with an EXIF orientation."""
    image = Image.new("RGB", (300, 200), "red")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    files = [folder / "photo.jpg", folder / "photo.png"]
    for file in files:
        image.save(file, exif=exif)
    return [str(file) for file in files]


@pytest.fixture(scope="module")
def init(runtime_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(LAMBDA_SRC),
        "IMAGES_BUCKET": "images",
        "IMAGE_PREFIXES": "test/",
        "MODELS_FOLDER": str(MODEL_ARTIFACTS),
        "LAMBDA_TASK_ROOT": str(MODEL_ARTIFACTS.parent),
        "MODEL_NAME": NAME,
        "MODEL_VERSION": VERSION,
        "MAX_IMAGE_BYTES": "1000000",
        "MAX_IMAGE_PIXELS": "1000000",
        "MAX_DECODE_MS": "5000",
        "MAX_HOLD_MS": "1000",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_REGION": "us-east-1",
    }
    paths = photos(tmp_path_factory.mktemp("photos"))
    for _ in range(2):  # the first one byte-compiles the sources
        done = subprocess.run(
            [runtime_python, str(PROBE), *paths],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    *lines, last = map(json.loads, done.stdout.splitlines())
    (log,) = (line for line in lines if line["message"] == "init")
    return {**last, "log": log}


def test_nothing_is_imported_at_init_that_is_not_on_the_list(init: dict[str, Any]) -> None:
    names = {module.partition(".")[0] for module in init["modules"]}
    internal = {name for name in names if name.startswith("_")}
    assert names - internal - PACKAGES - STANDARD_LIBRARY == set()
    assert names >= PACKAGES


def test_nothing_of_another_engine_is_imported(init: dict[str, Any]) -> None:
    assert "classifier.engine" in init["modules"]
    assert "classifier.torch_engine" not in init["modules"]


def test_photos_are_decoded_without_what_was_put_off(init: dict[str, Any]) -> None:
    assert init["put_off"] == PUT_OFF


def test_the_engine_starts_before_pillow_and_the_s3_client_are_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{BEFORE_THE_ENGINE}; import sys; print(*sys.modules)"],
        env={"PYTHONPATH": str(LAMBDA_SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"PIL", "obstore", "traceback", "ctypes"}.isdisjoint(done.stdout.split())


def test_each_moment_of_an_init_is_in_a_stage_with_a_name(init: dict[str, Any]) -> None:
    stages_ms = init["log"]["stages_ms"]
    assert list(stages_ms) == ["modules", "runtime", "files", "session", "imports"]
    assert sum(stages_ms.values()) == pytest.approx(init["log"]["init_ms"], abs=0.01)


def test_few_files_and_bytes_are_read_at_init(init: dict[str, Any]) -> None:
    assert init["files"] <= MAX_FILES
    assert 24_000_000 < init["bytes"] <= MAX_BYTES


# The first function that a visitor waits for. With boto3 it imported 366 modules and took seven
# times the processor time: docs/decisions/0098-signed-without-boto3.md.
UPLOADS_STANDARD_LIBRARY = {
    "array",
    "base64",
    "binascii",
    "collections",
    "contextlib",
    "copyreg",
    "enum",
    "errno",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "keyword",
    "math",
    "operator",
    "re",
    "reprlib",
    "select",
    "selectors",
    "socket",
    "ssl",
    "string",
    "struct",
    "threading",
    "types",
    "warnings",
}


def test_the_uploads_function_imports_little_and_none_of_boto3() -> None:
    program = """
import sys
before = set(sys.modules)
from uploads import handler
print(*(set(sys.modules) - before))
"""
    arn = "arn:aws:lambda:us-east-1:000000000000:function:classifier:live"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=LAMBDA_SRC,
        env={"PATH": os.environ["PATH"], "WAKE_FUNCTION_ARN": arn},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = done.stdout.split()
    names = {module.partition(".")[0] for module in modules}
    internal = {name for name in names if name.startswith("_")}
    assert names - internal - {"uploads"} - UPLOADS_STANDARD_LIBRARY == set()
    assert "uploads.wake" in modules
