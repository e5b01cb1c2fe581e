"""The local cloud's log of calls: outcomes, and totals since its start."""

import json
from typing import Any

import pytest

from warmlens.local.fleet_view import KEPT_CALLS, CallLog
from warmlens.runtime.invocation import InvokeResult, TooManyRequestsError

PHOTO = b'{"requestContext": {}, "path": "/classification"}'
WAKEUP = b'{"method": "wakeup"}'


class Pool:
    """A pool that answers with a status, or refuses; each answer's init is given."""

    def __init__(self) -> None:
        self.status, self.init_ms = 200, 250.0

    async def invoke(self, **_: Any) -> InvokeResult:
        if self.status == 429:
            raise TooManyRequestsError("no room")
        payload = json.dumps({"statusCode": self.status}).encode()
        return InvokeResult(
            payload=payload,
            error=None,
            instance_id="1",
            duration_ms=300.0,
            init_ms=self.init_ms or None,
        )


async def call(log: CallLog, payload: bytes) -> None:
    await log.invoke(function="f", version="1", payload=payload, request_id="r")


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "answered"), (415, "rejected"), (503, "failed")]
)
async def test_an_answer_with_a_5xx_is_a_failure_and_one_with_a_4xx_a_rejection(
    status: int, outcome: str
) -> None:
    pool: Any = Pool()
    log = CallLog(pool)
    pool.status = status
    await call(log, PHOTO)
    assert log.describe([])["calls"][0]["outcome"] == outcome


async def test_totals_go_on_after_the_kept_calls() -> None:
    pool: Any = Pool()
    log = CallLog(pool)
    await call(log, PHOTO)
    await call(log, WAKEUP)
    pool.init_ms = 0.0
    for _ in range(KEPT_CALLS):
        await call(log, PHOTO)
    pool.status = 429
    with pytest.raises(TooManyRequestsError):
        await call(log, PHOTO)
    found = log.describe([])
    assert len(found["calls"]) == found["kept_calls"] == KEPT_CALLS
    del found["totals"]["since"]
    assert found["totals"] == {
        "photos": KEPT_CALLS + 1,
        "cold_starts_met": 1,
        "cold_starts_absorbed": 1,
    }
