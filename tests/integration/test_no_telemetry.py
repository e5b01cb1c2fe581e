"""Instances connect to nothing but their own account's AWS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS

PROGRAM = """
import os
from classifier import handler
handler.INSTANCE.model().dry_forward()
print(len(os.listdir("/proc/self/task")))
"""


def started(python: str, home: Path) -> str:
    done = subprocess.run(
        [python, "-c", PROGRAM],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(LAMBDA_SRC),
            "HOME": str(home),
            "TMPDIR": str(home),
            "IMAGES_BUCKET": "images",
            "IMAGE_PREFIXES": "test/",
            "MODELS_FOLDER": str(MODEL_ARTIFACTS),
            "MODEL_NAME": "products-resnet50",
            "MODEL_VERSION": "1.1.0",
            "MAX_IMAGE_BYTES": "1000000",
            "MAX_IMAGE_PIXELS": "1000000",
            "MAX_DECODE_MS": "5000",
            "MAX_HOLD_MS": "1000",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_REGION": "us-east-1",
        },
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in Linux's /proc")
def test_onnx_runtime_leaves_no_id_and_no_thread_behind(
    runtime_python: str, tmp_path: Path
) -> None:
    threads = started(runtime_python, tmp_path)
    assert list(tmp_path.rglob("*")) == []
    assert threads == "1"
