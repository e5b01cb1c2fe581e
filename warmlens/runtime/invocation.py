"""One invocation of a function: its payload, its result, and its errors."""

import asyncio
import json
import re
from dataclasses import dataclass, field

REQUEST_LIMIT_BYTES = 6 * 1024 * 1024
"""Largest event of a synchronous call."""
RESPONSE_LIMIT_BYTES = REQUEST_LIMIT_BYTES + 100
"""Largest answer of a synchronous call, as Lambda states it."""

TIMED_OUT = "Sandbox.Timedout"
EXITED = "Runtime.ExitError"

# The id becomes part of a path and of a header.
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class InvokeRefusedError(Exception):
    """The call never reached the function; `error_type` and `status` are the Invoke API's."""

    error_type = "ServiceException"
    status = 500


class TooManyRequestsError(InvokeRefusedError):
    """Every instance that may exist is busy."""

    error_type = "TooManyRequestsException"
    status = 429


class RequestTooLargeError(InvokeRefusedError):
    """The event is longer than a synchronous call may carry."""

    error_type = "RequestEntityTooLargeException"
    status = 413

    def __init__(self) -> None:
        super().__init__(
            f"Request must be smaller than {REQUEST_LIMIT_BYTES} bytes for the InvokeFunction "
            "operation"
        )


class FunctionNotFoundError(InvokeRefusedError):
    """No such function or version is deployed; for the pool's `resolve` to raise."""

    error_type = "ResourceNotFoundException"
    status = 404


@dataclass(frozen=True)
class FunctionError:
    """The call reached the function and failed, in Lambda's words."""

    error_type: str
    message: str

    def to_json(self) -> bytes:
        """The error as callers of Lambda see it."""
        return error_json(self.error_type, self.message)


@dataclass(frozen=True, kw_only=True)
class InvokeResult:
    """The outcome of a call.

    `payload` is what the function answered or, when `error` is set, the error as JSON; a function's
    own error keeps its stack trace there. `duration_ms` is the time from dispatch until the
    instance was ready again; `init_ms` is None on a warm call.
    """

    payload: bytes
    error: FunctionError | None
    instance_id: str
    duration_ms: float
    init_ms: float | None


@dataclass(frozen=True)
class Answer:
    """What the runtime posted for a call."""

    payload: bytes
    error: FunctionError | None = None


@dataclass(kw_only=True)
class Invocation:
    """A call on its way; `outcome` is set exactly once unless its caller went away.

    Raises:
        ValueError: the request id has characters that cannot stand in a URL path.
    """

    request_id: str
    payload: bytes
    function_arn: str
    outcome: asyncio.Future[InvokeResult] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    answer: Answer | None = None
    dispatched_at: float | None = None

    def __post_init__(self) -> None:
        if not _REQUEST_ID.fullmatch(self.request_id):
            raise ValueError(
                f"request id {self.request_id!r} is not 1 to 128 letters, digits, '-' or '_'"
            )


def error_json(error_type: str, message: str) -> bytes:
    """An error in the form Lambda gives it to callers."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def parse_error(body: bytes, error_type: str) -> FunctionError:
    """The error a runtime posted; `error_type` is its header, used when the body names none.

    A body that is not the documented JSON object becomes the message itself.
    """
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return FunctionError(error_type or "Runtime.Unknown", body.decode(errors="replace"))
    return FunctionError(
        str(document.get("errorType") or error_type or "Runtime.Unknown"),
        str(document.get("errorMessage") or ""),
    )
