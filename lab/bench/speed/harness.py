"""Harness of the speed benchmarks: an emulated S3 with photos and models, and the handlers."""

import asyncio
import importlib.util
import json
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.bench.speed import photos, versions
from lab.bench.speed.comparison import OURS, PLAIN_ONNX, PYTORCH
from lab.bench.speed.process import Implementation
from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.local.emulator import running_emulator
from warmlens.local.venvs import Venv, local_venvs
from warmlens.paths import LAMBDA_SRC, STATE
from warmlens.registry.publish import publish_model

BENCH = Path(__file__).parents[1]
_PHOTOS, MODELS_BUCKET = "bench-photos", "bench-models"
_WEIGHTS, _ONNX = "weights.pt", "plain.onnx"
_WEIGHTS_KEY, _ONNX_KEY = f"baseline/{_WEIGHTS}", f"baseline/{_ONNX}"


@dataclass(frozen=True)
class Harness:
    """An emulated S3 with photos and models, and a folder with the same files.

    Attributes:
        folder: has `models/`, `photos/` and the baselines' weights.
        aws: clients of the S3.
        instances: the classifier's Python environment.
        plain: that of the baseline on plain ONNX Runtime.
        input_px: input size of the model in pixels.
        with_baseline: False: the classifier alone.
    """

    folder: Path
    aws: LocalAws
    instances: Venv
    plain: Venv
    input_px: int
    with_baseline: bool = True

    def implementations(self, *, store: str, memory_mb: int) -> tuple[Implementation, ...]:
        """Return the baselines, where there are any, and the classifier.

        Args:
            store: `image` or `s3`: where each loads its model from.
            memory_mb: the memory size that each reads from its environment.
        """
        common = {
            **self.aws.environment,
            "IMAGES_BUCKET": _PHOTOS,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        }
        stdlib = Path(sysconfig.get_path("stdlib"))
        from_bucket = store == "s3"
        of_baselines = {
            **common,
            "INPUT_PX": str(self.input_px),
            "RESIZE_PX": str(versions.resize_px(self.input_px)),
            "MODELS_BUCKET": MODELS_BUCKET,
        }
        pytorch = Implementation(
            name=PYTORCH,
            python=Path(sys.executable),
            module="baseline.handler",
            path=BENCH,
            environment={
                **of_baselines,
                "CLASS_COUNT": str(class_count()),
                "WEIGHTS_KEY": _WEIGHTS_KEY,
                "WEIGHTS_FILE": "" if from_bucket else str(self.folder / _WEIGHTS),
            },
            files=(stdlib, Path(sysconfig.get_path("purelib")), self.folder),
        )
        plain = Implementation(
            name=PLAIN_ONNX,
            python=self.plain.python,
            module="baseline.onnx_handler",
            path=BENCH,
            environment={
                **of_baselines,
                "ONNX_KEY": _ONNX_KEY,
                "ONNX_FILE": "" if from_bucket else str(self.folder / _ONNX),
                "ORT_DISABLE_TELEMETRY": "1",  # which makes it a little faster
            },
            files=(stdlib, self.plain.python.parents[1], self.folder),
        )
        ours = Implementation(
            name=OURS,
            python=self.instances.python,
            module="classifier.handler",
            path=LAMBDA_SRC,
            environment={
                **common,
                "IMAGE_PREFIXES": "test/",
                "MODELS_BUCKET": MODELS_BUCKET if from_bucket else "",
                "MODELS_FOLDER": "" if from_bucket else str(self.folder / "models"),
                "LAMBDA_TASK_ROOT": str(self.folder),
                "MODEL_NAME": versions.NAME,
                "MODEL_VERSION": versions.VERSION,
                "MAX_IMAGE_BYTES": "20000000",
                "MAX_IMAGE_PIXELS": "50000000",
                "MAX_DECODE_MS": "20000",
                "MAX_HOLD_MS": "10000",
            },
            files=(stdlib, self.instances.python.parents[1], LAMBDA_SRC, self.folder),
        )
        return (pytorch, plain, ours) if self.with_baseline else (ours,)


@contextmanager
def running_harness(input_px: int, *, with_baseline: bool = True) -> Iterator[Harness]:
    """Run a harness until the block ends.

    Args:
        input_px: input size of the model in pixels; 224 is the paper's.
        with_baseline: False: the classifier alone, which needs no PyTorch at its own input size.

    Raises:
        WarmlensError: ``package_missing``: PyTorch is not installed; or an environment cannot be
            installed, or the emulator does not start.
    """
    if with_baseline and not all(map(importlib.util.find_spec, ("torch", "torchvision"))):
        raise WarmlensError(
            "package_missing",
            "The baselines need PyTorch and torchvision: run make training",
        )
    _, instances = local_venvs()
    plain = Venv(STATE / "environments", "plain-onnx", BENCH / "baseline" / "requirements.txt")
    with tempfile.TemporaryDirectory(prefix="warmlens-bench-") as name, asyncio.Runner() as runner:
        folder = Path(name)
        runner.run(instances.install())
        versions.write_version(folder / "models", input_px)
        if with_baseline:
            runner.run(plain.install())
            versions.write_baselines(folder / _WEIGHTS, folder / _ONNX, class_count(), input_px)
        photos.write_photos(folder / "photos")
        stack = AsyncExitStack()
        aws = runner.run(stack.enter_async_context(running_emulator(folder)))
        try:
            _upload(aws, folder)
            yield Harness(folder, aws, instances, plain, input_px, with_baseline)
        finally:
            runner.run(stack.aclose())


def class_count() -> int:
    """Return the number of the model's classes."""
    count: int = json.loads((versions.SHIPPED / "manifest.json").read_text(encoding="utf-8"))[
        "class_count"
    ]
    return count


def drop_from_page_cache(impl: Implementation) -> None:
    """Drop the files that an implementation reads from the kernel's page cache.

    Pages that another process has mapped, such as the interpreter's, stay. No privileges needed.

    Raises:
        WarmlensError: ``not_supported``: the system is not Linux.
    """
    if not hasattr(os, "posix_fadvise"):
        message = "Files cannot be dropped from the page cache of this system; use Linux."
        raise WarmlensError("not_supported", message)
    for folder in impl.files:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                descriptor = os.open(path, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def _upload(aws: LocalAws, folder: Path) -> None:
    for bucket in (_PHOTOS, MODELS_BUCKET):
        aws.s3.create_bucket(Bucket=bucket)
    for megapixels in photos.SIZES:
        key = photos.key(megapixels)
        aws.s3.upload_file(str(folder / "photos" / key), _PHOTOS, key)
    publish_model(folder / "models" / versions.NAME / versions.VERSION, MODELS_BUCKET, aws.s3)
    for name, key in ((_WEIGHTS, _WEIGHTS_KEY), (_ONNX, _ONNX_KEY)):
        if (folder / name).exists():
            aws.s3.upload_file(str(folder / name), MODELS_BUCKET, key)
