"""Readings of the local cloud, from its own view of instances and calls."""

from collections import Counter
from datetime import datetime
from typing import Any

import httpx

from warmlens.deployment import NOT_FOUND, Deployment
from warmlens.errors import WarmlensError
from warmlens.local.state import FLEET_PATH
from warmlens.watch.reading import WINDOW_MIN, Calls, ColdStarts, Reading, Warmth


class LocalFleet:
    """Reads the running local cloud.

    Args:
        deployment: the local cloud.
    """

    every_s = 3
    shortest_s = 1

    def __init__(self, deployment: Deployment) -> None:
        self._name = deployment.name
        self._url = deployment.api_url

    def read(self, now: datetime) -> Reading:
        """Return a reading.

        Raises:
            WarmlensError: the local cloud does not answer, or is one of another version.
        """
        try:
            answer = httpx.get(self._url + FLEET_PATH, timeout=60, trust_env=False).json()
        except (httpx.HTTPError, ValueError) as error:
            raise WarmlensError(
                "not_found",
                f"The local cloud at {self._url} does not answer ({error}). "
                "Start it with: make run",
                exit_code=NOT_FOUND,
            ) from error
        try:
            return self._reading(answer, now)
        except (KeyError, TypeError, ValueError):
            raise WarmlensError(
                "unexpected_answer",
                f"The local cloud at {self._url} is of another version. "
                "Stop it and start it again: make down, then make run.",
            ) from None

    def _reading(self, answer: dict[str, Any], now: datetime) -> Reading:
        states = Counter(str(each["state"]) for each in answer["instances"])
        totals = answer["totals"]
        ages = [now.timestamp() - float(call["ended_at_s"]) for call in answer["calls"]]
        return Reading(
            env_name=self._name,
            place=self._url,
            read_at=now,
            since=datetime.fromisoformat(totals["since"]).astimezone(now.tzinfo),
            newest=datetime.fromtimestamp(now.timestamp() - min(ages), now.tzinfo)
            if ages
            else None,
            instances={state: states[state] for state in ("busy", "held", "idle", "init")},
            at_work=None,
            warmth=Warmth(reached=states.total() - states["init"]),
            calls=_calls(answer["calls"], ages, is_full=len(ages) == answer["kept_calls"]),
            cold_starts=ColdStarts(
                photos=totals["photos"],
                met=totals["cold_starts_met"],
                ahead=totals["cold_starts_absorbed"],
            ),
            cost=None,
            no_cost="nothing: the local cloud runs on this machine",
        )


def _calls(calls: list[dict[str, Any]], ages: list[float], *, is_full: bool) -> Calls:
    """Return the calls of the last minutes; older ones than the oldest kept are not known."""
    known_min = int(max(ages) // 60) if is_full else WINDOW_MIN
    window_min = max(1, min(WINDOW_MIN, known_min))
    recent = [(call, age) for call, age in zip(calls, ages, strict=True) if age < window_min * 60]
    photos = [
        (call["duration_ms"] - (call["init_ms"] or 0.0), age)
        for call, age in recent
        if call["method"] == "classification" and call["outcome"] != "refused"
    ]
    times_ms = [time_ms for time_ms, _ in photos]
    minutes = Counter(max(0, int(age // 60)) for _, age in photos)
    outcomes = Counter(call["outcome"] for call, _ in recent)
    return Calls(
        window_min=window_min,
        may_be_more=known_min < 1,
        photos=len(photos),
        mean_ms=sum(times_ms) / len(times_ms) if times_ms else None,
        slowest_ms=max(times_ms, default=None),
        failed=outcomes["failed"],
        refused=outcomes["refused"],
        per_minute=tuple(minutes[ago] for ago in reversed(range(window_min))),
    )
