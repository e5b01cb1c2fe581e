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
    """The call was refused. `error_type` and `status` are those of Lambda's Invoke API."""

    error_type = "ServiceException"
    status = 500


class TooManyRequestsError(InvokeRefusedError):
    """All instances are busy, and no further one may be started."""

    error_type = "TooManyRequestsException"
    status = 429


class RequestTooLargeError(InvokeRefusedError):
    """The event is larger than the limit of a synchronous call."""

    error_type = "RequestEntityTooLargeException"
    status = 413

    def __init__(self) -> None:
        super().__init__(
            f"Request must be smaller than {REQUEST_LIMIT_BYTES} bytes for the InvokeFunction "
            "operation"
        )


class FunctionNotFoundError(InvokeRefusedError):
    """No such function or version is deployed; raised by the pool's `resolve`."""

    error_type = "ResourceNotFoundException"
    status = 404


@dataclass(frozen=True)
class FunctionError:
    """Error of a function, as Lambda reports it."""

    error_type: str
    message: str

    def to_json(self) -> bytes:
        """Return the error as callers of Lambda get it."""
        return error_json(self.error_type, self.message)


class NotTakenError(Exception):
    """The instance that was found idle had ended before it read the call."""


@dataclass(frozen=True, kw_only=True)
class InvokeResult:
    """The result of a call.

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
    """Answer that the runtime posted for a call."""

    payload: bytes
    error: FunctionError | None = None


@dataclass(kw_only=True)
class Invocation:
    """A call in progress; `outcome` is set once, unless its caller was cancelled.

    `found_idle` is true if its instance was idle, not new.

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
    found_idle: bool = False

    def __post_init__(self) -> None:
        if not _REQUEST_ID.fullmatch(self.request_id):
            raise ValueError(
                f"request id {self.request_id!r} is not 1 to 128 letters, digits, '-' or '_'"
            )


def error_json(error_type: str, message: str) -> bytes:
    """Return an error in the JSON form of Lambda."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def parse_error(body: bytes, error_type: str) -> FunctionError:
    """Return the error that a runtime posted.

    `error_type` is its header, used if the body names no type.

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
