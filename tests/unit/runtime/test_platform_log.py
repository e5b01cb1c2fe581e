"""Log lines that Lambda itself writes."""

import re

from warmlens.runtime.invocation import TIMED_OUT, FunctionError
from warmlens.runtime.platform_log import (
    end_line,
    init_report_line,
    report_line,
    start_line,
    timeout_line,
)


def report(
    *, duration_ms: float = 12.341, init_ms: float | None = None, fault: FunctionError | None = None
) -> str:
    return report_line(
        "r-1",
        duration_ms=duration_ms,
        init_ms=init_ms,
        memory_mb=1769,
        peak_rss_mb=96,
        fault=fault,
    )


def test_a_call_is_framed_by_start_and_end() -> None:
    assert start_line("r-1", "$LATEST") == "START RequestId: r-1 Version: $LATEST"
    assert end_line("r-1") == "END RequestId: r-1"


def test_a_warm_call_is_billed_for_its_duration_rounded_up() -> None:
    assert report() == (
        "REPORT RequestId: r-1\tDuration: 12.34 ms\tBilled Duration: 13 ms\t"
        "Memory Size: 1769 MB\tMax Memory Used: 96 MB"
    )


def test_the_first_call_tells_the_init_and_is_billed_for_it_too() -> None:
    assert report(init_ms=812.34) == (
        "REPORT RequestId: r-1\tDuration: 12.34 ms\tBilled Duration: 825 ms\t"
        "Memory Size: 1769 MB\tMax Memory Used: 96 MB\tInit Duration: 812.34 ms"
    )


def test_a_call_that_the_platform_ended_says_why() -> None:
    assert report(fault=FunctionError(TIMED_OUT, "m")).endswith("96 MB\tStatus: timeout")
    ended = FunctionError("Runtime.ExitError", "m")
    assert report(fault=ended).endswith("\tStatus: error\tError Type: Runtime.ExitError")


def test_a_failed_init_is_reported_by_itself() -> None:
    assert init_report_line(1236.04, FunctionError(TIMED_OUT, "m"), phase="init") == (
        "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: timeout"
    )


def test_a_timeout_has_a_line_with_its_time() -> None:
    line = timeout_line("r-1", 3)
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{stamp} r-1 Task timed out after 3\.00 seconds", line)
