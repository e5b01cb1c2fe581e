"""The requests of each call: their order, and their retries.

Generators yield requests and are sent the responses, as httpx's own authentication flows are: the
two clients differ only in how they send and wait.
"""

import itertools
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

import httpx

from .answers import Answer, Classification, Grant, ServedModel, Upload, Wakeup
from .errors import (
    AnswerError,
    PhotoError,
    WarmlensClientError,
    WarmlensConnectionError,
)
from .photos import MAX_IN_CALL_BYTES, Photo
from .refusals import check_stored, may_be_repeated, read_answer

PREPARE_S = 10
"""Seconds in which Lambda prepares a function that was not called for weeks, before a retry."""
CONNECT_TIMEOUT_S = 10.0
_FIRST_WAIT_S = 0.5
_MAX_WAIT_S = 8.0

T = TypeVar("T")


@dataclass(frozen=True)
class Retry:
    """A call that is tried again.

    Attributes:
        call: `classification`, `wakeup`, `model` or `uploads`; `storage` for the upload to S3.
        error: why it failed.
        wait_s: seconds until it is tried again.
    """

    call: str
    error: WarmlensClientError
    wait_s: float


@dataclass(frozen=True)
class Send:
    """A request to send.

    Attributes:
        method: the method of HTTP.
        url: where to.
        options: arguments of httpx for it.
        is_api: True for the API, which gets the caller's credentials; False for S3.
        wait_s: seconds to wait before.
    """

    method: str
    url: str
    options: dict[str, Any] = field(repr=False)
    is_api: bool = True
    wait_s: float = 0.0


Flow: TypeAlias = Generator[Send, httpx.Response, T]


class Deadline:
    """The time until which a call must be over.

    Args:
        timeout_s: seconds from now.
    """

    def __init__(self, timeout_s: float) -> None:
        self._end_s = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 if there are none."""
        return max(0.0, self._end_s - time.monotonic())

    def timeout(self) -> httpx.Timeout:
        """Return the timeout of a request that is sent now."""
        return httpx.Timeout(self.left_s, connect=min(self.left_s, CONNECT_TIMEOUT_S))


@dataclass(frozen=True)
class Calls:
    """The calls of an API, as flows.

    Attributes:
        url: root of the API, without a slash at its end.
        timeout_s: seconds for all that a method of a client sends, waits included.
        max_retries: number of times that a call is tried again.
        on_retry: called before each of them.
    """

    url: str
    timeout_s: float
    max_retries: int
    on_retry: Callable[[Retry], None] | None

    def classify(
        self, photo: Photo, top: int, explain: bool, upload: bool | None, deadline: Deadline
    ) -> Flow[Classification]:
        """Classify a photo in the call, or upload it first."""
        size_bytes = len(photo.data)
        if upload is False and size_bytes > MAX_IN_CALL_BYTES:
            raise PhotoError(
                "image_too_large",
                f"The photo has {size_bytes} bytes; in a call at most {MAX_IN_CALL_BYTES} are "
                "sent. Leave upload at None, and larger ones are uploaded.",
            )
        if upload or size_bytes > MAX_IN_CALL_BYTES:
            stored = yield from self.upload(photo, deadline)
            return (yield from self.classify_path(stored.file_path, top, explain, deadline))
        options = {
            "content": photo.data,
            "headers": {"Content-Type": photo.content_type},
            "params": {"top": top, **({"explain": "true"} if explain else {})},
        }
        return (yield from self._call("classification", options, Answer.classification, deadline))

    def classify_path(
        self, file_path: str, top: int, explain: bool, deadline: Deadline
    ) -> Flow[Classification]:
        """Classify an uploaded photo."""
        fields: dict[str, object] = {
            "method": "classification",
            "file_path": file_path,
            "top": top,
        }
        if explain:
            fields["explain"] = True
        return (
            yield from self._call(
                "classification", {"json": fields}, Answer.classification, deadline
            )
        )

    def upload(self, photo: Photo, deadline: Deadline) -> Flow[Upload]:
        """Upload a photo."""
        fields = {"content_type": photo.content_type, "bytes": len(photo.data)}
        grant: Grant = yield from self._call("uploads", {"json": fields}, Answer.grant, deadline)
        form = {
            "data": grant.fields,
            "files": {"file": ("photo", photo.data, photo.content_type)},
        }
        yield from self._repeat(
            "storage", Send("POST", grant.url, form, is_api=False), check_stored, deadline
        )
        return grant.upload

    def delete(self, upload: Upload, deadline: Deadline) -> Flow[None]:
        """Delete an uploaded photo."""
        options = {
            "params": {"file_path": upload.file_path},
            "headers": {"x-delete-token": upload.delete_token},
        }
        yield from self._call("uploads", options, Answer.deletion, deadline, method="DELETE")

    def wake(self, deadline: Deadline) -> Flow[Wakeup]:
        """Start an instance if none is idle."""
        fields = {"json": {"method": "wakeup"}}
        return (yield from self._call("wakeup", fields, Answer.wakeup, deadline))

    def model(self, deadline: Deadline) -> Flow[ServedModel]:
        """Describe the model that is served."""
        return (yield from self._call("model", {}, Answer.served_model, deadline, method="GET"))

    def out_of_time(self) -> WarmlensConnectionError:
        """Return the error for a call that took too long."""
        return WarmlensConnectionError(
            "unreachable", f"{self.url} did not answer within {self.timeout_s:g} s."
        )

    def _call(
        self,
        call: str,
        options: dict[str, Any],
        read: Callable[[Answer], T],
        deadline: Deadline,
        *,
        method: str = "POST",
    ) -> Flow[T]:
        send = Send(method, f"{self.url}/{call}", options)
        return (
            yield from self._repeat(
                call, send, lambda response: read(read_answer(call, response)), deadline
            )
        )

    def _repeat(
        self, call: str, send: Send, read: Callable[[httpx.Response], T], deadline: Deadline
    ) -> Flow[T]:
        """Send a request until its response can be read, or another try is of no use."""
        for tries in itertools.count(1):
            failure: WarmlensClientError
            try:
                return read((yield send))
            except httpx.RequestError as error:
                failure = self._failure(error, send)
                failure.__cause__ = error
                repeated = may_be_repeated(error)
            except AnswerError as error:
                failure, repeated = error, may_be_repeated(error)
            wait_s = _wait_s(failure, tries)
            if not repeated or tries > self.max_retries or wait_s >= deadline.left_s:
                raise failure
            if self.on_retry is not None:
                self.on_retry(Retry(call, failure, wait_s))
            send = replace(send, wait_s=wait_s)
        raise AssertionError  # the loop has no end

    def _failure(self, error: httpx.RequestError, send: Send) -> WarmlensClientError:
        if isinstance(error, httpx.TimeoutException) and not isinstance(
            error, httpx.ConnectTimeout
        ):
            return self.out_of_time()
        where = self.url if send.is_api else f"The bucket at {httpx.URL(send.url).host}"
        hint = "Is the service running?" if send.is_api else "The photo was not stored."
        return WarmlensConnectionError(
            "unreachable", f"{where} does not answer ({str(error) or type(error).__name__}). {hint}"
        )


def _wait_s(failure: WarmlensClientError, tries: int) -> float:
    """Return seconds to wait, longer after each try, and by chance apart from other callers'."""
    if isinstance(failure, AnswerError):
        if failure.retry_after_s is not None:
            return failure.retry_after_s
        if failure.code == "unavailable":
            return PREPARE_S
    longest_s = min(_MAX_WAIT_S, _FIRST_WAIT_S * 2 ** (tries - 1))
    return random.uniform(longest_s / 2, longest_s)  # noqa: S311 - no secret
