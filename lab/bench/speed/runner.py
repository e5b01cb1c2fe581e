"""A program that runs a handler as a fresh instance does and prints its times.

Run as a program, by the interpreter whose packages the handler uses: `runner.py MODULE`. Each line
of standard input is an event. Of standard output the lines that begin with `{"runner"` are this
program's, all others the handler's. It imports the standard library only: any other import would
count as init.
"""

import importlib
import json
import sys
import time

STARTED_S = time.monotonic()


class Context:
    """The part of Lambda's context that handlers here use."""

    aws_request_id = "bench"


def main() -> None:
    """Import the handler, then answer one event after another."""
    handler = importlib.import_module(sys.argv[1]).handler
    _tell(event="ready", started_s=STARTED_S, at_s=time.monotonic(), cpu_s=time.process_time())
    for line in sys.stdin:
        begun_s = time.monotonic()
        answer = handler(json.loads(line), Context())
        ended_s = time.monotonic()
        _tell(
            event="answer",
            at_s=ended_s,
            ms=(ended_s - begun_s) * 1000,
            cpu_s=time.process_time(),
            peak_rss_mb=_peak_rss_mb(),
            answer=answer,
        )


def _tell(**fields: object) -> None:
    sys.stdout.write(json.dumps({"runner": fields}) + "\n")
    sys.stdout.flush()


def _peak_rss_mb() -> float:
    """Return the peak of this program alone; the kernel's ru_maxrss includes the parent's."""
    from pathlib import Path  # imported late: not part of a cold start

    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        (peak,) = (line for line in lines if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
