"""Warming rounds: instances that are warm afterwards, and errors when some are not."""

import asyncio
import datetime
import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.emulator_with_pool import make_role
from lambda_src.warmer.handler import WarmingFailedError, handler
from tests.busy_instances import all_busy, states
from tests.conftest import Cloud
from tests.integration.aws_proxy import refusing

Round = Callable[..., dict[str, Any]]
Deploy = Callable[[str], str]

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


ANSWERS = """
import uuid

def handler(event, context):
    return {"instance_id": uuid.uuid4().hex, "cold_start": False, "time": 0.25}
"""
# Arrivals that are known however fast this machine is: by the time that each call says it was held.
HELD = """
import uuid

def handler(event, context):
    if "hold_until" not in event:
        return {"instance_id": uuid.uuid4().hex, "cold_start": False, "time": 0}
    return {"instance_id": uuid.uuid4().hex, "cold_start": %s, "time": 0.9}
"""
SLOW = """
import time

def handler(event, context):
    time.sleep(4)
"""
CLOCK_BEHIND = """
import time, uuid

def handler(event, context):
    hold_ms = event["hold_until"] - (time.time() - 0.45) * 1000
    if hold_ms > 100_000:
        return {"error": {"code": "invalid_hold_until", "message": "Too long."}, "status": 400}
    instance_id = uuid.uuid4().hex if hold_ms > 60_000 else "the only one"
    return {"instance_id": instance_id, "cold_start": False, "time": 0.25}
"""


class Context:
    """Lambda's, of one delivery of an event."""

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id


@pytest.fixture
def deploy(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Deploys a function with the code given beside the classifier, for the warmer to wake."""

    def run(code: str) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("code.py", code)
        name = f"test-{uuid.uuid4().hex}"
        cloud.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=make_role(cloud.aws(), name),
            Handler="code.handler",
            Timeout=60,
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"MARK": str(tmp_path / "mark")}},
        )
        state = f"/{name}/state"
        cloud.client("ssm").put_parameter(Name=state, Value="none", Type="String")
        variables = {
            "ENV_NAME": name,
            "FUNCTION_ARN": name,
            "WARM_BY_HOUR": ",".join(["1"] * 24),
            "WARM_AUTO": "false",
            "PERIOD_MIN": "5",
            "HOLD_MS": "0",
            "MAX_HOLD_MS": "0",
            "BUDGET_S": "60",
            "USER_RESERVE": "0",
            "CLAIM_PARAMETER": "",
            "STATE_PARAMETER": state,
        }
        for key, value in {**cloud.aws().environment, **variables}.items():
            monkeypatch.setenv(key, value)
        return name

    return run


@pytest.fixture
def warm(cloud: Cloud, deploy: Deploy) -> Round:
    """Runs a round against a function with the code given."""

    def run(code: str, instances: int, reserved: int | None = None) -> dict[str, Any]:
        name = deploy(code)
        if reserved is not None:
            cloud.client("lambda").put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=reserved
            )
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


def test_a_limited_round_that_nobody_answers_names_the_failure_and_not_the_limit(
    cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions, name = cloud.client("lambda"), deploy(REFUSES)
    monkeypatch.setenv("USER_RESERVE", "1")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=6)
    try:
        with pytest.raises(WarmingFailedError, match=r"none of 10 .* answered: .*no model"):
            handler({"instances": 10}, None)
    finally:
        functions.delete_function_concurrency(FunctionName=name)  # the account's, for other tests


def test_a_run_that_failed_runs_when_lambda_tries_it_again_and_a_second_delivery_does_not(
    cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda tries under the same request id; what Scheduler delivers again has another one."""
    functions, name = cloud.client("lambda"), deploy(ANSWERS)
    claim = f"/test/{uuid.uuid4().hex}"
    cloud.client("ssm").put_parameter(Name=claim, Value="none", Type="String")
    monkeypatch.setenv("CLAIM_PARAMETER", claim)
    event = {"scheduled_time": "2026-11-24T08:00:00Z", "instances": 2}
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(WarmingFailedError):
        handler(event, Context("first"))
    functions.delete_function_concurrency(FunctionName=name)
    assert handler(event, Context("first"))["distinct"] == 2
    assert handler(event, Context("second")) == {"duplicate_of": "2026-11-24T08:00:00Z"}


@pytest.mark.parametrize("call", ["/concurrency", "/account-settings"])
async def test_a_warmer_that_may_not_ask_for_the_limit_warms_and_says_so(
    cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    deploy(ANSWERS)
    async with refusing(cloud.endpoint_url, lambda request, _: call in request.path) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        report = await asyncio.to_thread(handler, {"instances": 3}, None)
    assert (report["allowed"], report["limited_by"], report["distinct"]) == (3, None, 3)
    (problem,) = report["errors"]
    assert "the concurrency limit is not known" in problem
    assert "AccessDenied" in problem


def test_the_longest_hold_leaves_room_for_an_instance_whose_clock_is_behind(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By nearly half a second; an instance refuses to be held for longer than it allows."""
    deploy(CLOCK_BEHIND)
    monkeypatch.setenv("HOLD_MS", "40000")  # the function tells, and does not wait
    monkeypatch.setenv("MAX_HOLD_MS", "100000")
    monkeypatch.setenv("BUDGET_S", "120")
    report = handler({"instances": 3}, None)
    assert (report["distinct"], report["rounds"], report["errors"]) == (3, 2, [])


# The hold


def test_the_next_run_holds_as_long_as_arrivals_were_spread_and_at_most_the_setting(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls say that they arrived 100 ms after they were sent, and later at once."""
    deploy(HELD % "False")
    monkeypatch.setenv("HOLD_MS", "1000")
    first, second, third = (handler({"instances": 3}, None) for _ in range(3))
    assert (first["hold_ms"], first["spread_ms"]) == (1000, 100.0)
    assert (second["hold_ms"], second["spread_ms"]) == (100 + 4 * 50 + 25, 0.0)
    assert third["hold_ms"] == round(87.5 + 4 * 62.5 + 25)
    monkeypatch.setenv("HOLD_MS", "300")
    assert handler({"instances": 3}, None)["hold_ms"] == 300
    assert handler({"instances": 4}, None)["hold_ms"] == 300  # a number that was never measured
    single = handler({"instances": 1}, None)
    assert (single["hold_ms"], single["held_s"], single["errors"]) == (0, 0, [])


def test_instances_that_start_cold_say_nothing_about_arrivals(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(HELD % "True")
    monkeypatch.setenv("HOLD_MS", "1000")
    reports = [handler({"instances": 3}, None) for _ in range(2)]
    assert [(each["hold_ms"], each["spread_ms"]) for each in reports] == [(1000, None)] * 2


@pytest.mark.parametrize(
    "kept",
    [
        "?",
        "{}",
        "[]",
        '{"spreads_ms": {"3": [-1, 0]}, "peak": null}',
        '{"spreads_ms": {"3": [NaN, 0]}, "peak": null}',
        '{"spreads_ms": {"3": [1]}, "peak": null}',
        '{"spreads_ms": {}, "peak": ["many", 0]}',
    ],
)
def test_what_earlier_runs_left_is_reported_and_replaced_if_it_makes_no_sense(
    cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    name = deploy(HELD % "False")
    monkeypatch.setenv("HOLD_MS", "1000")
    cloud.client("ssm").put_parameter(Name=f"/{name}/state", Value=kept, Overwrite=True)
    report = handler({"instances": 3}, None)
    assert (report["distinct"], report["hold_ms"]) == (3, 1000)
    (problem,) = report["errors"]
    assert problem.startswith("what earlier runs measured is not known: ")
    report = handler({"instances": 3}, None)
    assert (report["hold_ms"], report["errors"]) == (325, [])


def test_without_its_parameter_the_warmer_warms_and_says_so(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(HELD % "False")
    monkeypatch.setenv("STATE_PARAMETER", "/warmlens/../nothing")
    report = handler({"instances": 3}, None)
    assert report["distinct"] == 3
    assert [problem.split(" is ")[0] for problem in report["errors"]] == [
        "what earlier runs measured",
        "what this run measured",
    ]


# The number that users need


def put(cloud: Cloud, namespace: str, metric: str, days_ago: float, **datum: Any) -> None:
    """Put values into CloudWatch, which takes them for the past two weeks."""
    time = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days_ago)
    cloud.client("cloudwatch").put_metric_data(
        Namespace=namespace,
        MetricData=[{"MetricName": metric, "Timestamp": time, **datum}],
    )


def test_auto_wakes_as_many_as_users_were_on_at_once_in_seven_days(
    cloud: Cloud,
    deploy: Deploy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = deploy(ANSWERS)
    functions = cloud.client("lambda")
    version = functions.publish_version(FunctionName=name)["Version"]
    alias = functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    monkeypatch.setenv("FUNCTION_ARN", alias["AliasArn"])
    monkeypatch.setenv("WARM_AUTO", "true")
    monkeypatch.setenv("WARM_BY_HOUR", ",".join(["10"] * 24))

    report = handler({}, None)
    assert (report["requested"], report["distinct"], report["errors"]) == (1, 1, [])
    assert "no call of a user" in report["chosen_because"]

    of_alias = [
        {"Name": "FunctionName", "Value": name},
        {"Name": "Resource", "Value": f"{name}:live"},
    ]
    of_environment = [{"Name": "Environment", "Value": name}]
    for days_ago, users, woken in ((8, 9, 0), (5, 3, 0), (3, 2, 6), (0.1, 1, 0), (0.001, 8, 0)):
        datum = {"Dimensions": of_alias, "Value": users + woken}
        put(cloud, "AWS/Lambda", "ConcurrentExecutions", days_ago, **datum)
        if woken:
            counts = {"Values": [0.0], "Counts": [float(woken)]}
            put(cloud, "Warmlens", "WarmerThrottled", days_ago, Dimensions=of_environment, **counts)
    state = cloud.client("ssm")
    state.put_parameter(Name=f"/{name}/state", Value="none", Overwrite=True)
    capsys.readouterr()
    report = handler({}, None)
    assert (report["requested"], report["distinct"], report["errors"]) == (3, 3, [])
    assert report["chosen_because"].startswith("users needed 3 at once in the 7 days before ")
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert report in [{key: line.get(key) for key in report} for line in logged]
    assert handler({"instances": 2}, None)["requested"] == 2  # by hand, whatever users need


def test_wakeups_that_are_not_answered_are_counted_for_as_long_as_they_may_run(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or they would look like users, and `auto` would wake as many again."""
    deploy(SLOW)
    monkeypatch.setenv("BUDGET_S", "1")
    with pytest.raises(WarmingFailedError):
        handler({"instances": 2}, None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    sent, later = (line for line in lines if "WarmerThrottled" in line)
    assert sent["WarmerThrottled"] == later["WarmerThrottled"] == [0, 0]
    sent_ms, later_ms = (each["_aws"]["Timestamp"] for each in (sent, later))
    assert later_ms == (sent_ms // 60_000 + 1) * 60_000  # the minute after


async def test_auto_without_cloudwatch_keeps_its_number_and_says_so(
    cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = deploy(ANSWERS)
    monkeypatch.setenv("FUNCTION_ARN", f"arn:aws:lambda:us-east-1:000000000000:function:{name}")
    monkeypatch.setenv("WARM_AUTO", "true")
    monkeypatch.setenv("WARM_BY_HOUR", ",".join(["10"] * 24))
    for kept, expected in (("none", 1), ('{"spreads_ms": {}, "peak": [4, 1000]}', 4)):
        cloud.client("ssm").put_parameter(Name=f"/{name}/state", Value=kept, Overwrite=True)

        def is_metrics(request: Any, _: int) -> bool:
            return "GetMetricData" in request.headers.get("X-Amz-Target", "")

        async with refusing(cloud.endpoint_url, is_metrics) as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            report = await asyncio.to_thread(handler, {}, None)
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint_url)
        assert (report["requested"], report["distinct"]) == (expected, expected)
        (problem,) = report["errors"]
        assert "users' concurrency could not be read" in problem
        assert "AccessDenied" in problem


@pytest.mark.slow
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
    while states(cloud).count("idle") < 2:
        time.sleep(0.2)


def test_users_beyond_the_accounts_concurrency_get_429_in_the_apis_form(
    narrow_cloud: Cloud,
) -> None:
    wakeup = {"method": "wakeup"}
    with all_busy(narrow_cloud, 2):
        refused = narrow_cloud.post("wakeup", wakeup)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "throttled")
    assert narrow_cloud.post("wakeup", wakeup).status_code == 200
