"""The classifier's configuration, read from its environment variables."""

from collections.abc import Mapping
from typing import NamedTuple


class ClassifierConfig(NamedTuple):
    """The classifier's configuration; `stacks/constructs/classifier.py` sets the variables.

    Attributes:
        images_bucket: bucket with the images to classify.
        image_prefixes: key prefixes that a `file_path` may begin with, each ending in `/`.
        models_bucket: bucket with `<model_name>/<model_version>/manifest.json`; None when models
            are read from a folder.
        models_folder: that folder, a mounted file system or a part of the container image.
        models_in_image: True if the folder is part of the container image.
        engine: the library that runs the model: `onnxruntime` (the default) or `torch`.
        model_name: name of the model to serve.
        model_version: version of that model.
        max_image_bytes: maximum size of an image, in bytes.
        max_image_pixels: maximum width x height of an image, in pixels.
        max_decode_ms: time after which decoding is stopped, in milliseconds.
        max_hold_ms: maximum time for which a wakeup may hold the instance, in milliseconds.
        metrics_environment: value of the metrics' dimension `Environment`; None emits none.
        cors_origins: origins of other pages that may read the answers.
        memory_mb: the function's memory size; AWS gives 1 vCPU per 1,769 MB.
    """

    images_bucket: str
    image_prefixes: tuple[str, ...]
    models_bucket: str | None
    models_folder: str | None
    models_in_image: bool
    engine: str
    model_name: str
    model_version: str
    max_image_bytes: int
    max_image_pixels: int
    max_decode_ms: int
    max_hold_ms: int
    metrics_environment: str | None
    cors_origins: tuple[str, ...]
    memory_mb: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ClassifierConfig":
        """Read the variables; a missing one raises KeyError, a wrong number ValueError."""
        models_bucket = environment.get("MODELS_BUCKET") or None
        models_folder = environment.get("MODELS_FOLDER") or None
        if (models_bucket is None) == (models_folder is None):
            raise ValueError("exactly one of MODELS_BUCKET and MODELS_FOLDER must be set")
        return cls(
            images_bucket=environment["IMAGES_BUCKET"],
            image_prefixes=tuple(environment["IMAGE_PREFIXES"].split(",")),
            models_bucket=models_bucket,
            models_folder=models_folder,
            models_in_image=_is_in_image(models_folder, environment.get("LAMBDA_TASK_ROOT")),
            engine=environment.get("ENGINE", "onnxruntime"),
            model_name=environment["MODEL_NAME"],
            model_version=environment["MODEL_VERSION"],
            max_image_bytes=int(environment["MAX_IMAGE_BYTES"]),
            max_image_pixels=int(environment["MAX_IMAGE_PIXELS"]),
            max_decode_ms=int(environment["MAX_DECODE_MS"]),
            max_hold_ms=int(environment["MAX_HOLD_MS"]),
            metrics_environment=environment.get("METRICS_ENVIRONMENT"),
            cors_origins=tuple(environment.get("CORS_ORIGINS", "").split()),
            memory_mb=int(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        )

    @property
    def threads(self) -> int:
        """Number of compute threads: one per vCPU of the memory size, at least one.

        Source: AWS Lambda developer guide, "Configure Lambda function memory".
        """
        return max(1, self.memory_mb // 1769)


def _is_in_image(folder: str | None, task_root: str | None) -> bool:
    return bool(folder and task_root) and f"{folder}/".startswith(f"{task_root}/")
