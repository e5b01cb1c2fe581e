"""Reading objects from one S3 bucket."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import S3Store

CONNECT_TIMEOUT_S = 2
REQUEST_TIMEOUT_S = 8
MAX_RETRIES = 2
RETRY_FOR_S = 3
"""What fails later than these seconds is not tried again: a read takes `REQUEST_TIMEOUT_S` more."""

# What S3 answers for a missing object to whoever may not list the bucket: see decision 3.
_MISSING = "<Code>AccessDenied</Code>"


class ObjectMissingError(Exception):
    """No such object, or none that this function may read: S3 answers both alike."""


class ObjectSizeError(Exception):
    """The object has more bytes than the reader accepts, or others than it must have."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes")
        self.size_bytes = size_bytes


class BucketUnavailableError(Exception):
    """S3 did not answer in time or answered with an error, after the retries."""


class BucketTimeoutError(BucketUnavailableError):
    """S3 did not answer within the time allowed for a request and its retries."""


class Bucket:
    """A bucket to read from, with the credentials and region of the function's environment.

    Args:
        name: the bucket's name.
    """

    def __init__(self, name: str) -> None:
        endpoint_url = os.environ.get("AWS_ENDPOINT_URL", "")
        self._store = S3Store(
            name,
            client_options={
                "connect_timeout": f"{CONNECT_TIMEOUT_S}s",
                "timeout": f"{REQUEST_TIMEOUT_S}s",
                "allow_http": endpoint_url.startswith("http://"),
            },
            retry_config={
                "max_retries": MAX_RETRIES,
                "retry_timeout": timedelta(seconds=RETRY_FOR_S),
            },
        )

    def read(self, key: str, *, max_bytes: int) -> bytes:
        """Fetch one object.

        Args:
            key: the object's key.
            max_bytes: most bytes to accept; the size is known before the body is read.

        Raises:
            ObjectMissingError: there is none, or it may not be read.
            ObjectSizeError: it has more than `max_bytes`.
            BucketTimeoutError: S3 was too slow.
            BucketUnavailableError: S3 failed otherwise, or takes the function for someone else.
        """
        with _errors():
            result = self._store.get(key)
            size_bytes = result.meta["size"]
            if size_bytes > max_bytes:
                raise ObjectSizeError(size_bytes)
            return bytes(result.bytes())

    def read_range(self, key: str, *, start: int, end: int) -> tuple[memoryview, int]:
        """Fetch a part of an object.

        Args:
            key: the object's key.
            start: its first byte.
            end: the byte after its last one.

        Returns:
            The part, and the size of the whole object in bytes.

        Raises:
            ObjectMissingError, BucketTimeoutError, BucketUnavailableError: as `read`.
        """
        with _errors():
            result = self._store.get(key, options={"range": (start, end)})
            return memoryview(result.bytes()), result.meta["size"]


@contextmanager
def _errors() -> Iterator[None]:
    begun_s = time.monotonic()
    try:
        yield
    except (FileNotFoundError, BaseError) as error:
        if _is_missing(error):
            raise ObjectMissingError(_in_one_line(error)) from error
        in_time = time.monotonic() - begun_s < REQUEST_TIMEOUT_S
        kind = BucketUnavailableError if in_time else BucketTimeoutError
        raise kind(_in_one_line(error)) from error


def _is_missing(error: Exception) -> bool:
    """Tell a missing object from other reasons for a 403, such as expired credentials."""
    if isinstance(error, PermissionDeniedError):
        return _MISSING in str(error)
    return isinstance(error, FileNotFoundError)


def _in_one_line(error: Exception) -> str:
    """Return what S3 or its client said, with S3's answer but without the client's own state."""
    return " ".join(str(error).partition("\n\nDebug source")[0].split())
