"""Readings of an environment in AWS, from CloudWatch's answers."""

import functools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import ANY, Stubber

from warmlens.deployment import Deployment
from warmlens.errors import WarmlensError
from warmlens.prices import read_prices
from warmlens.watch.cloudwatch import CloudWatch
from warmlens.watch.reading import TRANSIENT

NOW = datetime(2026, 11, 30, 12, 9, 31, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0)
OUTPUTS = {
    "ClassifierFunction": "warmlens-prod-classifier",
    "WarmerFunction": "warmlens-prod-warmer",
    "ApiKind": "rest",
    "ApiId": "abc123",
}
MEMORY_MB = {"classifier": 1769, "uploads": 256, "warmer": 512}


@functools.cache
def client(service: Any, region: str = "us-east-1", url: str | None = None) -> Any:
    """Return a client that tries once; making one takes half a second."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test").client(
        service,
        region_name=region,
        endpoint_url=url,
        config=Config(retries={"total_max_attempts": 1}),
    )


class Aws:
    """An account's answers."""

    def __init__(self, region: str, stack: ExitStack) -> None:
        services: Any = ("cloudwatch", "lambda")
        self.clients = {name: client(name, region) for name in services}
        self.stubs = {
            name: stack.enter_context(Stubber(each)) for name, each in self.clients.items()
        }

    def deployment(self, **outputs: str) -> Deployment:
        """Return an environment; an empty output is none."""
        found = {name: value for name, value in {**OUTPUTS, **outputs}.items() if value}
        none: Any = None
        return Deployment(
            "prod",
            found,
            s3=none,
            lambda_=self.clients["lambda"],
            local_url=None,
            api_auth=lambda: None,
        )

    def source(self, **outputs: str) -> CloudWatch:
        """Return the source of an environment with three functions, or two without a warmer."""
        return CloudWatch(self.answering(**outputs), self.clients["cloudwatch"])

    def answering(self, **outputs: str) -> Deployment:
        """Return an environment whose functions' configurations are answered once."""
        deployment = self.deployment(**outputs)
        for name, memory_mb in MEMORY_MB.items():
            if name != "warmer" or "WarmerFunction" in deployment.outputs:
                architecture = "x86_64" if name == "classifier" else "arm64"
                answer = {"MemorySize": memory_mb, "Architectures": [architecture]}
                self.stubs["lambda"].add_response("get_function_configuration", answer)
        return deployment

    def answer(self, *pages: dict[str, dict[int, float]], **more: Any) -> None:
        """Add the pages of an answer: values by metric and by minutes before now."""
        minute = NOW.replace(second=0)
        for number, page in enumerate(pages, start=1):
            results = [
                {
                    "Id": name,
                    "StatusCode": "Complete",
                    "Timestamps": [minute - timedelta(minutes=ago) for ago in points],
                    "Values": list(points.values()),
                    **more,
                }
                for name, points in page.items()
            ]
            following = {"NextToken": "more"} if number < len(pages) else {}
            self.stubs["cloudwatch"].add_response(
                "get_metric_data", {"MetricDataResults": results, **following}
            )


@pytest.fixture
def aws() -> Iterator[Aws]:
    with ExitStack() as stack:
        yield Aws("us-east-1", stack)


def test_the_day_is_summed_from_midnight_and_the_calls_of_the_last_minutes(aws: Aws) -> None:
    yesterday = 12 * 60 + 20
    aws.answer(
        {
            "photos": {1: 2.0, 14: 4.0, 15: 100.0, yesterday: 1000.0},
            "time_ms": {1: 100.0, 14: 260.0, 15: 9.0},
            "slowest_ms": {1: 70.0, 14: 90.0, 15: 900.0},
            "cold": {1: 1.0, 300: 2.0, yesterday: 50.0},
            "ahead": {2: 3.0},
            "at_work": {3: 4.0, 20: 40.0},
        },
        {"photos": {600: 6.0}, "absorbed": {5: 5.0, 10: 6.0}},
    )
    reading = aws.source().read(NOW)
    assert reading.since == MIDNIGHT
    assert reading.newest == NOW.replace(second=0)
    cold = reading.cold_starts
    assert (cold.photos, cold.met, cold.ahead, cold.by_rounds) == (112, 3, 3, 11)
    calls = reading.calls
    assert (calls.photos, calls.mean_ms, calls.slowest_ms) == (6, 60.0, 90.0)
    assert calls.per_minute == (4, *[0] * 12, 2, 0)
    assert reading.at_work == 4


def test_the_last_round_says_how_many_of_those_asked_for_were_reached(aws: Aws) -> None:
    aws.answer({"reached": {4: 3.0, 9: 5.0}, "coverage": {4: 0.6, 9: 1.0}})
    warmth = aws.source().read(NOW).warmth
    assert warmth is not None
    assert (warmth.reached, warmth.asked) == (3, 5)
    assert warmth.at == NOW.replace(minute=5, second=0)


def test_a_round_just_before_midnight_is_the_last_one_just_after_it(aws: Aws) -> None:
    now = MIDNIGHT + timedelta(minutes=1)
    at = now - timedelta(minutes=4)
    points = {name: [value] for name, value in (("reached", 0.0), ("coverage", 0.0))}
    results = [
        {"Id": name, "StatusCode": "Complete", "Timestamps": [at], "Values": values}
        for name, values in points.items()
    ]
    asked = {
        "MetricDataQueries": ANY,
        "StartTime": now - timedelta(hours=2),
        "EndTime": now,
    }
    aws.stubs["cloudwatch"].add_response("get_metric_data", {"MetricDataResults": results}, asked)
    warmth = aws.source().read(now).warmth
    assert warmth is not None
    assert (warmth.reached, warmth.asked, warmth.at) == (0, None, at)


def test_throttled_wakeups_of_rounds_are_not_counted_as_refused_calls(aws: Aws) -> None:
    aws.answer({"throttles": {2: 9.0}, "wakeups_throttled": {2: 7.0}, "errors": {2: 1.0}})
    aws.answer({"throttles": {}, "wakeups_throttled": {2: 7.0}, "faults": {2: 2.0}})
    source = aws.source()
    assert (source.read(NOW).calls.refused, source.read(NOW).calls.refused) == (2, 0)


@pytest.mark.parametrize(
    ("region", "api"), [("us-east-1", "rest"), ("eu-west-1", "http"), ("ap-northeast-2", "rest")]
)
def test_the_cost_of_the_day_is_that_of_the_calls_and_their_time(region: str, api: str) -> None:
    prices = read_prices(region)
    with ExitStack() as stack:
        aws = Aws(region, stack)
        aws.answer(
            {
                "api": {1: 1000.0},
                "classifier_calls": {1: 1200.0},
                "classifier_ms": {1: 60_000.0, 400: 20_000.0},
                "init_ms": {1: 1_000.0},
                "warmer_calls": {1: 10.0},
                "warmer_ms": {1: 5_000.0},
                "uploads_calls": {1: 100.0},
                "uploads_ms": {1: 2_000.0},
            }
        )
        reading = aws.source(ApiKind=api).read(NOW)
    cost = reading.cost
    assert cost is not None
    arm, call = prices["lambda_arm_per_gb_s"], prices["lambda_per_request"]
    expected = {
        "API": 1000 * prices[f"{api}_api_per_request"],
        "classifier": 1200 * call + 81 * 1769 / 1024 * prices["lambda_x86_per_gb_s"],
        "uploads": 100 * call + 2 * 256 / 1024 * arm,
        "warmer": 10 * call + 5 * 512 / 1024 * arm,
    }
    assert cost.parts == pytest.approx(expected)
    assert cost.usd == pytest.approx(sum(expected.values()))
    assert prices.date in cost.included
    assert ("512 KB" in cost.included) == (api == "http")
    assert "free tier" in cost.left_out
    asking_usd = prices.prices.get("metric_per_read")
    assert (reading.metrics_usd is None) == (asking_usd is None)
    assert reading.metrics_usd == pytest.approx(asking_usd and reading.metrics * asking_usd)


def test_a_region_without_prices_has_a_picture_without_costs() -> None:
    with ExitStack() as stack:
        aws = Aws("eu-north-1", stack)
        aws.answer({"photos": {1: 1.0}})
        reading = aws.source().read(NOW)
    assert (reading.cost, reading.metrics_usd) == (None, None)
    assert "eu-north-1 lacks prices" in reading.no_cost
    assert reading.calls.photos == 1


def test_a_region_without_the_price_of_reading_still_has_the_costs_of_calls() -> None:
    with ExitStack() as stack:
        aws = Aws("eu-west-1", stack)
        aws.answer({"photos": {1: 1.0}})
        reading = aws.source().read(NOW)
    assert reading.cost is not None
    assert reading.metrics_usd is None


def test_a_region_without_one_of_the_prices_has_no_sum_of_the_others(
    monkeypatch: pytest.MonkeyPatch, aws: Aws
) -> None:
    listed = read_prices()
    known = {name: usd for name, usd in listed.prices.items() if name != "rest_api_per_request"}
    monkeypatch.setattr(
        "warmlens.watch.cloudwatch.read_prices", lambda _: replace(listed, prices=known)
    )
    aws.answer({"api": {1: 1000.0}})
    reading = aws.source().read(NOW)
    assert reading.cost is None
    assert reading.no_cost.startswith("unknown: us-east-1 lacks prices")


def test_an_environment_without_calls_or_a_warmer_has_an_empty_picture(aws: Aws) -> None:
    aws.answer({})
    reading = aws.source(WarmerFunction="").read(NOW)
    assert (reading.newest, reading.warmth, reading.at_work) == (None, None, 0)
    assert (reading.calls.photos, reading.calls.mean_ms) == (0, None)
    assert reading.cold_starts.by_rounds is None
    assert reading.cost is not None
    assert reading.cost.usd == 0


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("Throttling", 400, "throttled"),
        ("ThrottlingException", 400, "throttled"),
        ("InternalServiceFault", 500, "unreachable"),
        ("AccessDenied", 403, "aws_refused"),
        ("ExpiredToken", 403, "aws_refused"),
    ],
)
def test_only_what_may_pass_is_taken_for_passing(
    aws: Aws, code: str, status: int, expected: str
) -> None:
    aws.stubs["cloudwatch"].add_client_error("get_metric_data", code, "no", status)
    with pytest.raises(WarmlensError) as error:
        aws.source().read(NOW)
    assert (error.value.code, error.value.exit_code) == (expected, 3)
    assert (error.value.code in TRANSIENT) == (expected != "aws_refused")


def test_aws_that_is_not_reached_may_be_reached_later(aws: Aws) -> None:
    gone = client("cloudwatch", url="http://127.0.0.1:9")
    source = CloudWatch(aws.answering(), gone)
    with pytest.raises(WarmlensError) as error:
        source.read(NOW)
    assert error.value.code == "unreachable"
    assert error.value.code in TRANSIENT


def test_an_incomplete_answer_is_no_picture(aws: Aws) -> None:
    aws.answer({"photos": {1: 1.0}}, StatusCode="InternalError")
    with pytest.raises(WarmlensError, match="no complete answer"):
        aws.source().read(NOW)


def test_an_environment_that_is_deployed_in_part_says_so(aws: Aws) -> None:
    with pytest.raises(WarmlensError) as error:
        CloudWatch(aws.deployment(ApiKind=""), aws.clients["cloudwatch"])
    assert error.value.code == "not_deployed"
    aws.stubs["lambda"].add_client_error("get_function_configuration", "ResourceNotFoundException")
    with pytest.raises(WarmlensError, match="it has no function warmlens-prod-classifier"):
        CloudWatch(aws.deployment(), aws.clients["cloudwatch"])
