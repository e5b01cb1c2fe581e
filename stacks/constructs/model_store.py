"""Where the classifier reads its model from at init."""

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
from constructs import Construct

from stacks.constructs.bucket import private_bucket
from stacks.constructs.network import Network
from stacks.constructs.paths import LAMBDA_SRC, MODEL_ARTIFACTS
from stacks.policies import acknowledge, objects_finding
from stacks.settings import Settings, SettingsError

IMAGE_MODELS = "/var/task/models"  # where the Dockerfile copies `models/` to


class ModelStore(Protocol):
    """What the classifier needs of a model store.

    Attributes:
        environment: environment variables that tell the function where the store is.
        network: where the function must run; None outside of any network.
        bucket: what models are published to; None when they come with the image.
    """

    environment: dict[str, str]
    network: Network | None
    bucket: s3.Bucket | None

    def image_context(self) -> AbstractContextManager[Path]:
        """Give the folder that the classifier's container image is built from."""

    def attach(self, function: lambda_.Function) -> None:
        """Let `function` read the configured model, and nothing else."""


class S3ModelStore(Construct):
    """A versioned bucket with `<name>/<version>/manifest.json` and the files it names.

    Args:
        settings: the environment.
        access_logs: bucket that a record of every request goes to.

    Attributes:
        environment: as `ModelStore`.
        network: none.
        bucket: the bucket, which models are published to.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        access_logs: s3.IBucket | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = f"{settings.model_name}/"
        self.network: Network | None = None
        bucket = private_bucket(
            self, "Models", settings=settings, versioned=True, access_logs=access_logs
        )
        self.bucket: s3.Bucket | None = bucket
        self._models = bucket
        self.environment = {"MODELS_BUCKET": bucket.bucket_name}

    def image_context(self) -> AbstractContextManager[Path]:
        """Give the classifier's source: the image holds no model."""
        return nullcontext(LAMBDA_SRC / "classifier")

    def attach(self, function: lambda_.Function) -> None:
        """Let `function` read the versions of its model, so that another is served at once."""
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[self._models.arn_for_objects(f"{self._prefix}*")],
            )
        )
        finding = objects_finding(function, self._models, self._prefix)
        assert function.role is not None
        acknowledge(function.role, {finding: "All versions of the served model, to roll back."})


class ImageModelStore(Construct):
    """The model in the container image itself: nothing is fetched, a new model is a new image.

    Args:
        settings: the environment.

    Attributes:
        environment: as `ModelStore`.
        network: none.
        bucket: none.

    Raises:
        SettingsError: the model that the settings name is not in `model_artifacts`, or is for
            another engine.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
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
        self.bucket: s3.Bucket | None = None
        self.environment = {"MODELS_FOLDER": IMAGE_MODELS}

    @contextmanager
    def image_context(self) -> Iterator[Path]:
        """Give a copy of the classifier's source with the model's files in `models/`."""
        with tempfile.TemporaryDirectory(prefix="warmlens-image-") as folder:
            context = Path(folder) / "classifier"
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(LAMBDA_SRC / "classifier", context, ignore=ignore)
            shutil.copytree(MODEL_ARTIFACTS / self._version, context / "models" / self._version)
            yield context

    def attach(self, function: lambda_.Function) -> None:
        """Do nothing: a function may read its own image."""
