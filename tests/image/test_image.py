"""The classifier's image, built from its Dockerfile as it is and run as Lambda runs it."""

import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from app import stages
from stacks.constructs.model_store import IMAGE_MODELS
from tests.conftest import SAMPLE, SAMPLE_LABEL, Cloud
from tests.image.builder import Image, build, inside, remove_container, run_command
from tests.integration.aws_proxy import refusing
from tests.integration.classifier_harness import HANDLER, Call, calling
from warmlens.local.aws import LocalAws
from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS
from warmlens.registry.publish import publish_model
from warmlens.runtime.function import FunctionSpec

PROD = next(settings for settings in stages() if settings.env_name == "prod")
PLATFORM_VARIABLES = [
    "_HANDLER",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
]

RunImage = Callable[[Image, Mapping[str, str]], AbstractAsyncContextManager[Call]]


def as_under_umask_077(folder: Path) -> Path:
    """Leave a build's folder readable to its owner alone, as in a clone made under that umask."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    return folder


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of the stores `s3` and `efs`, which holds no model."""
    folder = tmp_path_factory.mktemp("clone") / "classifier"
    shutil.copytree(LAMBDA_SRC / "classifier", folder)
    image = build(as_under_umask_077(folder), "warmlens-classifier")
    print(f"\n{image.report()}")
    return image


@pytest.fixture(scope="module")
def image_with_model(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of the store `image`, from the folder that the synth hands to the build."""
    from tests.infrastructure.variants import VARIANTS, synthesize

    folder = tmp_path_factory.mktemp("synth")
    synthesize(folder, VARIANTS["image"])
    (context,) = (path.parent for path in folder.glob("asset.*/Dockerfile"))
    image = build(as_under_umask_077(context), "warmlens-classifier-with-model")
    print(f"\n{image.report()}")
    return image


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    """A bucket of the test's own, with a photo in it."""
    s3, name = cloud.client("s3"), f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="test/photo.jpg", Body=SAMPLE.read_bytes())
    return name


@pytest.fixture
def run_image(cloud: Cloud, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunImage]:
    """Runs an image as an instance; gives what calls it over the Lambda Runtime API."""
    container = f"warmlens-{uuid.uuid4().hex[:12]}"
    # An image runs as a user of its own, whom the local cloud refuses. So the Runtime API lets
    # every user in here, and the emulator is called through a proxy.
    monkeypatch.setattr("warmlens.runtime.gate.is_another_user", lambda *_: False)
    function = {
        "IMAGES_BUCKET": bucket,
        "IMAGE_PREFIXES": "uploads/,test/",
        "MODEL_NAME": PROD.model_name,
        "MODEL_VERSION": PROD.model_version,
        "MAX_IMAGE_BYTES": str(PROD.max_image_bytes),
        "MAX_IMAGE_PIXELS": str(PROD.max_image_pixels),
        "MAX_DECODE_MS": str(PROD.max_decode_ms),
        "MAX_HOLD_MS": str(PROD.max_hold_ms),
    }
    engine = {name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ}

    @asynccontextmanager
    async def run(image: Image, variables: Mapping[str, str]) -> AsyncIterator[Call]:
        async with refusing(cloud.endpoint_url, lambda *_: False) as url:
            aws = LocalAws(url, cloud.keys)
            environment = {**function, **variables}
            passed = [*environment, *aws.environment, *PLATFORM_VARIABLES]
            spec = FunctionSpec(
                name="classifier",
                version="1",
                memory_mb=PROD.memory_mb,
                timeout_s=PROD.timeout_s,
                environment={**environment, **engine, "PATH": os.environ["PATH"]},
                handler=HANDLER,
                command=run_command(image.tag, container, PROD.memory_mb, passed),
                task_root=LAMBDA_SRC,
            )

            async with calling(lambda _: spec, aws) as call:
                yield call

    yield run
    remove_container(container)


CLASSIFY = {"method": "classification", "file_path": "test/photo.jpg"}


async def test_the_image_classifies_a_photo_with_a_model_from_the_bucket(
    image: Image, run_image: RunImage, cloud: Cloud, bucket: str
) -> None:
    version: Path = MODEL_ARTIFACTS / PROD.model_name / PROD.model_version
    publish_model(version, bucket, cloud.client("s3"))
    async with run_image(image, {"MODELS_BUCKET": bucket}) as call:
        answer = await call(CLASSIFY)
        assert answer.get("cold_start") is True, answer
        assert (answer["model"], answer["version"]) == (PROD.model_name, PROD.model_version)
        assert answer["TOP1_label"] == SAMPLE_LABEL
        assert (await call(CLASSIFY))["cold_start"] is False


async def test_the_image_with_the_model_in_it_classifies_a_photo_without_any_store(
    image_with_model: Image, run_image: RunImage
) -> None:
    async with run_image(image_with_model, {"MODELS_FOLDER": IMAGE_MODELS}) as call:
        answer = await call(CLASSIFY)
        assert answer.get("TOP1_label") == SAMPLE_LABEL, answer
        assert answer["version"] == PROD.model_version


def test_the_image_compiles_nothing_at_a_cold_start(image: Image) -> None:
    found = "import sys; import classifier.request as module; print(module.__cached__)"
    compiled = inside(image.tag, "python3", "-c", found).strip()
    assert inside(image.tag, "ls", compiled).strip() == compiled


def test_an_image_built_under_umask_077_is_readable_to_all(image: Image) -> None:
    # Run by a user who owns nothing; a folder must be entered, too.
    unreadable = (
        "import os, pathlib; print([str(path) for path in pathlib.Path('/var/task').rglob('*')"
        " if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))])"
    )
    assert inside(image.tag, "python3", "-c", unreadable).strip() == "[]"


def test_the_image_holds_no_model_and_a_tool_for_building_none(image: Image) -> None:
    assert inside(image.tag, "ls", IMAGE_MODELS).split() == ["README.md"]


def test_the_model_is_a_layer_of_its_own_above_the_packages(image_with_model: Image) -> None:
    made_by = [layer.made_by for layer in image_with_model.layers]  # the newest first
    (model,) = (index for index, text in enumerate(made_by) if "/models" in text)
    packages = [index for index, text in enumerate(made_by) if "pip install" in text]
    assert len(packages) == 2  # those with hashes, and the engine's
    assert model < min(packages)
    assert image_with_model.layers[model].size_bytes > 1_000_000
