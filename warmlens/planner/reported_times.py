"""Service times and inits of a deployed function, from Lambda's reports of its calls."""

import itertools
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from warmlens.errors import WarmlensError
from warmlens.planner.distribution import Distribution
from warmlens.planner.lambda_logs import CODE, LambdaLogs, Report, read_lambda_logs
from warmlens.planner.service_times import X86_64, Measured
from warmlens.runtime.isolation import limits_of

FEWEST_WARM, FEWEST_INITS = 100, 10
"""With 100 calls the 99th percentile lies among them."""
FEWEST_FIRST_CALLS = 3
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
FIRST_ERROR_STATUS = 400
STORES = ("image", "s3")
ARCHITECTURES = (X86_64, "arm64")
_NO_PHOTO = ("wakeup", "model")
"""Methods of calls that bring no photo."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What Lambda's reports do not say about the function that they are of.

    Attributes:
        model_store: the store that it loaded its model from.
        architecture: its kind of processor.

    Raises:
        WarmlensError: there is no such store or processor.
    """

    model_store: str = "s3"
    architecture: str = X86_64

    def __post_init__(self) -> None:
        for name, value, known in (
            ("store", self.model_store, STORES),
            ("architecture", self.architecture, ARCHITECTURES),
        ):
            if value not in known:
                why = f"--report-{name} {value}: give {' or '.join(known)}"
                raise WarmlensError("bad_setting", why)


def read_reported(files: Sequence[Path], deployed: Deployed) -> list[Measured]:
    """Read the times of users' calls, for every memory size that has enough of them.

    A warm call takes what Lambda reports as Duration. A cold one takes, before that, the Init
    Duration and what a first call takes longer than others. What Lambda does before the init is in
    no report. Wakeups and calls of `/model` are known by the classifier's own lines, where the file
    has them: they are left out; their inits are kept. Failed calls and restores of SnapStart are
    left out.

    Args:
        files: log lines; they are taken together.
        deployed: what the reports do not say.

    Raises:
        WarmlensError: a file is not valid, or no memory size has enough calls.
    """
    logs, names = read_lambda_logs(files), ", ".join(file.name for file in files)
    kinds = {report: _kind(report, logs) for report in logs.reports}
    measured, few = [], []
    for memory_mb in sorted({report.memory_mb for report in kinds}):
        of_size = [each for each in kinds if each.memory_mb == memory_mb]
        users = [each for each in of_size if kinds[each] == "user"]
        warm_ms = sorted(each.duration_ms for each in users if not each.is_cold)
        inits_ms = sorted(
            each.init_ms
            for each in of_size
            if each.init_ms is not None and kinds[each] in ("user", *_NO_PHOTO)
        )
        counted = f"{memory_mb} MB: {len(warm_ms):,} warm calls, {len(inits_ms):,} inits"
        if len(warm_ms) < FEWEST_WARM or len(inits_ms) < FEWEST_INITS:
            few.append(counted)
            continue
        warm_median_ms = statistics.median(warm_ms)
        first_ms = [each.duration_ms for each in users if each.init_ms is not None]
        known = len(first_ms) >= FEWEST_FIRST_CALLS
        longer_ms = max(0.0, statistics.median(first_ms) - warm_median_ms) if known else 0.0
        if not known:
            counted += " (too few users' ones to know how much longer a first call takes)"
        measured.append(
            Measured(
                architecture=deployed.architecture,
                memory_mb=memory_mb,
                vcpu=round(limits_of(memory_mb).vcpus, 3),
                model_store=deployed.model_store,
                service=_table(warm_ms),
                init=_table([ms + longer_ms for ms in inits_ms]),
                cold_ms=statistics.median(inits_ms) + longer_ms + warm_median_ms,
                warm_ms=warm_median_ms,
                source=counted,
            )
        )
    left_out = _left_out(kinds.values(), logs)
    if not measured:
        raise WarmlensError(
            CODE,
            f"{names}: too few calls: {'; '.join(few)}; {FEWEST_WARM} warm calls and "
            f"{FEWEST_INITS} inits of one memory size are needed"
            f"{left_out and f' (left out: {left_out})'}; ask for a longer time",
        )
    words = "; ".join([each.source for each in measured])
    if few:
        words += f"; too few to plan with: {'; '.join(few)}"
    if left_out:
        words += f"; left out: {left_out}"
    if not logs.calls:
        words += "; wakeups among them are not known, as the classifier's own lines are not there"
    words += f"; on {deployed.architecture}, model from {deployed.model_store}"
    return [replace(each, source=f"{names} ({words})") for each in measured]


def _kind(report: Report, logs: LambdaLogs) -> str:
    method, status = logs.calls.get(report.request_id, (None, 0))
    if report.failed or report.request_id in logs.timed_out or status >= FIRST_ERROR_STATUS:
        return "failed"
    if method in _NO_PHOTO:
        return method
    if logs.calls and report.request_id not in logs.calls:
        return "unknown"
    if report.restore_ms is not None:
        return "restored"
    return "user"


def _left_out(kinds: Iterable[str], logs: LambdaLogs) -> str:
    counts = Counter(kinds)
    words = {
        "wakeup": "wakeups",
        "model": "calls of /model",
        "failed": "failed calls",
        "restored": "calls after a restore of SnapStart",
        "unknown": "calls without a line of the classifier",
    }
    parts = [f"{counts[kind]:,} {name}" for kind, name in words.items() if counts[kind]]
    if logs.repeated:
        parts.append(f"{logs.repeated:,} copies")
    return ", ".join(parts)


def _table(values_ms: Sequence[float]) -> Distribution:
    """Return the distribution through the quantiles of sorted times."""
    last = len(values_ms) - 1
    values_s = []
    for quantile in QUANTILES:
        low = int(quantile * last)
        high = min(low + 1, last)
        part = quantile * last - low
        values_s.append((values_ms[low] * (1 - part) + values_ms[high] * part) / 1000)
    # Rounding must not make a value less than the one before it.
    return Distribution("table", tuple(itertools.accumulate(values_s, max)), QUANTILES)
