"""State of one Lambda instance: its id, its model and its S3 client for images."""

import gc
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .background import Background
from .config import ClassifierConfig
from .deferred import defer
from .errors import ModelError, RequestError
from .logs import log, metrics
from .model_files import ModelFiles, read_model_files
from .stages import Stages

if TYPE_CHECKING:
    from . import engine, torch_engine
    from .bucket import Bucket
    from .model import Model

    Runtime = engine.Runtime | torch_engine.Runtime

_ID_CHARACTERS = 32
# Pillow imports them to start programs and for EXIF, which is read without it (`pixel_parts`).
_UNUSED = ("subprocess", "PIL.ExifTags", "PIL.TiffTags")


def id_in(log_stream: str) -> str | None:
    """Return the id at the end of a log stream's name; None if it has none, as in emulators.

    Args:
        log_stream: name of the log stream.
    """
    end = log_stream[-_ID_CHARACTERS:]
    if len(end) == _ID_CHARACTERS and not end.strip("0123456789abcdef"):
        return end
    return None


def _runtime_class(engine: str) -> "type[Runtime]":
    if engine == "torch":
        from . import torch_engine

        return torch_engine.Runtime
    from . import engine as onnxruntime_engine

    return onnxruntime_engine.Runtime


class Instance:
    """State of this instance, created once at init.

    With SnapStart the init of one process is copied into many instances. So nothing that must
    differ between them, or that a copy cannot take over, is made at init: see decision 89.

    Args:
        environment: the function's environment variables.
        started_s: `time.monotonic()` when the function's code began to load.

    Attributes:
        config: its configuration.
        id: the id in its log stream's name, to find its log, or else a random one; None before the
            first call, unless the log stream has it.
        from_snapshot: True if it is a copy of an init that was run at the time of a deploy.
        init_ms: duration of the init in milliseconds.

    Raises:
        ModelError: the model cannot be loaded into a snapshot.
    """

    def __init__(self, environment: Mapping[str, str], *, started_s: float) -> None:
        self.config = ClassifierConfig.from_environment(environment)
        kind = environment.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        self.from_snapshot = kind == "snap-start"
        # Then, and with provisioned concurrency, no call waits for init: it can do the first run.
        self._initialized_ahead = kind != "on-demand"
        log_stream = environment.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self.id = None if self.from_snapshot else id_in(log_stream)
        self._runtime: Runtime | None = None
        self._model: Model | None = None
        self._images: Bucket | None = None
        self._calls = 0
        stages = Stages(started_s)
        # Before the imports below, which would compete with it for Python's lock.
        self._runtime_class = _runtime_class(self.config.engine)
        stages.end("modules")
        files = self._fetch()
        self._imports = Background(self._import)
        try:
            self._load(files, stages)
        except ModelError as error:
            self._give_up(error)
            if self.from_snapshot:
                raise  # every instance would have to load it: Lambda fails the deploy instead
            self._imports.result()  # `_load` may have failed before it waited for them
            stages.end("failure")
        gc.freeze()  # later collections skip init's objects
        gc.enable()
        self.init_ms = round(sum(stages.milliseconds.values()), 3)
        log(
            "INFO",
            "init",
            instance_id=self.id,
            init_ms=self.init_ms,
            stages_ms=stages.milliseconds,
        )

    def begin_call(self) -> bool:
        """Count a call; return True for a cold start, the instance's first call."""
        self._calls += 1
        if self._calls > 1:
            return False
        self.id = self.id or os.urandom(_ID_CHARACTERS // 2).hex()
        return True

    def images(self) -> "Bucket":
        """Return the S3 client for images, which is created once."""
        if self._images is None:
            from .bucket import Bucket

            self._images = Bucket(self.config.images_bucket)
        return self._images

    def model(self) -> "Model":
        """Return the loaded model, after another attempt to load it if the first one failed.

        So an instance serves as soon as the model store is repaired, without a deploy.

        Raises:
            RequestError: 503, the model is still unavailable.
        """
        if self._model is None:
            try:
                return self._load(self._fetch(), Stages())
            except ModelError as error:
                raise self.unavailable(error) from None
        return self._model

    def unavailable(self, error: ModelError) -> RequestError:
        """Free the model, log the reason, and return the error for the caller."""
        self._give_up(error)
        model = f"{self.config.model_name} {self.config.model_version}"
        return RequestError(
            503,
            "model_unavailable",
            f"The model {model} cannot be served now; try again in a moment.",
            direct_message=f"The model {model} cannot be served: {error}.",
        )

    def _fetch(self) -> Background[ModelFiles]:
        return Background(lambda: read_model_files(self.config))

    def _import(self) -> None:
        """Import what photos need, and create their S3 client, while the engine starts."""
        if self.config.engine == "onnxruntime":
            for name in _UNUSED:
                defer(name)
        from . import bucket  # noqa: F401

        if not self.from_snapshot:
            self.images()
        from . import model  # noqa: F401

    def _load(self, files: Background[ModelFiles], stages: Stages) -> "Model":
        try:
            runtime = self._runtime = self._runtime or self._runtime_class()
        except ModelError:
            files.wait()  # the next attempt writes to the same paths
            raise
        stages.end("runtime")
        verified = files.result()
        stages.end("files")
        graph, manifest = verified.graph_path, verified.manifest
        engine = runtime.open(graph, manifest, threads=self.config.threads)
        stages.end("session")
        self._imports.result()
        stages.end("imports")
        from .model import open_model

        self._model = model = open_model(verified, engine)
        if self._initialized_ahead:
            model.dry_forward()
            stages.end("dry_forward")
        return model

    def _give_up(self, error: ModelError) -> None:
        if self._model is not None:  # it was loaded but failed to run
            self._model.close()
            self._model = None
        log(
            "ERROR",
            "model_unavailable",
            model=self.config.model_name,
            version=self.config.model_version,
            instance_id=self.id,
            reason=str(error),
            **metrics(self.config.metrics_environment, {"ModelLoadFailure": 1}),
        )
