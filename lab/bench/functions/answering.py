"""A Lambda function without a model that answers wakeups as the classifier does.

It is cheap enough for fifty instances on one machine. The instance pool runs it.
"""

import os
import time
from typing import Any

_ID = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"].rpartition("]")[2]
_calls = 0


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Stay busy until `hold_until` (Unix time in ms) or for `sleep_time` ms, then answer."""
    global _calls
    _calls += 1
    begun_s = time.time()
    until_s = event.get("hold_until", begun_s * 1000 + int(event.get("sleep_time", 0))) / 1000
    time.sleep(max(0.0, until_s - begun_s))
    return {
        "method": event.get("method"),
        "time": time.time() - begun_s,
        "instance_id": _ID,
        "cold_start": _calls == 1,
    }
