"""Errors of requests, models, engines and buckets."""


class RequestError(Exception):
    """An error returned to the caller.

    Args:
        status: HTTP status code of the answer.
        code: snake_case code for programs.
        message: one or two sentences for people: what is wrong and what to do.
        direct_message: message for callers that invoke the function directly and so belong to the
            account: it may have names and paths that users of the API do not see.
        cause: the error behind it, for the log alone.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        direct_message: str | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.direct_message = direct_message or message
        self.cause = cause


class ModelError(Exception):
    """The model version cannot be served: it is missing, incomplete or altered."""


class EngineError(Exception):
    """A loaded model failed to run; the message is the engine's."""


class ObjectMissingError(Exception):
    """The object does not exist, or access is denied: S3 does not distinguish the two."""


class ObjectSizeError(Exception):
    """The object is larger than the reader accepts, or not of the expected size."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes")
        self.size_bytes = size_bytes


class BucketUnavailableError(Exception):
    """S3 timed out or returned an error, also after retries."""


class BucketTimeoutError(BucketUnavailableError):
    """S3 did not answer within the time for a request and its retries."""
