"""State of one Lambda instance: its id, its model and its S3 client for images."""

import gc
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .background import Background
from .bucket import Bucket
from .config import ClassifierConfig
from .deferred import defer
from .errors import ModelError, RequestError
from .logs import log, metrics
from .model_files import ModelFiles, read_model_files
from .stages import Stages

if TYPE_CHECKING:
    from .model import Model, Runtime

_ID_CHARACTERS = 32


def instance_id(log_stream: str) -> str:
    """Return the instance's id: the end of its log stream's name, to find its log.

    Where log streams have other names, as in local emulators of Lambda, the id is random.

    Args:
        log_stream: name of the log stream.
    """
    end = log_stream[-_ID_CHARACTERS:]
    if len(end) == _ID_CHARACTERS and not end.strip("0123456789abcdef"):
        return end
    return os.urandom(_ID_CHARACTERS // 2).hex()


class Instance:
    """State of this instance, created once at init.

    Args:
        environment: the function's environment variables.
        started_s: `time.monotonic()` when the function's code began to load.
    """

    def __init__(self, environment: Mapping[str, str], *, started_s: float) -> None:
        self.config = ClassifierConfig.from_environment(environment)
        self.id = instance_id(environment.get("AWS_LAMBDA_LOG_STREAM_NAME", ""))
        # With provisioned concurrency no call waits for init, so init can do the first run.
        kind = environment.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        self._initialized_ahead = kind != "on-demand"
        self._stages = Stages()
        self._runtime: Runtime | None = None
        self._model: Model | None = None
        self._calls = 0
        files = self._fetch()
        with self._stages.measure("images_client"):
            self.images = Bucket(self.config.images_bucket)
        try:
            self._load(files)
        except ModelError as error:
            self._give_up(error)
        gc.freeze()  # later collections skip init's objects
        gc.enable()
        self.init_ms = round((time.monotonic() - started_s) * 1000, 3)
        log(
            "INFO",
            "init",
            instance_id=self.id,
            init_ms=self.init_ms,
            stages_ms=self._stages.milliseconds,
        )

    def begin_call(self) -> bool:
        """Count a call; return True for a cold start, the instance's first call."""
        self._calls += 1
        return self._calls == 1

    def model(self) -> "Model":
        """Return the loaded model, after another attempt to load it if the first one failed.

        So an instance serves as soon as the model store is repaired, without a deploy.

        Raises:
            RequestError: 503, the model is still unavailable.
        """
        if self._model is None:
            try:
                return self._load(self._fetch())
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

    def _load(self, files: Background[ModelFiles]) -> "Model":
        measure = self._stages.measure
        with measure("imports"):
            # Imported here, while the files are being fetched.
            runtime = self._start_runtime()
            from .model import open_model
        try:
            with measure("runtime"):
                self._runtime = runtime.result()
        except ModelError:
            files.wait()  # the next attempt writes to the same paths
            raise
        with measure("files"):
            verified = files.result()
        with measure("session"):
            model = open_model(verified, self._runtime, threads=self.config.threads)
        self._model = model
        if self._initialized_ahead:
            with measure("dry_forward"):
                model.dry_forward()
        return model

    def _start_runtime(self) -> "Background[Runtime]":
        if self.config.engine == "torch":
            from . import torch_engine

            return Background(lambda: self._runtime or torch_engine.Runtime())
        from . import engine

        runtime = Background(lambda: self._runtime or engine.Runtime())
        defer("subprocess")  # Pillow imports it to start programs, which is not done here
        return runtime

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
