"""What a caller is told when a request cannot be answered."""


class RequestError(Exception):
    """A request that gets an error answer instead of a result.

    Args:
        status: HTTP status code of the answer.
        code: short snake_case word that programs compare.
        message: one or two sentences for a person: what is wrong, what to do.
        direct_message: what is said instead to whoever invokes the function itself, and so belongs
            to the account: with names and paths that users of the API are not told.
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
    """A model version that must not be served: missing, incomplete or altered."""


class EngineError(Exception):
    """A loaded model that does not run on its input; the message is the engine's own."""
