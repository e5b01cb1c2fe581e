"""A warming round: how many instances are warm afterwards, and what it says when some are not."""

import datetime
import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lambda_src.warmer.handler import WarmingFailedError, handler
from tests.conftest import Cloud
from warmlens.local.aws import LocalAws

Round = Callable[..., dict[str, Any]]

ONE_INSTANCE = """
def handler(event, context):
    return {"instance_id": "the only one", "cold_start": True, "time": 0.25}
"""
ONE_FAILS = """
import os, uuid

def handler(event, context):
    try:
        os.close(os.open(os.environ["MARK"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return {"instance_id": uuid.uuid4().hex, "cold_start": False, "time": 0.25}
    raise ValueError("the first call fails")
"""
REFUSES = """
def handler(event, context):
    return {"error": {"code": "model_unavailable", "message": "There is no model."}, "status": 503}
"""


@pytest.fixture
def warm(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Round:
    """Runs a round against a function with the code given, deployed beside the classifier."""

    def run(code: str, instances: int, reserved: int | None = None) -> dict[str, Any]:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("code.py", code)
        name = f"test-{uuid.uuid4().hex}"
        cloud.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/test",
            Handler="code.handler",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"MARK": str(tmp_path / "mark")}},
        )
        if reserved is not None:
            cloud.client("lambda").put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=reserved
            )
        variables = {
            "ENV_NAME": "test",
            "FUNCTION_ARN": name,
            "WARM_BY_HOUR": ",".join(["1"] * 24),
            "PERIOD_MIN": "5",
            "HOLD_MS": "0",
            "MAX_HOLD_MS": "0",
            "BUDGET_S": "20",
            "USER_RESERVE": "0",
            "CLAIM_PARAMETER": "",
        }
        for key, value in {**LocalAws(cloud.endpoint_url).environment, **variables}.items():
            monkeypatch.setenv(key, value)
        return handler({"instances": instances}, None)

    return run


def invoke(cloud: Cloud, event: object) -> Any:
    """Call the deployed warmer, as the schedule does."""
    answer = cloud.client("lambda").invoke(
        FunctionName="warmlens-local-warmer", Payload=json.dumps(event).encode()
    )
    return json.loads(answer["Payload"].read())


def test_overlapping_calls_are_served_by_distinct_instances(cloud: Cloud) -> None:
    report = invoke(cloud, {"instances": 3})
    assert report["requested"] == 3
    assert report["errors"] == []
    assert report["distinct"] == 3
    assert report["coverage"] == 1.0


def test_the_schedules_event_wakes_as_many_as_the_settings_say(cloud: Cloud) -> None:
    report = invoke(cloud, {})
    assert (report["requested"], report["distinct"]) == (2, 2)


@pytest.mark.parametrize("instances", [0, -1, 101])
def test_a_number_of_instances_that_makes_no_sense_is_refused(cloud: Cloud, instances: int) -> None:
    failure = invoke(cloud, {"instances": instances})
    assert (
        f"instances is {instances}, allowed are whole numbers from 1 to 100"
        in failure["errorMessage"]
    )


def test_an_instance_that_answers_twice_counts_once(warm: Round) -> None:
    report = warm(ONE_INSTANCE, instances=4)
    assert (report["requested"], report["distinct"], report["coverage"]) == (4, 1, 0.25)
    assert (report["rounds"], report["errors"]) == (3, [])
    assert (report["cold"], report["held_s"]) == (12, 3.0)  # of all rounds


def test_a_call_that_fails_does_not_fail_the_run_and_is_made_good(warm: Round) -> None:
    report = warm(ONE_FAILS, instances=3)
    assert (report["distinct"], report["cold"], report["rounds"]) == (3, 0, 2)
    (error,) = report["errors"]
    assert "the first call fails" in error


def test_a_round_that_nobody_answers_fails_and_says_why(warm: Round) -> None:
    with pytest.raises(WarmingFailedError, match=r"none of 2 .* answered: .*no model"):
        warm(REFUSES, instances=2)


def test_a_function_that_may_not_run_at_all_is_told_by_its_concurrency(warm: Round) -> None:
    with pytest.raises(WarmingFailedError, match=r"none of 3 .*: the function's concurrency of 0"):
        warm(ONE_INSTANCE, instances=3, reserved=0)


def test_the_schedule_runs_the_warmer_and_not_a_loop_of_ours(cloud: Cloud) -> None:
    scheduler = cloud.client("scheduler")
    (name,) = (
        each["Name"]
        for each in scheduler.list_schedules()["Schedules"]
        if each["Target"]["Arn"].endswith("warmlens-local-warmer")
    )
    deployed = scheduler.get_schedule(Name=name)
    assert deployed["ScheduleExpression"] == "rate(5 minutes)"
    begun = cloud.log().count("START RequestId")
    # The deployed schedule's own target and input, at a moment for which a test can wait.
    now = datetime.datetime.now(datetime.UTC)
    for number in (1, 2):
        scheduler.create_schedule(
            Name=f"test-{uuid.uuid4().hex}",
            ScheduleExpression=f"at({now:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=deployed["Target"],
            ActionAfterCompletion="DELETE",
        )
        while cloud.log().count("START RequestId") < begun + 2 * number:
            time.sleep(0.2)
    warm = [each for each in cloud.status()["instances"] if each["state"] == "idle"]
    assert len(warm) >= 2


def test_users_beyond_the_accounts_concurrency_get_429_in_the_apis_form(cloud: Cloud) -> None:
    wakeup = {"method": "wakeup", "sleep_time": "3000"}
    with ThreadPoolExecutor(14) as users:
        responses = list(users.map(lambda _: cloud.post("wakeup", wakeup), range(14)))
    assert {response.status_code for response in responses} == {200, 429}
    refused = [each.json() for each in responses if each.status_code == 429]
    assert {each["error"]["code"] for each in refused} == {"throttled"}
