"""Errors of requests, models and engines."""


class RequestError(Exception):
    """An error returned to the caller.

    Args:
        status: HTTP status code of the answer.
        code: snake_case code for programs.
        message: one or two sentences for people: what is wrong and what to do.
        direct_message: message for callers that invoke the function directly and so belong to the
            account: it may have names and paths that users of the API do not see.
    """

    def __init__(
        self, status: int, code: str, message: str, *, direct_message: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.direct_message = direct_message or message


class ModelError(Exception):
    """The model version cannot be served: it is missing, incomplete or altered."""


class EngineError(Exception):
    """A loaded model failed to run; the message is the engine's."""
