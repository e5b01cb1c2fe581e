"""Log lines and metrics as JSON, one object per line, for CloudWatch Logs."""

import json
import time
from collections.abc import Mapping

NAMESPACE = "Warmlens"


def log(level: str, message: str, **fields: object) -> None:
    """Print one log line; `fields` must be JSON values. CloudWatch bills each byte."""
    line = {"level": level, "message": message, **fields}
    print(json.dumps(line, separators=(",", ":")), flush=True)


def metrics(environment: str | None, values: Mapping[str, float]) -> dict[str, object]:
    """Return log fields from which CloudWatch creates metrics, without an API call.

    Source: CloudWatch user guide, "Specification: Embedded metric format".

    Args:
        environment: value of the dimension `Environment`; None gives no fields.
        values: metrics by name; names that end in `Ms` are milliseconds, others are counts.
    """
    if environment is None:
        return {}
    units = [
        {"Name": name, "Unit": "Milliseconds" if name.endswith("Ms") else "Count"}
        for name in values
    ]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Environment"]], "Metrics": units}
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": about, "Environment": environment, **values}
