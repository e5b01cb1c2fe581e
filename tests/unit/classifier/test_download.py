"""Parallel download: order, retries, hash and deadline."""

import hashlib
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from lambda_src.classifier import download as module
from lambda_src.classifier.bucket import Bucket
from lambda_src.classifier.download import ATTEMPTS, PART_BYTES, download
from lambda_src.classifier.errors import (
    BucketTimeoutError,
    BucketUnavailableError,
    ObjectMissingError,
    ObjectSizeError,
)

DATA = os.urandom(3 * PART_BYTES + 12_345)


class FailingStorage:
    """A storage with the parts of `DATA`, which fail a given number of times.

    Attributes:
        missing: a part that S3 says is missing once part 0 was asked for.
        hangs: a part that is not given before `mended` is set.
    """

    def __init__(self, failures: dict[int, int] | None = None, data: bytes = DATA) -> None:
        self.failures = failures or {}
        self.asked: Counter[int] = Counter()
        self.missing: int | None = None
        self.hangs: int | None = None
        self.mended = threading.Event()
        self._first = threading.Event()
        self._data = data
        self._lock = threading.Lock()

    def read_range(self, key: str, *, start: int, end: int) -> tuple[memoryview, int]:
        number = start // PART_BYTES
        if number == 0:
            self._first.set()
        if number == self.hangs:
            self.mended.wait()
        if number == self.missing:
            self._first.wait()
            raise ObjectMissingError(key)
        with self._lock:
            self.asked[start // PART_BYTES] += 1
            failed = self.asked[start // PART_BYTES] <= self.failures.get(start // PART_BYTES, 0)
        if failed or start >= len(self._data):
            raise BucketUnavailableError(f"part at {start}")
        return memoryview(self._data[start:end]), len(self._data)


def fetch(storage: FailingStorage, path: Path, *, within_s: float = 60) -> str:
    return download(
        cast(Bucket, storage),
        "model.weights",
        size_bytes=len(DATA),
        path=str(path),
        end_s=time.monotonic() + within_s,
    )


def test_the_file_and_its_hash_are_those_of_the_object(tmp_path: Path) -> None:
    storage = FailingStorage()
    assert fetch(storage, tmp_path / "file") == hashlib.sha256(DATA).hexdigest()
    assert (tmp_path / "file").read_bytes() == DATA
    assert storage.asked == {0: 1, 1: 1, 2: 1, 3: 1}


def test_only_a_part_that_failed_is_fetched_again(tmp_path: Path) -> None:
    storage = FailingStorage({2: ATTEMPTS - 1})
    assert fetch(storage, tmp_path / "file") == hashlib.sha256(DATA).hexdigest()
    assert storage.asked == {0: 1, 1: 1, 2: ATTEMPTS, 3: 1}


def test_a_part_that_keeps_failing_ends_the_download(tmp_path: Path) -> None:
    storage = FailingStorage({1: 1000})
    with pytest.raises(BucketUnavailableError, match=f"part at {PART_BYTES}"):
        fetch(storage, tmp_path / "file")
    assert storage.asked[1] == ATTEMPTS


@pytest.mark.parametrize("data", [DATA[: PART_BYTES + 1], DATA + b"\0"], ids=["cut", "longer"])
def test_an_object_of_another_size_is_told_by_its_size(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ObjectSizeError) as refused:
        fetch(FailingStorage(data=data), tmp_path / "file")
    assert refused.value.size_bytes == len(data)


@pytest.fixture
def pauses_of_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause of at least a minute before each retry."""
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 30)
    monkeypatch.setattr(os, "urandom", lambda count: b"\xff" * count)


@pytest.mark.usefixtures("pauses_of_a_minute")
def test_no_part_is_tried_again_once_another_one_cannot_come(tmp_path: Path) -> None:
    storage = FailingStorage({0: 1000})
    storage.missing = 3
    with pytest.raises((ObjectMissingError, BucketUnavailableError)):
        fetch(storage, tmp_path / "file")
    assert storage.asked[0] == 1


@pytest.mark.usefixtures("pauses_of_a_minute")
def test_no_part_is_tried_again_after_the_end_of_the_time(tmp_path: Path) -> None:
    storage = FailingStorage({0: 1000})
    with pytest.raises(BucketUnavailableError):
        fetch(storage, tmp_path / "file", within_s=2)
    assert storage.asked[0] == 1


def test_a_part_that_hangs_is_not_waited_for_after_the_end_of_the_time(tmp_path: Path) -> None:
    storage = FailingStorage()
    storage.hangs = 2
    before = threading.active_count()
    with pytest.raises(BucketTimeoutError):
        fetch(storage, tmp_path / "file", within_s=0.2)
    # Once it comes, it neither disturbs another attempt nor leaves a thread.
    (tmp_path / "file").unlink()
    assert fetch(FailingStorage(), tmp_path / "file") == hashlib.sha256(DATA).hexdigest()
    storage.mended.set()
    while threading.active_count() > before:
        time.sleep(0.01)
    assert (tmp_path / "file").read_bytes() == DATA


def test_no_thread_is_left_when_it_is_over(tmp_path: Path) -> None:
    before = threading.active_count()
    for failures in ({}, {0: 1000}):
        try:
            fetch(FailingStorage(failures), tmp_path / "file")
        except BucketUnavailableError:
            assert failures
        assert threading.active_count() <= before
