"""Fetching a large object into a file: parts at once, each tried again, hashed as they come."""

import hashlib
import os
import threading
import time

from .bucket import Bucket, BucketUnavailableError, ObjectSizeError

PART_BYTES = 4 * 2**20
CONNECTIONS = 8
ATTEMPTS = 3
FIRST_PAUSE_S = 0.05


def download(bucket: Bucket, key: str, *, size_bytes: int, path: str) -> str:
    """Fetch an object by ranged GETs over several connections.

    A connection to S3 gives tens of megabytes a second, an instance's network several times that.
    A part that fails is fetched again, the others are kept.

    Args:
        bucket: where the object is.
        key: its key.
        size_bytes: the size that it must have.
        path: the file to write; one that is there is replaced.

    Returns:
        The SHA-256 of what was fetched, in hexadecimal.

    Raises:
        ObjectMissingError: as `Bucket.read`.
        ObjectSizeError: the object has another size, larger or smaller.
        BucketUnavailableError: a part could not be fetched.
        OSError: the file cannot be written.
    """
    parts = _Parts(bucket, key, size_bytes)
    try:
        parts.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        parts.start()
        return parts.digest()
    finally:
        parts.end()


class _Parts:
    """The parts of one object: workers fetch and write them, one reader hashes them in order."""

    def __init__(self, bucket: Bucket, key: str, size_bytes: int) -> None:
        self.descriptor = -1
        self._bucket = bucket
        self._key = key
        self._size_bytes = size_bytes
        self._count = -(-size_bytes // PART_BYTES)
        self._next = 0
        self._fetched: dict[int, memoryview] = {}
        self._errors: list[Exception] = []
        self._changed = threading.Condition()
        self._workers = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(CONNECTIONS, self._count))
        ]

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def digest(self) -> str:
        sha256 = hashlib.sha256()
        for number in range(self._count):
            with self._changed:
                while not self._errors and number not in self._fetched:
                    self._changed.wait()
                if self._errors:
                    break
                part = self._fetched.pop(number)
            sha256.update(part)
        if self._errors:
            self._stop()
            # A part beyond the end of a smaller object fails too, and says less.
            raise min(self._errors, key=lambda error: not isinstance(error, ObjectSizeError))
        return sha256.hexdigest()

    def end(self) -> None:
        """Close the file, when no worker writes to it any more."""
        self._stop()
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def _stop(self) -> None:
        with self._changed:
            self._next = self._count
        for worker in self._workers:
            if worker.ident is not None:
                worker.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                number = self._next
                if number >= self._count or self._errors:
                    return
                self._next += 1
            try:
                part = self._fetch(number * PART_BYTES)
            except Exception as error:  # told to the reader, which raises it
                with self._changed:
                    self._errors.append(error)
                    self._changed.notify()
                return
            with self._changed:
                self._fetched[number] = part
                self._changed.notify()

    def _fetch(self, start: int) -> memoryview:
        end = min(start + PART_BYTES, self._size_bytes)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                part, size_bytes = self._bucket.read_range(self._key, start=start, end=end)
                break
            except BucketUnavailableError:
                if attempt == ATTEMPTS:
                    raise
                # Random, so that instances that failed together do not come back together.
                time.sleep(FIRST_PAUSE_S * 2**attempt * os.urandom(1)[0] / 255)
        if size_bytes != self._size_bytes:
            raise ObjectSizeError(size_bytes)
        written = start
        while written < end:
            written += os.pwrite(self.descriptor, part[written - start :], written)
        return part
