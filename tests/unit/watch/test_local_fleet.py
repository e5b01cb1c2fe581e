"""Readings of the local cloud, from answers of its view of the fleet."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from warmlens.deployment import Deployment
from warmlens.errors import WarmlensError
from warmlens.watch.local_fleet import LocalFleet

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8080"


def call(ago_s: float, **more: Any) -> dict[str, Any]:
    warm = {"method": "classification", "outcome": "answered", "init_ms": None, "duration_ms": 50.0}
    return {**warm, "ended_at_s": NOW.timestamp() - ago_s, **more}


def source() -> LocalFleet:
    none: Any = None
    return LocalFleet(
        Deployment("local", {}, s3=none, lambda_=none, local_url=URL, api_auth=lambda: None)
    )


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The local cloud's answer."""
    answer: dict[str, Any] = {
        "instances": [{"state": state} for state in ("busy", "idle", "idle", "init")],
        "calls": [],
        "kept_calls": 3,
        "totals": {
            "since": "2026-11-30T11:00:00+00:00",
            "photos": 9,
            "cold_starts_met": 2,
            "cold_starts_absorbed": 4,
        },
    }
    monkeypatch.setattr(
        "warmlens.watch.local_fleet.httpx.get", lambda *_, **__: httpx.Response(200, json=answer)
    )
    return answer


def test_instances_that_have_started_are_warm_and_cold_starts_are_those_since_the_start(
    fleet: dict[str, Any],
) -> None:
    reading = source().read(NOW)
    assert reading.instances == {"busy": 1, "held": 0, "idle": 2, "init": 1}
    assert reading.warmth is not None
    assert reading.warmth.reached == 3
    cold = reading.cold_starts
    assert (cold.photos, cold.met, cold.ahead, reading.since.hour) == (9, 2, 4, 11)
    assert (reading.newest, reading.calls.photos, reading.calls.mean_ms) == (None, 0, None)
    assert reading.cost is None


def test_times_are_those_of_photos_without_init(fleet: dict[str, Any]) -> None:
    cold = call(5, init_ms=300.0, duration_ms=370.0)
    fleet["calls"] = [cold, call(70), call(80, method="wakeup", duration_ms=9000.0)]
    fleet["kept_calls"] = 60
    calls = source().read(NOW).calls
    assert (calls.photos, calls.mean_ms, calls.slowest_ms) == (2, 60.0, 70.0)
    assert calls.per_minute == (*[0] * 13, 1, 1)


def test_refused_and_failed_calls_are_counted_apart(fleet: dict[str, Any]) -> None:
    fleet["calls"] = [call(1, outcome="refused"), call(2, outcome="failed")]
    calls = source().read(NOW).calls
    assert (calls.photos, calls.refused, calls.failed) == (1, 1, 1)


@pytest.mark.parametrize(
    ("ago_s", "window_min", "photos", "more"),
    [
        ((10, 20, 1000), 15, 2, False),
        ((10, 20, 150), 2, 2, False),
        ((10, 20, 30), 1, 3, True),
    ],
)
def test_the_minutes_are_those_of_which_every_call_is_known(
    fleet: dict[str, Any], ago_s: tuple[int, ...], window_min: int, photos: int, more: bool
) -> None:
    fleet["calls"] = [call(ago) for ago in ago_s]
    calls = source().read(NOW).calls
    assert (calls.window_min, calls.photos, calls.may_be_more) == (window_min, photos, more)
    assert len(calls.per_minute) == window_min


def test_a_local_cloud_of_another_version_is_said_to_be_one(fleet: dict[str, Any]) -> None:
    del fleet["totals"]
    with pytest.raises(WarmlensError, match="of another version") as error:
        source().read(NOW)
    assert error.value.code == "unexpected_answer"


def test_a_local_cloud_that_has_gone_ends_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> httpx.Response:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr("warmlens.watch.local_fleet.httpx.get", refuse)
    with pytest.raises(WarmlensError, match="make run") as error:
        source().read(NOW)
    assert (error.value.code, error.value.exit_code) == ("not_found", 3)
