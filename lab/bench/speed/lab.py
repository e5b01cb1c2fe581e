"""What both sides need: an S3 with photos and models, the same model for each, an interpreter."""

import asyncio
import importlib.util
import json
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.bench.speed import photos, versions
from lab.bench.speed.process import BenchError, Side
from warmlens.local.aws import LocalAws
from warmlens.local.cloud import environments
from warmlens.local.emulator import Emulator
from warmlens.local.environments import Environment
from warmlens.local.ports import HOST, free_port
from warmlens.paths import LAMBDA_SRC
from warmlens.registry.publish import publish_model

BENCH = Path(__file__).parents[1]
_PHOTOS, MODELS_BUCKET = "bench-photos", "bench-models"
_WEIGHTS_KEY = "baseline/weights.pt"


@dataclass(frozen=True)
class Lab:
    """A running S3 with everything in it, and the folders that the same things lie in.

    Attributes:
        folder: holds `models/`, `photos/` and `weights.pt`.
        aws: the S3.
        instances: the classifier's Python environment.
        input_px: side of the model's input.
    """

    folder: Path
    aws: LocalAws
    instances: Environment
    input_px: int

    def sides(self, *, store: str, memory_mb: int) -> tuple[Side, Side]:
        """Return the baseline and ours.

        Args:
            store: `image` or `s3`: where each loads its model from.
            memory_mb: what each is told of its memory size.
        """
        common = {
            **self.aws.environment,
            "IMAGES_BUCKET": _PHOTOS,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        }
        stdlib = Path(sysconfig.get_path("stdlib"))
        from_bucket = store == "s3"
        baseline = Side(
            name="baseline",
            python=Path(sys.executable),
            module="baseline.handler",
            path=BENCH,
            environment={
                **common,
                "CLASS_COUNT": str(class_count()),
                "INPUT_PX": str(self.input_px),
                "RESIZE_PX": str(versions.resize_px(self.input_px)),
                "MODELS_BUCKET": MODELS_BUCKET,
                "WEIGHTS_KEY": _WEIGHTS_KEY,
                "WEIGHTS_FILE": "" if from_bucket else str(self.folder / "weights.pt"),
            },
            files=(stdlib, Path(sysconfig.get_path("purelib")), self.folder),
        )
        ours = Side(
            name="ours",
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
        return baseline, ours


@contextmanager
def lab(input_px: int) -> Iterator[Lab]:
    """Make one for as long as the block runs.

    Args:
        input_px: side of the model's input; 224 is the paper's.

    Raises:
        BenchError: PyTorch is not installed.
        WarmlensError: an environment cannot be installed, or the emulator does not start.
    """
    if not (importlib.util.find_spec("torch") and importlib.util.find_spec("torchvision")):
        raise BenchError(
            "The baseline needs PyTorch and torchvision: pip install -r requirements-models.txt"
        )
    emulator_env, instances = environments()
    with tempfile.TemporaryDirectory(prefix="warmlens-bench-") as name, asyncio.Runner() as runner:
        folder = Path(name)
        for environment in (emulator_env, instances):
            runner.run(environment.install())
        versions.write_version(folder / "models", input_px)
        versions.write_weights(folder / "weights.pt", class_count())
        photos.write_photos(folder / "photos")
        port = free_port()
        emulator = Emulator(
            python=emulator_env.python,
            port=port,
            log_path=folder / "emulator.log",
            folder=folder / "emulator",
            function_urls={},
        )
        runner.run(emulator.start())
        try:
            aws = LocalAws(f"http://{HOST}:{port}")
            _upload(aws, folder)
            yield Lab(folder, aws, instances, input_px)
        finally:
            runner.run(emulator.stop())


def class_count() -> int:
    """Return how many classes the model has."""
    count: int = json.loads((versions.SHIPPED / "manifest.json").read_text())["class_count"]
    return count


def drop_from_page_cache(side: Side) -> None:
    """Have the kernel forget what it holds of the files that a side reads.

    What another process has mapped, such as the interpreter itself, stays. Needs no rights.

    Raises:
        BenchError: the system has no such call.
    """
    if not hasattr(os, "posix_fadvise"):
        raise BenchError("this system cannot drop files from its page cache; it needs Linux")
    for folder in side.files:
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
    aws.s3.upload_file(str(folder / "weights.pt"), MODELS_BUCKET, _WEIGHTS_KEY)
