"""Fetching a large object into a file: parts at once, each tried again, hashed as they come."""

import hashlib
import os
import threading
import time

from .bucket import Bucket, BucketTimeoutError, BucketUnavailableError, ObjectSizeError

PART_BYTES = 4 * 2**20
CONNECTIONS = 8
ATTEMPTS = 3
FIRST_PAUSE_S = 0.05


def download(
    bucket: Bucket, key: str, *, size_bytes: int, path: str, end_s: float = threading.TIMEOUT_MAX
) -> str:
    """Fetch an object by ranged GETs over several connections.

    A connection to S3 gives tens of megabytes a second, an instance's network several times that.
    A part that fails is fetched again, the others are kept.

    Args:
        bucket: where the object is.
        key: its key.
        size_bytes: the size that it must have.
        path: the file to write; one that is there is replaced. After an error it is of no use, and
            must be removed before it is written again: a request that hung may still end.
        end_s: moment of `time.monotonic()` after which nothing is waited for nor tried again.

    Returns:
        The SHA-256 of what was fetched, in hexadecimal.

    Raises:
        ObjectMissingError: as `Bucket.read`.
        ObjectSizeError: the object has another size, larger or smaller.
        BucketTimeoutError: not all of it was there at `end_s`.
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
    """The parts of one object: workers fetch and write them, one reader hashes them in order."""

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
            # Each has the file for itself, since one whose request hangs outlives the others.
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
        """Let the workers end, and wait for those that do in time."""
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
            # A part beyond the end of a smaller object fails too, and says less.
            raise min(self._errors, key=lambda error: not isinstance(error, ObjectSizeError))
        raise BucketTimeoutError("its time was over")

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
        except Exception as error:  # told to the reader, which raises it
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
                # Random, so that instances that failed together do not come back together.
                pause_s = FIRST_PAUSE_S * 2**attempt * os.urandom(1)[0] / 255
                if attempt == ATTEMPTS or self._over.wait(pause_s):
                    raise
        if size_bytes != self._size_bytes:
            raise ObjectSizeError(size_bytes)
        written = start
        while written < end:
            written += os.pwrite(descriptor, part[written - start :], written)
        return part
