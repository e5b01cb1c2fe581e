"""Limits of a call in a process of its own, which hold whatever the call does."""

import errno
import faulthandler
import hashlib
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from lambda_src.classifier.deadline import Deadline, TookTooLongError
from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.own_process import CrashError, OutOfMemoryError, in_own_process

MEMORY_BYTES = 2**28
LONG_MS = 60_000


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_its_bytes_come_back() -> None:
    pixels = os.urandom(1_000_000)  # more than a pipe holds
    assert (
        in_own_process(lambda: pixels, deadline=Deadline(LONG_MS), memory_bytes=MEMORY_BYTES)
        == pixels
    )


def test_its_refusal_comes_back() -> None:
    def refuse() -> bytes:
        raise RequestError(422, "image_not_decodable", "The image is damaged.", cause="an error")

    with pytest.raises(RequestError) as refused:
        in_own_process(refuse, deadline=Deadline(LONG_MS), memory_bytes=MEMORY_BYTES)
    error = refused.value
    assert (error.status, error.code) == (422, "image_not_decodable")
    assert (error.message, error.cause) == ("The image is damaged.", "an error")


def in_one_uninterruptible_call() -> bytes:
    return hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # half an hour


def without_end() -> bytes:
    while True:
        time.sleep(1)


@pytest.mark.parametrize("call", [in_one_uninterruptible_call, without_end])
def test_it_is_killed_at_its_deadline_whatever_it_does(call: "object") -> None:
    assert callable(call)
    before = psutil.Process().children()
    with pytest.raises(TookTooLongError):
        in_own_process(call, deadline=Deadline(100), memory_bytes=MEMORY_BYTES)
    assert set(psutil.Process().children()) <= set(before)  # nothing is left of it


def test_none_is_started_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.delattr(os, "fork")
        with pytest.raises(TookTooLongError):
            in_own_process(lambda: b"", deadline=Deadline(-1), memory_bytes=MEMORY_BYTES)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS enforces no limit on memory")
def test_it_gets_no_more_memory_than_its_limit() -> None:
    def take(size_bytes: int) -> bytes:
        try:
            return str(len(bytes(size_bytes))).encode()
        except MemoryError:
            raise RequestError(422, "too_many_pixels", "") from None

    taken = in_own_process(
        lambda: take(MEMORY_BYTES // 2), deadline=Deadline(LONG_MS), memory_bytes=MEMORY_BYTES
    )
    assert int(taken) == MEMORY_BYTES // 2
    with pytest.raises(RequestError, match=r"^$"):
        in_own_process(
            lambda: take(MEMORY_BYTES * 2), deadline=Deadline(LONG_MS), memory_bytes=MEMORY_BYTES
        )


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EAGAIN])
def test_nothing_is_left_of_one_that_the_system_does_not_start(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> int:
        raise OSError(number, os.strerror(number))

    before = open_files()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", fork)
        with pytest.raises(OutOfMemoryError):
            in_own_process(lambda: b"", deadline=Deadline(LONG_MS), memory_bytes=MEMORY_BYTES)
    assert open_files() == before


def test_it_does_not_wait_for_ever_to_be_read_once_its_parent_is_gone() -> None:
    """It has no reading end of its own, so that the system ends its writing."""
    before = open_files()
    inside = in_own_process(
        lambda: str(open_files()).encode(),
        deadline=Deadline(LONG_MS),
        memory_bytes=MEMORY_BYTES,
    )
    assert int(inside) == before + 1


def test_its_crash_is_an_error_of_that_call_alone() -> None:
    def end(number: int) -> bytes:
        faulthandler.disable()  # pytest's, which would print the stack
        os.kill(os.getpid(), number)
        return b""

    with pytest.raises(CrashError, match=f"signal {int(signal.SIGSEGV)}"):
        in_own_process(
            lambda: end(signal.SIGSEGV), deadline=Deadline(LONG_MS), memory_bytes=MEMORY_BYTES
        )
    with pytest.raises(CrashError, match=r"^exit status 1$"):
        in_own_process(lambda: bytes([256]), deadline=Deadline(LONG_MS), memory_bytes=MEMORY_BYTES)
    with pytest.raises(OutOfMemoryError):  # the kernel's way to free memory
        in_own_process(
            lambda: end(signal.SIGKILL), deadline=Deadline(LONG_MS), memory_bytes=MEMORY_BYTES
        )
