"""A function of which calls answer when a test lets them go, however fast the machine is."""

import os
import time
from pathlib import Path
from typing import Any

_ID = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"].rpartition("]")[2]
_calls = 0


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Wait in the folder `gate` of the event, or in WAKEUPS when the warmer wants it held."""
    global _calls
    _calls += 1
    gate = event.get("gate") or ("hold_until" in event and os.environ["WAKEUPS"])
    if gate:
        place = Path(gate, context.aws_request_id)
        place.touch()
        while place.exists():
            time.sleep(0.005)
    return {
        "method": event.get("method"),
        "time": 0.25,
        "instance_id": _ID,
        "cold_start": _calls == 1,
    }
