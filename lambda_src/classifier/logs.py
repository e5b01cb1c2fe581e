"""Log lines and metrics as JSON, one object per line, for CloudWatch Logs."""

import json
import time
from collections.abc import Mapping

NAMESPACE = "Warmlens"
NO_UNIT = ("Recognized", "Top1Softmax")  # in the line of each photo, whose bytes are billed


def log(level: str, message: str, **fields: object) -> None:
    """Print one log line; `fields` must be JSON values. CloudWatch bills each byte."""
    line = {"level": level, "message": message, **fields}
    print(json.dumps(line, separators=(",", ":")), flush=True)


def metrics(environment: str | None, values: Mapping[str, float]) -> dict[str, object]:
    """Return log fields from which CloudWatch creates metrics, without an API call.

    Source: CloudWatch user guide, "Specification: Embedded metric format".

    Args:
        environment: value of the dimension `Environment`; None gives no fields.
        values: metrics by name; names that end in `Ms` are milliseconds, those of `NO_UNIT` have
            none, others are counts.
    """
    if environment is None:
        return {}
    units = [{"Name": name, **_unit(name)} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Environment"]], "Metrics": units}
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": about, "Environment": environment, **values}


def _unit(name: str) -> dict[str, str]:
    if name in NO_UNIT:
        return {}
    return {"Unit": "Milliseconds" if name.endswith("Ms") else "Count"}
