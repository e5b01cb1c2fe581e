"""Log lines that Lambda itself writes: START, END, REPORT and INIT_REPORT."""

import math
from datetime import UTC, datetime

from warmlens.runtime.invocation import TIMED_OUT, FunctionError


def start_line(request_id: str, version: str) -> str:
    """Return the line before a call."""
    return f"START RequestId: {request_id} Version: {version}"


def end_line(request_id: str) -> str:
    """Return the line after a call."""
    return f"END RequestId: {request_id}"


def report_line(
    request_id: str,
    *,
    duration_ms: float,
    init_ms: float | None,
    memory_mb: int,
    peak_rss_mb: int,
    fault: FunctionError | None,
) -> str:
    """Return the REPORT line: duration, billed duration and memory of a call.

    Billed duration is duration plus init, rounded up to a millisecond: since August 2025 Lambda
    bills the init phase of on-demand functions, container images included.

    Args:
        request_id: id of the call.
        duration_ms: duration of the invoke phase.
        init_ms: duration of the init phase, on an instance's first call only.
        memory_mb: configured memory.
        peak_rss_mb: largest resident size of the instance so far.
        fault: why the platform ended the call, if it did.
    """
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms + (init_ms or 0.0))} ms",
        f"Memory Size: {memory_mb} MB",
        f"Max Memory Used: {peak_rss_mb} MB",
    ]
    if init_ms is not None:
        fields.append(f"Init Duration: {init_ms:.2f} ms")
    return "\t".join(fields + _status(fault))


def init_report_line(init_ms: float, fault: FunctionError, *, phase: str) -> str:
    """Return the line of a failed init; a successful one is in the first call's REPORT.

    Args:
        init_ms: its duration.
        fault: the reason.
        phase: `init`, or `invoke` if it was repeated within a call.
    """
    return "\t".join(
        [f"INIT_REPORT Init Duration: {init_ms:.2f} ms", f"Phase: {phase}", *_status(fault)]
    )


def timeout_line(request_id: str, timeout_s: float) -> str:
    """Return the line of a call that exceeded the function's timeout."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{now} {request_id} Task timed out after {timeout_s:.2f} seconds"


def _status(fault: FunctionError | None) -> list[str]:
    if fault is None:
        return []
    if fault.error_type == TIMED_OUT:
        return ["Status: timeout"]
    return ["Status: error", f"Error Type: {fault.error_type}"]
