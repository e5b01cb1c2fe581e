"""The classifier's image with the engine `torch`, built from the same Dockerfile."""

import os
from pathlib import Path

import pytest

from tests.conftest import Cloud
from tests.image import test_image
from tests.image.builder import Image, build, inside
from tests.image.test_image import CLASSIFY, RunImage
from tests.torch import conftest as torch_conftest
from warmlens.paths import LAMBDA_SRC
from warmlens.registry.publish import publish_model

pytestmark = pytest.mark.timeout(900)

bucket = test_image.bucket
run_image = test_image.run_image
artifacts = torch_conftest.artifacts


@pytest.fixture(scope="module")
def torch_image() -> Image:
    arguments = {"ENGINE": "torch", "TORCH_INDEX": os.environ["TORCH_INDEX"]}
    image = build(LAMBDA_SRC / "classifier", "warmlens-classifier-torch", arguments)
    print(f"\n{image.report()}")
    return image


async def test_the_image_classifies_a_photo_with_a_program_from_the_bucket(
    torch_image: Image, run_image: RunImage, cloud: Cloud, bucket: str, artifacts: Path
) -> None:
    publish_model(artifacts / "mine-torch" / "1.0.0", bucket, cloud.client("s3"))
    variables = {"MODELS_BUCKET": bucket, "MODEL_NAME": "mine-torch", "MODEL_VERSION": "1.0.0"}
    async with run_image(torch_image, {**variables, "ENGINE": "torch"}) as call:
        answer = await call(CLASSIFY)
        assert answer.get("cold_start") is True, answer
        assert answer["model"] == "mine-torch"
        assert (await call(CLASSIFY))["cold_start"] is False


def test_the_image_has_pytorch_for_the_cpu_and_no_other_engine(torch_image: Image) -> None:
    packages = inside(torch_image.tag, "ls", "/var/task").split()
    assert "torch" in packages
    assert "onnxruntime" not in packages
    cuda = (
        "import warnings; warnings.simplefilter('ignore'); import torch; print(torch.version.cuda)"
    )
    assert inside(torch_image.tag, "python3", "-c", cuda).strip() == "None"
