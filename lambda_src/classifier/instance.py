"""What one instance keeps between calls: its id, its model, its way to the images."""

import re
import time
import uuid
from collections.abc import Mapping

from .bucket import Bucket
from .configuration import Configuration
from .errors import ModelError, RequestError
from .logs import log, metrics
from .model import Model, load_model

_LOG_STREAM = re.compile(r"[0-9a-f]{32}$")


def instance_id(log_stream: str) -> str:
    """Return the id at the end of the instance's log stream, so that an answer leads to its log.

    A runtime whose log streams have no such end, such as Lambda's local emulators, gives a random
    one.
    """
    found = _LOG_STREAM.search(log_stream)
    return found.group() if found else uuid.uuid4().hex


class Instance:
    """The state of this instance, made once at init.

    Args:
        environment: the function's environment variables.
        started_s: `time.monotonic()` when the function's code began to load.
    """

    def __init__(self, environment: Mapping[str, str], *, started_s: float) -> None:
        self.configuration = Configuration.from_environment(environment)
        self.id = instance_id(environment.get("AWS_LAMBDA_LOG_STREAM_NAME", ""))
        self.images = Bucket(self.configuration.images_bucket)
        self._model: Model | None = None
        self._calls = 0
        try:
            self._model = load_model(self.configuration)
        except ModelError as error:
            self._report(error)
        self.init_ms = round((time.monotonic() - started_s) * 1000, 3)

    def begin_call(self) -> bool:
        """Count a call; return True for the instance's first one, the cold start."""
        self._calls += 1
        return self._calls == 1

    def model(self) -> Model:
        """Return the model.

        An instance whose init could not load it tries again here, so that it serves as soon as
        the model store is mended, without a deploy.

        Raises:
            RequestError: 503, the model is still not available.
        """
        if self._model is None:
            try:
                self._model = load_model(self.configuration)
            except ModelError as error:
                self._report(error)
                raise RequestError(
                    503,
                    "model_unavailable",
                    f"The model {self.configuration.model_name} "
                    f"{self.configuration.model_version} cannot be served: {error}.",
                ) from None
        return self._model

    def _report(self, error: ModelError) -> None:
        log(
            "ERROR",
            "model_unavailable",
            model=self.configuration.model_name,
            version=self.configuration.model_version,
            instance_id=self.id,
            reason=str(error),
            **metrics(self.configuration.metrics_environment, {"ModelLoadFailure": 1}),
        )
