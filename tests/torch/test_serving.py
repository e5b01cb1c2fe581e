"""The classifier with PyTorch, in an instance's environment and under AWS's runtime client."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import WARMLENS, start_cloud
from tests.integration.classifier_harness import CLASSIFY, CallWith
from tests.integration.test_model_loading import assert_unavailable
from tests.training.program_file import program_file
from warmlens.local.venvs import classifier_requirements
from warmlens.paths import LAMBDA_SRC, ROOT
from warmlens.registry.publish import publish_model

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "models.md").read_text(), re.DOTALL)
PROGRAM = """
def forward(self, image):
    return image.mean(dim=[2, 3])
"""

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
]

ENGINES = ("onnxruntime", "torch")


def variables(engine: str, **more: str) -> dict[str, str]:
    version = {"MODEL_VERSION": "1.0.0"}
    return {"MODEL_NAME": f"mine-{engine}", "ENGINE": engine, **version, **more}


def top(answer: dict[str, Any]) -> list[tuple[str, float]]:
    return [(answer[f"TOP{rank}_label"], answer[f"TOP{rank}_softmax"]) for rank in range(1, 6)]


async def test_the_same_model_answers_the_same_with_either_engine(
    call_with: CallWith, s3: Any, bucket: str, artifacts: Path, torch_python: str
) -> None:
    answers = {}
    for engine in ENGINES:
        publish_model(artifacts / f"mine-{engine}" / "1.0.0", bucket, s3)
        python = torch_python if engine == "torch" else None
        async with call_with(variables(engine), python) as call:
            answers[engine] = await call(CLASSIFY)
            assert answers[engine].get("cold_start") is True, answers[engine]
            again = await call(CLASSIFY)
            assert again["cold_start"] is False
            assert top(again) == top(answers[engine])
            assert (await call({"method": "wakeup"}))["instance_id"] == again["instance_id"]
    expected, answer = top(answers["onnxruntime"]), top(answers["torch"])
    assert [label for label, _ in answer] == [label for label, _ in expected]
    softmax = [value for _, value in answer]
    assert softmax == pytest.approx([value for _, value in expected], abs=1e-4)


async def test_a_model_in_a_folder_is_served_without_a_copy(
    call_with: CallWith, artifacts: Path, torch_python: str
) -> None:
    folder = {"MODELS_FOLDER": str(artifacts), "MODELS_BUCKET": ""}
    async with call_with(variables("torch", **folder), torch_python) as call:
        answer = await call(CLASSIFY)
        assert answer.get("model") == "mine-torch", answer


async def test_an_image_with_pytorch_refuses_a_model_for_onnx_runtime(
    call_with: CallWith, s3: Any, bucket: str, artifacts: Path, torch_python: str
) -> None:
    publish_model(artifacts / "mine-onnxruntime" / "1.0.0", bucket, s3)
    asked = {**variables("onnxruntime"), "ENGINE": "torch"}
    async with call_with(asked, torch_python) as call:
        assert_unavailable(await call(CLASSIFY), "the setting engine = 'onnxruntime'")
    # Nor does one that was told wrongly what it has crash.
    async with call_with(variables("onnxruntime"), torch_python) as call:
        assert_unavailable(await call(CLASSIFY), "ONNX Runtime is not in this function's image")


def test_an_init_with_pytorch_imports_neither_the_other_engine_nor_torchvision(
    torch_python: str, artifacts: Path
) -> None:
    program = (
        "from classifier.handler import INSTANCE; import sys; INSTANCE.model().dry_forward();"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [torch_python, "-c", program],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(LAMBDA_SRC),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_REGION": "us-east-1",
            "IMAGES_BUCKET": "images",
            "IMAGE_PREFIXES": "test/",
            "MODELS_FOLDER": str(artifacts),
            "MAX_IMAGE_BYTES": "1000000",
            "MAX_IMAGE_PIXELS": "1000000",
            "MAX_HOLD_MS": "1000",
            "MAX_DECODE_MS": "5000",
            **variables("torch"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.splitlines()[-1].split())
    assert {"torch", "classifier.torch_engine"} <= modules
    assert not {"classifier.engine", "onnxruntime", "torchvision", "numpy", "sympy"} & modules
    assert done.stderr == ""


def test_an_image_has_one_engine() -> None:
    packages = {
        engine: "".join(path.read_text() for path in classifier_requirements(engine))
        for engine in ENGINES
    }
    assert "torch==" in packages["torch"]
    assert "torch==" not in packages["onnxruntime"]
    assert "onnxruntime==" not in packages["torch"]
    assert all("pillow==" in each and "obstore==" in each for each in packages.values())


def test_the_commands_of_the_page_bring_a_program_of_ones_own_into_the_local_cloud(
    tmp_path: Path, torch_python: str
) -> None:
    (block,) = (block for block in BLOCKS if "--engine torch" in block)
    importing, running = block.splitlines()
    program_file(tmp_path / "program.pt", PROGRAM)
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")
    result = subprocess.run(
        [WARMLENS, *shlex.split(importing)[1:], "--models", "artifacts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert running == "make run MODEL=mine"
    artifacts = str(tmp_path / "artifacts")
    cloud, process = start_cloud(tmp_path, "--model", "mine", "--models", artifacts)
    try:
        configuration = cloud.client("lambda").get_function_configuration(
            FunctionName="warmlens-local-classifier"
        )
        assert configuration["Environment"]["Variables"]["ENGINE"] == "torch"
        answer = cloud.post("classification", CLASSIFY)
        assert answer.status_code == 200, answer.text
        assert answer.json()["model"] == "mine"
        assert {answer.json()[f"TOP{rank}_label"] for rank in (1, 2, 3)} == {"red", "green", "blue"}
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
