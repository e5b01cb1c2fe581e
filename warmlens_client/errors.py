"""Errors that the client raises."""


class WarmlensClientError(Exception):
    """An error with a code for programs and a message for people; the base of all others.

    Args:
        code: a stable word for programs, such as `unreachable`.
        message: one or two sentences for people: what is wrong, and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        """Return the message."""
        return self.message


class PhotoError(WarmlensClientError):
    """A photo that was not sent: `unreadable_file`, `empty_file`, `unsupported_type` and others."""


class WarmlensConnectionError(WarmlensClientError):
    """No connection, or no answer in time: `unreachable`."""


class AnswerError(WarmlensClientError):
    """An answer that is no success; the base of the three below.

    Args:
        code: a stable word for programs.
        message: one or two sentences for people.
        status: HTTP status of the answer.
    """

    retry_after_s: float | None = None
    """Seconds that the answer asks callers to wait before another try; None if it names none."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(code, message)
        self.args = (code, message, status)  # for pickle
        self.status = status


class WarmlensApiError(AnswerError):
    """An error of the API, with its code, such as `image_not_found` or `throttled`."""


class UploadError(AnswerError):
    """An upload that S3 did not store: `upload_refused` or `upload_redirected`."""


class UnexpectedAnswerError(AnswerError):
    """An answer that is not the API's: `unexpected_answer`."""
