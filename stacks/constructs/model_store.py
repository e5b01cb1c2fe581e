"""Model stores, from which the classifier loads its model at init."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from stacks.constructs.network import Network
from stacks.constructs.paths import LAMBDA_SRC, MODEL_ARTIFACTS
from stacks.policies import acknowledge, objects_finding
from stacks.settings import Settings, SettingsError

IMAGE_MODELS = "/var/task/models"  # where the Dockerfile copies `models/` to


class ModelStore(Protocol):
    """The interface of model stores.

    Attributes:
        environment: environment variables of the classifier that locate the store.
        network: network that the classifier must run in; None without one.
    """

    environment: dict[str, str]
    network: Network | None

    def image_context(self) -> AbstractContextManager[Path]:
        """Return the folder that the classifier's container image is built from."""

    def attach(self, function: lambda_.Function) -> None:
        """Allow `function` to read the configured model."""


class S3ModelStore:
    """Model store in S3: a bucket with `<name>/<version>/manifest.json` and the version's files.

    Args:
        settings: settings of the environment.
        models: bucket that models are published to.

    Attributes:
        environment: see `ModelStore`.
        network: none.
    """

    def __init__(self, *, settings: Settings, models: s3.IBucket) -> None:
        self._prefix = "" if settings.any_model else f"{settings.model_name}/"
        self._models = models
        self.network: Network | None = None
        self.environment = {"MODELS_BUCKET": models.bucket_name}

    def image_context(self) -> AbstractContextManager[Path]:
        """Return the classifier's source folder, without a model."""
        return nullcontext(LAMBDA_SRC / "classifier")

    def attach(self, function: lambda_.Function) -> None:
        """Allow `function` to read all versions of its models, to switch without a deploy."""
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[self._models.arn_for_objects(f"{self._prefix}*")],
            )
        )
        finding = objects_finding(function, self._models, self._prefix)
        assert function.role is not None
        acknowledge(function.role, {finding: "All versions of the served models, to roll back."})


class ImageModelStore:
    """Model store in the container image: a new model needs a new image.

    Args:
        settings: settings of the environment.

    Attributes:
        environment: see `ModelStore`.
        network: none.

    Raises:
        SettingsError: the model is not in `model_artifacts`, or needs another engine.
    """

    def __init__(self, *, settings: Settings) -> None:
        self._version = Path(settings.model_name) / settings.model_version
        manifest = MODEL_ARTIFACTS / self._version / "manifest.json"
        if not manifest.is_file():
            raise SettingsError(
                f"environment {settings.env_name}: model_name = {settings.model_name!r}, "
                f"model_version = {settings.model_version!r}; with model_store = 'image' it must "
                f"be a folder with a manifest.json in model_artifacts"
            )
        engine = json.loads(manifest.read_bytes()).get("engine")
        if engine != settings.engine:
            raise SettingsError(
                f"environment {settings.env_name}: engine = {settings.engine!r}; allowed is "
                f"{engine!r}, which {settings.model_name} {settings.model_version} in "
                f"model_artifacts is for"
            )
        self.network: Network | None = None
        self.environment = {"MODELS_FOLDER": IMAGE_MODELS}

    @contextmanager
    def image_context(self) -> Iterator[Path]:
        """Return a copy of the classifier's source with the model's files in `models/`."""
        with tempfile.TemporaryDirectory(prefix="warmlens-image-") as folder:
            context = Path(folder) / "classifier"
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(LAMBDA_SRC / "classifier", context, ignore=ignore)
            shutil.copytree(MODEL_ARTIFACTS / self._version, context / "models" / self._version)
            yield context

    def attach(self, function: lambda_.Function) -> None:
        """Do nothing: a function can read its own image."""
