"""Rounds of the warmer whose wakeups are answered oddly."""

import io
import json
import time
from typing import Any

import pytest

from lambda_src.warmer.config import WarmerConfig
from lambda_src.warmer.rounds import run_rounds

CONFIG = WarmerConfig(
    env_name="test",
    function_arn="arn:aws:lambda:us-east-1:000000000000:function:classifier:live",
    warm_by_hour=(2,),
    auto=False,
    period_s=300,
    hold_ms=0,
    max_hold_ms=0,
    budget_s=60,
    user_reserve=0,
    claim_parameter="claim",
    state_parameter="state",
)
GOOD = {"instance_id": "one", "cold_start": True, "time": 0.5}


class Lambda:
    """A client whose first wakeup is answered by `odd`, and the others well."""

    class exceptions:  # noqa: N801 - as boto3 names it
        class TooManyRequestsException(Exception): ...  # noqa: N818

    def __init__(self, odd: bytes) -> None:
        self._answers = [odd]

    def invoke(self, **call: Any) -> dict[str, Any]:
        if call.get("InvocationType") == "DryRun":
            return {}
        try:
            answer = self._answers.pop()
        except IndexError:
            answer = json.dumps(GOOD).encode()
        return {"Payload": io.BytesIO(answer)}


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"\xff",
        b"null",
        b"7",
        b'"instance_id"',
        b"[" * 100_000,
        *(
            json.dumps({**GOOD, name: value}).encode()
            for name, value in [
                ("instance_id", ["one"]),
                ("instance_id", {}),
                ("instance_id", None),
                ("instance_id", 1),
                ("cold_start", "yes"),
                ("cold_start", None),
                ("cold_start", 1),
                ("time", "0.5"),
                ("time", None),
                ("time", True),
                ("time", float("nan")),
                ("time", float("inf")),
                ("time", -1),
                ("time", 10**400),
            ]
        ),
        *(json.dumps({key: GOOD[key] for key in GOOD if key != name}).encode() for name in GOOD),
    ],
    ids=lambda odd: odd[:60].decode(errors="replace"),
)
def test_an_odd_answer_is_an_instance_not_reached_and_the_report_says_so(odd: bytes) -> None:
    first, *_ = run_rounds(Lambda(odd), CONFIG, 2, 0, time.monotonic() + 60)
    assert first.distinct == 1
    assert sum(wakeup.cold_start for wakeup in first.wakeups) == 1
    assert sum(wakeup.held_s for wakeup in first.wakeups) == 0.5
    assert first.spread_ms is None or first.spread_ms >= 0
    (problem,) = first.errors
    assert isinstance(problem, str)
    assert len(problem) <= 600
