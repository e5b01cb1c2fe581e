"""Parallel download of a large S3 object, with retries and a SHA-256."""

import hashlib
import os
import threading
import time

from .bucket import Bucket
from .errors import BucketTimeoutError, BucketUnavailableError, ObjectSizeError

PART_BYTES = 4 * 2**20
CONNECTIONS = 8
ATTEMPTS = 3
FIRST_PAUSE_S = 0.05


def download(
    bucket: Bucket, key: str, *, size_bytes: int, path: str, end_s: float = threading.TIMEOUT_MAX
) -> str:
    """Download an object with ranged GETs over several connections.

    One connection to S3 transfers tens of megabytes a second, an instance's network several times
    that. A part that fails is retried, the others are kept.

    Args:
        bucket: the bucket.
        key: the object's key.
        size_bytes: the object's expected size.
        path: the file to write; an existing one is replaced. After an error, remove it before the
            next attempt: a hanging request may still write to it.
        end_s: deadline, as `time.monotonic()`.

    Returns:
        The object's SHA-256, in hexadecimal.

    Raises:
        ObjectMissingError: as for `Bucket.read`.
        ObjectSizeError: the object has another size.
        BucketTimeoutError: the download did not end before `end_s`.
        BucketUnavailableError: a part could not be fetched.
        OSError: the file cannot be written.
    """
    parts = _Parts(bucket, key, size_bytes, end_s)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        parts.start(descriptor)
        return parts.digest()
    finally:
        parts.stop()
        os.close(descriptor)


class _Parts:
    """The parts of one object: workers fetch and write them, a reader hashes them in order."""

    def __init__(self, bucket: Bucket, key: str, size_bytes: int, end_s: float) -> None:
        self._bucket = bucket
        self._key = key
        self._size_bytes = size_bytes
        self._end_s = end_s
        self._count = -(-size_bytes // PART_BYTES)
        self._next = 0
        self._fetched: dict[int, memoryview] = {}
        self._errors: list[Exception] = []
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._workers: list[threading.Thread] = []

    def start(self, descriptor: int) -> None:
        for _ in range(min(CONNECTIONS, self._count)):
            # A descriptor for each worker, since one with a hanging request outlives the others.
            own = os.dup(descriptor)
            worker = threading.Thread(target=self._work, args=(own,), daemon=True)
            self._workers.append(worker)
            worker.start()

    def digest(self) -> str:
        sha256 = hashlib.sha256()
        for number in range(self._count):
            sha256.update(self._take(number))
        return sha256.hexdigest()

    def stop(self) -> None:
        """Stop the workers, and wait for them until the deadline."""
        self._over.set()
        for worker in self._workers:
            worker.join(self._left_s())

    def _take(self, number: int) -> memoryview:
        with self._changed:
            came = self._changed.wait_for(
                lambda: self._errors or number in self._fetched, self._left_s()
            )
            if came and not self._errors:
                return self._fetched.pop(number)
        self.stop()
        if self._errors:
            # Prefer the size error: beyond the end of a too small object, parts fail otherwise.
            raise min(self._errors, key=lambda error: not isinstance(error, ObjectSizeError))
        raise BucketTimeoutError("the deadline has passed")

    def _left_s(self) -> float:
        return max(0.0, self._end_s - time.monotonic())

    def _work(self, descriptor: int) -> None:
        try:
            while not self._over.is_set():
                with self._changed:
                    number = self._next
                    self._next += 1
                if number >= self._count:
                    return
                part = self._fetch(number * PART_BYTES, descriptor)
                with self._changed:
                    self._fetched[number] = part
                    self._changed.notify()
        except Exception as error:  # raised by the reader
            with self._changed:
                self._errors.append(error)
                self._changed.notify()
        finally:
            os.close(descriptor)

    def _fetch(self, start: int, descriptor: int) -> memoryview:
        end = min(start + PART_BYTES, self._size_bytes)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                part, size_bytes = self._bucket.read_range(self._key, start=start, end=end)
                break
            except BucketUnavailableError:
                # Random, so that instances that failed together do not retry together.
                pause_s = FIRST_PAUSE_S * 2**attempt * os.urandom(1)[0] / 255
                if attempt == ATTEMPTS or self._over.wait(pause_s):
                    raise
        if size_bytes != self._size_bytes:
            raise ObjectSizeError(size_bytes)
        written = start
        while written < end:
            written += os.pwrite(descriptor, part[written - start :], written)
        return part
