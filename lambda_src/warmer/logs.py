"""The warmer's log lines, and metrics in CloudWatch's embedded metric format."""

import json
from collections.abc import Mapping

NAMESPACE = "Warmlens"
THROTTLED = "WarmerThrottled"


def log(level: str, message: str, **fields: object) -> None:
    """Print a log line as JSON."""
    print(json.dumps({"level": level, "message": message, **fields}))


def emit(time_ms: int, metrics: Mapping[str, tuple[str, float | list[int]]], env_name: str) -> None:
    """Print metrics, each with its unit and its value, or up to 100 values.

    Args:
        time_ms: Unix time of the values.
        metrics: unit and value by name.
        env_name: the environment, the metrics' only dimension.
    """
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Environment"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()],
    }
    line = {
        "_aws": {"Timestamp": time_ms, "CloudWatchMetrics": [directive]},
        "Environment": env_name,
        **{name: value for name, (_, value) in metrics.items()},
    }
    print(json.dumps(line))


def emit_wakeups(time_ms: int, refused: list[int], env_name: str) -> None:
    """Print one value for each wakeup: 0 when it is sent, and 1 if it was refused.

    So the metric's sum are refused wakeups, which an alarm subtracts from Lambda's own, and its
    number of samples is no less than the wakeups that were running in that minute.

    Args:
        time_ms: Unix time at which they were sent, or were still running.
        refused: the values, at most 100; none prints nothing.
        env_name: the environment.
    """
    if refused:
        emit(time_ms, {THROTTLED: ("Count", refused)}, env_name)
