"""Small functions that awslambdaric runs in the tests of the instance pool."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def echo(event: Any, context: Any) -> Any:
    return event


def hold(event: dict[str, str], context: Any) -> str:
    """Stay busy until the file `until` exists."""
    while not Path(event["until"]).exists():
        time.sleep(0.005)
    return "released"


def exit_with(event: dict[str, int], context: Any) -> None:
    os._exit(event["status"])


def kill_itself(event: Any, context: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def note(event: dict[str, Any], context: Any) -> str:
    """Note the call in a file, and end if asked to."""
    with Path(event["file"]).open("a") as file:
        file.write("called\n")
    if event.get("ends"):
        os.kill(os.getpid(), signal.SIGKILL)
    return "noted"


def fail(event: dict[str, int], context: Any) -> None:
    """Raise from `depth` calls down."""
    if event["depth"]:
        fail({"depth": event["depth"] - 1}, context)
    raise ValueError("no such colour")


def answer_of(event: dict[str, int], context: Any) -> str:
    """Answer with a JSON text of `bytes` bytes, its two quotes included."""
    return "x" * (event["bytes"] - 2)


def environment(event: Any, context: Any) -> dict[str, str]:
    return dict(os.environ)


def about_the_call(event: Any, context: Any) -> dict[str, Any]:
    return {
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "memory_mb": context.memory_limit_in_mb,
        "folder": str(Path.cwd()),
    }


def write_temporary_file(event: Any, context: Any) -> str:
    path = Path(tempfile.gettempdir()) / "model.bin"
    path.write_bytes(b"weights")
    return str(path)


def start_child(event: Any, context: Any) -> int:
    """Leave a process behind that would run for an hour."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]).pid


def write_lines(event: dict[str, int], context: Any) -> None:
    for number in range(event["count"]):
        sys.stdout.write(f"line {number} é\n")
    sys.stderr.write("and an error without a line end")


def never_answer(event: Any, context: Any) -> None:
    while True:
        time.sleep(1)


def one_instance_unless_held(event: dict[str, int], context: Any) -> dict[str, Any]:
    """Answer a wakeup as one instance would that took all calls of a short hold in turn."""
    hold_s = event["hold_until"] / 1000 - time.time()
    instance_id = context.aws_request_id if hold_s > 40 else "the only one"
    return {"instance_id": instance_id, "cold_start": False, "time": max(0.0, hold_s)}


def leave_a_mark_in_tmp(event: Any, context: Any) -> dict[str, Any]:
    """Return the marks in /tmp, and leave one there."""
    seen = sorted(path.name for path in Path("/tmp").glob("mark-*"))
    (Path("/tmp") / f"mark-{context.aws_request_id}").touch()
    return {"seen": seen, "temporary": tempfile.gettempdir(), "pid": os.getpid()}
