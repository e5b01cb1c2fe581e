"""A call in a process of its own, with limits that hold whatever the call does."""

import json
import os
import warnings
from collections.abc import Callable
from typing import NoReturn

from .deadline import Deadline, TookTooLongError
from .errors import RequestError

OVERHEAD_BYTES = 32 * 2**20
"""Memory of Python and the allocator, beside that which a call is given."""
_STATM = "/proc/self/statm"
_KILL = 9
_PART_BYTES = 2**20
_ANSWER, _REFUSAL = b"\0", b"\1"


class OutOfMemoryError(Exception):
    """The process took more memory than it may."""


class CrashError(Exception):
    """The process crashed; the message names the signal or the exit status."""


def in_own_process(call: Callable[[], bytes], *, deadline: Deadline, memory_bytes: int) -> bytes:
    """Return a call's result from a fork of this process, which ends with it.

    Args:
        call: the function to run. Only its result and its RequestError come back.
        deadline: the time at which the process is killed.
        memory_bytes: memory that it may allocate; where there is no `/proc` (macOS), no limit.

    Raises:
        RequestError: raised by the call.
        TookTooLongError: the deadline has passed.
        OutOfMemoryError: the system did not start the process, or ended it, as it does with the
            largest one when memory is short.
        CrashError: the process crashed.
    """
    import select  # here, since few calls need it

    deadline.check()
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Only this thread exists in the child, and it waits for no other one.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            pid = os.fork()
        except OSError:
            os.close(reader)
            os.close(writer)
            raise OutOfMemoryError from None
    if pid == 0:
        os.close(reader)  # else it would wait for ever to write, once its parent is gone
        _serve(call, writer, deadline, memory_bytes)
    os.close(writer)
    parts = []
    try:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        while True:
            left_ms = deadline.left_ms()
            if left_ms <= 0 or not poll.poll(left_ms):
                raise TookTooLongError
            part = os.read(reader, _PART_BYTES)
            if not part:
                break
            parts.append(part)
    except BaseException:
        os.kill(pid, _KILL)
        raise
    finally:
        os.close(reader)
        _, status = os.waitpid(pid, 0)
    answer = b"".join(parts)
    if answer.startswith(_REFUSAL):
        *about, cause = json.loads(answer[1:])
        raise RequestError(*about, cause=cause)
    code = os.waitstatus_to_exitcode(status)
    if code == -_KILL:
        raise OutOfMemoryError
    if code:
        raise CrashError(f"exit status {code}" if code > 0 else f"signal {-code}")
    return answer[1:]


def _serve(
    call: Callable[[], bytes], writer: int, deadline: Deadline, memory_bytes: int
) -> NoReturn:
    status = 1
    try:
        _limit(deadline, memory_bytes)
        try:
            answer = _ANSWER + call()
        except RequestError as error:
            refusal = [error.status, error.code, error.message, error.cause]
            answer = _REFUSAL + json.dumps(refusal).encode()
        rest = memoryview(answer)
        while rest:
            rest = rest[os.write(writer, rest) :]
        status = 0
    finally:
        os._exit(status)  # runs nothing that the parent registered


def _limit(deadline: Deadline, memory_bytes: int) -> None:
    import resource

    # The kernel ends the process also when its parent is no longer there to do it.
    cpu_s = max(0, int(deadline.left_ms())) // 1000 + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    if os.path.exists(_STATM):
        with open(_STATM, "rb") as file:
            mapped_bytes = int(file.read().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = mapped_bytes + memory_bytes + OVERHEAD_BYTES
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
