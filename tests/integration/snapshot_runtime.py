"""Runs a function as Lambda does with SnapStart: one init, and several copies of its process.

Run as a program with the handler's name and the number of copies; 0 goes on with the process
itself. It is AWS's runtime client; where that waits for Lambda to restore a snapshot, this forks.
Before, it prints what a snapshot would have in it that does not outlive it.
"""

import json
import os
import sys
import threading

from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

ESTABLISHED = "01"


class CopiedRuntimeClient(LambdaRuntimeClient):  # type: ignore[misc]
    def restore_next(self) -> None:
        sys.stdout.write(json.dumps({"threads": threading.active_count()} | connections()) + "\n")
        super().restore_next()  # Lambda answers once it has made a copy
        copies = int(sys.argv[2])
        for _ in range(copies):
            if os.fork() == 0:
                return use_new_keys()
        for _ in range(copies):
            os.wait()
        if copies:
            os._exit(0)
        return None


def connections() -> dict[str, int]:
    """The number of open TCP connections of this process."""
    links = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]  # noqa: PTH208
    open_files = {os.readlink(each) for each in links if os.path.islink(each)}  # noqa: PTH114,PTH115
    with open("/proc/self/net/tcp") as file:  # noqa: PTH123
        rows = [line.split() for line in file.read().splitlines()[1:]]
    own = [row for row in rows if row[3] == ESTABLISHED and f"socket:[{row[9]}]" in open_files]
    return {"connections": len(own)}


def use_new_keys() -> None:
    os.environ.update(json.loads(os.environ.get("KEYS_AFTER_RESTORE", "{}")))


bootstrap.run(sys.argv[1], CopiedRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]))
