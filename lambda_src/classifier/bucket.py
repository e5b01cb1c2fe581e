"""Reading of objects from an S3 bucket."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import S3Store

from .errors import (
    BucketTimeoutError,
    BucketUnavailableError,
    ObjectMissingError,
    ObjectSizeError,
)

if TYPE_CHECKING:
    from obstore.store import S3Config

CONNECT_TIMEOUT_S = 2
REQUEST_TIMEOUT_S = 8
MAX_RETRIES = 2
RETRY_FOR_S = 3
"""Time in which a failed read is retried; the last attempt may take `REQUEST_TIMEOUT_S` more."""

# S3's answer for a missing object when the caller may not list the bucket: see decision 3.
_MISSING = "<Code>AccessDenied</Code>"


class Bucket:
    """An S3 bucket, read with the credentials and region of the function's environment.

    Args:
        name: the bucket's name.
    """

    def __init__(self, name: str) -> None:
        endpoint_url = os.environ.get("AWS_ENDPOINT_URL", "")
        self._store = S3Store(
            name,
            config=_snapshot_credentials(),
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
        """Read one object.

        Args:
            key: the object's key.
            max_bytes: maximum size; it is checked before the body is read.

        Raises:
            ObjectMissingError: the object does not exist or may not be read.
            ObjectSizeError: the object is larger than `max_bytes`.
            BucketTimeoutError: S3 timed out.
            BucketUnavailableError: S3 failed otherwise, or rejected the function's credentials.
        """
        with _errors():
            result = self._store.get(key)
            size_bytes = result.meta["size"]
            if size_bytes > max_bytes:
                raise ObjectSizeError(size_bytes)
            return bytes(result.bytes())

    def read_range(self, key: str, *, start: int, end: int) -> tuple[memoryview, int]:
        """Read a range of an object.

        Args:
            key: the object's key.
            start: first byte of the range.
            end: byte after the last one.

        Returns:
            The range's bytes, and the size of the whole object in bytes.

        Raises:
            ObjectMissingError, BucketTimeoutError, BucketUnavailableError: as for `read`.
        """
        with _errors():
            result = self._store.get(key, options={"range": (start, end)})
            return memoryview(result.bytes()), result.meta["size"]


def _snapshot_credentials() -> "S3Config":
    """Return the client's configuration for a function with SnapStart; empty for all others.

    Such a function has no keys, which would expire in the snapshot, but two variables: an address
    that returns keys, and a token for it. The client reads the first, and the token from a file.
    Sources: Lambda developer guide, "Using SnapStart with AWS SDKs"; object_store's
    `AmazonS3Builder::build`.
    """
    token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if token is None:
        return {}
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), "s3-authorization-token")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(token)
    return {"container_authorization_token_file": path}


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
    """Return True for a missing object, False for another 403, such as expired credentials."""
    if isinstance(error, PermissionDeniedError):
        return _MISSING in str(error)
    return isinstance(error, FileNotFoundError)


def _in_one_line(error: Exception) -> str:
    """Return the text of the error and of S3's response, without the client's internal state."""
    return " ".join(str(error).partition("\n\nDebug source")[0].split())
