"""Wakes N instances at once and counts how many distinct ones answered.

An instance serves one call at a time, so calls that overlap are on distinct instances. All calls
of a round are sent at once and held until one common moment: they overlap if each begins before it.
"""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

MAX_INSTANCES = 100


@dataclass(frozen=True)
class Wakeup:
    """One answered wakeup: which instance, whether it was cold, for how long it was held."""

    instance_id: str
    cold_start: bool
    held_s: float


class WarmingFailedError(Exception):
    """Not one wakeup was answered."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run one warming round.

    Args:
        event: `{"instances": N}` overrides the N of the settings, 1 to 100.
        context: Lambda's context, not used.

    Returns:
        `requested` and `distinct` instances, `coverage` (their ratio), `cold` (cold starts that
        were absorbed), `rounds`, `held_s` (instance-seconds held) and `errors`, one text for each
        wakeup that failed.

    Raises:
        ValueError: N is out of range.
        WarmingFailedError: no wakeup was answered.
    """
    requested = int(event.get("instances", os.environ["WARM_INSTANCES"]))
    if not 1 <= requested <= MAX_INSTANCES:
        raise ValueError(f"instances is {requested}, allowed are 1 to {MAX_INSTANCES}")
    hold_ms = int(os.environ["HOLD_MS"])
    wakeups, errors = _wake(requested, hold_until_ms=int(time.time() * 1000) + hold_ms)
    distinct = len({wakeup.instance_id for wakeup in wakeups})
    report = {
        "requested": requested,
        "distinct": distinct,
        "coverage": distinct / requested,
        "cold": sum(wakeup.cold_start for wakeup in wakeups),
        "rounds": 1,
        "held_s": round(sum(wakeup.held_s for wakeup in wakeups), 3),
        "errors": errors,
    }
    print(json.dumps({"level": "INFO", "message": "warming", **report}))
    if not wakeups:
        raise WarmingFailedError(f"none of {requested} wakeups was answered: {errors[0]}")
    return report


def _wake(count: int, *, hold_until_ms: int) -> tuple[list[Wakeup], list[str]]:
    client = boto3.client(
        "lambda",
        config=Config(max_pool_connections=count, retries={"total_max_attempts": 1}),
    )
    payload = json.dumps({"method": "wakeup", "hold_until": hold_until_ms}).encode()

    def call(_: int) -> Wakeup | str:
        try:
            response = client.invoke(FunctionName=os.environ["FUNCTION_ARN"], Payload=payload)
            answer = json.loads(response["Payload"].read())
            if "FunctionError" in response or "instance_id" not in answer:
                return json.dumps(answer)[:500]
            return Wakeup(answer["instance_id"], answer["cold_start"], answer["time"])
        except Exception as error:  # one failing call must not fail the round
            return f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(count) as threads:
        answers = list(threads.map(call, range(count)))
    wakeups = [answer for answer in answers if isinstance(answer, Wakeup)]
    return wakeups, [answer for answer in answers if isinstance(answer, str)]
