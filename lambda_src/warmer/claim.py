"""Claims of scheduled runs, since EventBridge Scheduler delivers at least once."""

import datetime
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .logs import log


def time_of(event: Mapping[str, Any]) -> str | None:
    """Return the run's scheduled time, or None if the event has none."""
    value = event.get("scheduled_time")
    try:
        return value if value and datetime.datetime.fromisoformat(value) else None
    except (TypeError, ValueError):
        log("WARNING", "no scheduled time: a second delivery would not be noticed", value=value)
        return None


def claim(ssm: Any, name: str, scheduled_time: str, request_id: str, problems: list[str]) -> bool:
    """Claim a scheduled run; return False for a duplicate.

    Every delivery writes its time into one parameter, whose versions AWS numbers in order: of two
    deliveries of one time, the later one sees the earlier one in the version before its own. A
    failed run is retried by Lambda with the same request id, and runs again.

    Args:
        ssm: an SSM client.
        name: the parameter's name.
        scheduled_time: the time of the run.
        request_id: Lambda's id of the delivery.
        problems: takes the reason if a duplicate could not be noticed.
    """
    try:
        version = ssm.put_parameter(
            Name=name, Value=f"{scheduled_time} {request_id}", Overwrite=True
        )["Version"]
        before = ssm.get_parameter(Name=f"{name}:{version - 1}")["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        # Run it anyway: a duplicate run costs a hold, a missed run costs cold starts.
        problems.append(f"the claim of {scheduled_time} is not known to be the first: {error}")
        return True
    claimed_time, _, claimed_by = str(before).partition(" ")
    return claimed_time != scheduled_time or claimed_by == request_id
