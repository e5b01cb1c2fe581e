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
        names = settings.servable_models
        self._prefixes = [""] if names == ("*",) else [f"{name}/" for name in names]
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
                resources=[self._models.arn_for_objects(f"{each}*") for each in self._prefixes],
            )
        )
        findings = [objects_finding(function, self._models, each) for each in self._prefixes]
        assert function.role is not None
        reason = "All versions of the served models, to roll back."
        acknowledge(function.role, dict.fromkeys(findings, reason))


class ImageModelStore:
    """Model store in the container image: a new version needs a new image.

    Args:
        settings: settings of the environment.

    Attributes:
        environment: see `ModelStore`.
        network: none.

    Raises:
        SettingsError: a model is not in `model_artifacts`, or needs another engine.
    """

    def __init__(self, *, settings: Settings) -> None:
        served = Path(settings.model_name) / settings.model_version
        engine = _engine_of(served)
        if engine is None:
            raise SettingsError(
                f"environment {settings.env_name}: model_name = {settings.model_name!r}, "
                f"model_version = {settings.model_version!r}; with model_store = 'image' it must "
                f"be a folder with a manifest.json in model_artifacts"
            )
        if engine != settings.engine:
            raise SettingsError(
                f"environment {settings.env_name}: engine = {settings.engine!r}; allowed is "
                f"{engine!r}, which {settings.model_name} {settings.model_version} in "
                f"model_artifacts is for"
            )
        self._versions = [served, *_others(settings)]
        self.network: Network | None = None
        self.environment = {"MODELS_FOLDER": IMAGE_MODELS}

    @contextmanager
    def image_context(self) -> Iterator[Path]:
        """Return a copy of the classifier's source with the models' files in `models/`."""
        with tempfile.TemporaryDirectory(prefix="warmlens-image-") as folder:
            context = Path(folder) / "classifier"
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(LAMBDA_SRC / "classifier", context, ignore=ignore)
            for version in self._versions:
                shutil.copytree(MODEL_ARTIFACTS / version, context / "models" / version)
            yield context

    def attach(self, function: lambda_.Function) -> None:
        """Do nothing: a function can read its own image."""


def _others(settings: Settings) -> Iterator[Path]:
    """Yield the newest version in `model_artifacts` of each of `other_models`."""
    is_any = settings.servable_models == ("*",)
    known = sorted(path.name for path in MODEL_ARTIFACTS.iterdir() if path.is_dir())
    for name in known if is_any else settings.servable_models:
        version = _newest(name)
        engine = None if version is None else _engine_of(version)
        if name == settings.model_name or (is_any and engine != settings.engine):
            continue
        if version is None or engine != settings.engine:
            reason = f"is for engine = {engine!r}" if engine else "has no manifest.json"
            raise SettingsError(
                f"environment {settings.env_name}: other_models = {settings.other_models!r}; with "
                f"model_store = 'image' each must be in model_artifacts, for engine = "
                f"{settings.engine!r}: {name} {reason} there"
            )
        yield version


def _newest(name: str) -> Path | None:
    """Return the newest version of a model as a path in `model_artifacts`; None without one."""
    found = [path.parent.name for path in (MODEL_ARTIFACTS / name).glob("*/manifest.json")]
    numbered = [each for each in found if each.replace(".", "").isdecimal()]
    newest = max(numbered, key=lambda each: [int(part) for part in each.split(".")], default=None)
    return None if newest is None else Path(name) / newest


def _engine_of(version: Path) -> str | None:
    """Return the engine that the manifest of a version names; None without a manifest."""
    manifest = MODEL_ARTIFACTS / version / "manifest.json"
    return str(json.loads(manifest.read_bytes()).get("engine")) if manifest.is_file() else None
