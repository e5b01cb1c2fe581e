"""Readings for tests."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from warmlens.watch.reading import Calls, ColdStarts, Cost, Reading, Warmth

AT = datetime(2026, 11, 30, 12, 9, 31, tzinfo=UTC)
CALLS = Calls(
    window_min=15,
    photos=132,
    mean_ms=61.4,
    slowest_ms=240.2,
    failed=0,
    refused=0,
    per_minute=(0, 0, 4, 8, 20, 40, 30, 10, 6, 2, 2, 4, 4, 2, 0),
)
IN_AWS = Reading(
    env_name="prod",
    place="AWS us-east-1",
    read_at=AT,
    since=AT.replace(hour=0, minute=0, second=0),
    newest=AT.replace(minute=8, second=0),
    instances=None,
    at_work=4,
    warmth=Warmth(reached=4, asked=5, at=AT.replace(minute=5, second=0)),
    calls=CALLS,
    cold_starts=ColdStarts(photos=1200, met=3, ahead=12, by_rounds=29),
    cost=Cost(
        usd=0.1243,
        parts={"API": 0.0042, "classifier": 0.12, "warmer": 0.0001},
        included="API calls",
        left_out="S3 and logs",
    ),
    metrics=19,
    metrics_usd=0.00019,
)
LOCAL = replace(
    IN_AWS,
    env_name="local",
    place="http://127.0.0.1:8080",
    instances={"busy": 1, "held": 1, "idle": 2, "init": 0},
    at_work=None,
    warmth=Warmth(reached=4),
    cold_starts=ColdStarts(photos=9, met=1, ahead=3),
    cost=None,
    no_cost="nothing: the local cloud runs on this machine",
    metrics=0,
    metrics_usd=0.0,
)


def empty(reading: Reading) -> Reading:
    """Return the reading of an environment that nobody has called."""
    none: Any = {"photos": 0, "mean_ms": None, "slowest_ms": None, "per_minute": (0,) * 15}
    return replace(
        reading,
        newest=None,
        at_work=None if reading.at_work is None else 0,
        instances=None if reading.instances is None else dict.fromkeys(reading.instances, 0),
        warmth=None if reading.instances is None else Warmth(reached=0),
        calls=replace(reading.calls, **none),
        cold_starts=replace(reading.cold_starts, photos=0, met=0, ahead=0),
    )
