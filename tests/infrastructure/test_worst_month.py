"""The worst month: what bounds it, what is refused, and what it counts against the templates."""

import dataclasses
import json
import re
from typing import Any

import aws_cdk as cdk
import pytest

import app
from lambda_src.classifier import download
from stacks.settings import Settings, SettingsError
from stacks.worst_month import (
    ALARMS,
    MODEL_ANSWER_BYTES,
    PART_BYTES,
    UPLOADS_GB,
    UPLOADS_S,
    WARMER_GB,
    WARMER_OVERHEAD_S,
    WARMER_RUNS,
    WEB_ACL_RULES,
    Item,
    total_usd,
    worst_month,
    worst_month_tables,
)
from tests.infrastructure.variants import ODD, Assembly
from warmlens.paths import MODEL_ARTIFACTS, ROOT

DEV, STAGING, PROD = (app.settings_of(name) for name in ("dev", "staging", "prod"))


def usd(settings: Settings, name: str) -> float:
    return sum(item.usd for item in worst_month(settings) if item.name == name)


def test_a_leaked_key_of_dev_costs_tens_of_dollars_and_no_environment_more_than_it_names() -> None:
    assert total_usd(worst_month(DEV)) < 100
    assert total_usd(worst_month(STAGING)) < 1_000
    for settings in (DEV, STAGING, PROD):
        assert settings.budget_usd is not None
        assert total_usd(worst_month(settings)) <= settings.budget_usd


def test_the_first_deploy_reserves_nothing_as_a_new_account_allows_none() -> None:
    assert DEV.reserved_concurrency is None
    assert DEV.daily_quota is not None
    assert STAGING.reserved_concurrency is not None
    assert STAGING.daily_quota is not None


@pytest.mark.parametrize(
    ("changes", "item", "factor"),
    [
        ({"daily_quota": 2_000}, "the classifier's time", 2),
        ({"memory_mb": 3538}, "the classifier's time", 2),
        ({"timeout_s": 20}, "the classifier's time", 30 / 35),
        ({"image_expiry_days": 15}, "uploads kept in S3", 2),
        ({"max_image_bytes": 32 * 2**20}, "uploads kept in S3", 0.5),
    ],
)
def test_what_a_call_may_take_is_paid_for_as_often_as_the_quota_allows(
    changes: dict[str, Any], item: str, factor: float
) -> None:
    quiet = dataclasses.replace(DEV, budget_usd=None)
    changed = dataclasses.replace(quiet, **changes)
    assert usd(changed, item) == pytest.approx(usd(quiet, item) * factor)


def test_the_names_of_the_largest_model_that_is_shipped_are_no_larger_than_is_paid_for() -> None:
    labels = [
        json.loads(each.read_text())["labels"] for each in MODEL_ARTIFACTS.rglob("labels.json")
    ]
    largest = max(len(json.dumps(each)) for each in labels)
    assert largest < MODEL_ANSWER_BYTES / 2


def test_without_a_quota_rates_bound_the_calls_and_reserved_instances_their_time() -> None:
    open_dev = dataclasses.replace(DEV, budget_usd=None, daily_quota=None)
    assert usd(open_dev, "API calls") == pytest.approx(10 * 30 * 86_400 * 3.5e-6)
    kept = usd(open_dev, "uploads kept in S3")
    fewer = dataclasses.replace(open_dev, throttle_uploads_rps=1)
    assert usd(fewer, "uploads kept in S3") == pytest.approx(kept / 2)
    capped = dataclasses.replace(open_dev, reserved_concurrency=1)
    assert usd(capped, "the classifier's time") == pytest.approx(
        30 * 86_400 * 1769 / 1024 * 0.0000166667
    )


def test_a_call_of_an_http_api_is_as_many_as_the_ten_megabytes_that_it_may_send() -> None:
    http = Settings(env_name="http", api="http", auth="none", waf=False)
    rest = dataclasses.replace(http, api="rest")
    calls = usd(rest, "API calls") / 3.5e-6
    assert usd(http, "API calls") == pytest.approx(calls * 1e-6 * 10 * 2**20 / (512 * 2**10))
    assert usd(http, "traces") == 0  # it begins none


def test_of_an_apis_calls_as_many_are_traced_as_the_environments_rule_says(plain: Assembly) -> None:
    quiet = Settings(env_name="quiet", warming="off", wake_ahead=False)
    calls = usd(quiet, "API calls") / 3.5e-6
    rate = plain.only("AWS::XRay::SamplingRule")["SamplingRule"]["FixedRate"]
    assert usd(quiet, "traces") == pytest.approx(calls * rate * 5e-6)
    woken = dataclasses.replace(quiet, wake_ahead=True)  # Lambda may trace all of those
    assert usd(woken, "traces") > usd(quiet, "traces")
    warmed = dataclasses.replace(quiet, warming="ping")
    assert usd(warmed, "traces") > usd(quiet, "traces")


def test_the_plan_bounds_a_key_and_each_path_a_call_without_one() -> None:
    keyed = Settings(env_name="keyed")
    anyone = dataclasses.replace(keyed, auth="none")
    assert usd(anyone, "API calls") > usd(keyed, "API calls")
    pages = dataclasses.replace(keyed, cors_origins=("https://a.example",))
    assert usd(pages, "API calls") == pytest.approx(6 * usd(keyed, "API calls"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"daily_quota": 1_000_000}, "the classifier's time"),
        ({"image_expiry_days": 3650}, "uploads kept in S3"),
        ({"warming": "provisioned", "warm_instances": 100}, "provisioned concurrency"),
        ({"image_expiry_days": None}, "keeps uploads for ever"),
    ],
)
def test_settings_that_cost_more_than_their_budget_are_refused_in_one_sentence(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        dataclasses.replace(DEV, **changes)
    message = str(refusal.value)
    assert message.startswith("environment dev: budget_usd = 75; allowed is ")
    assert words in message
    assert "\n" not in message


def test_the_refusal_names_the_figure_and_settings_that_lower_it() -> None:
    with pytest.raises(SettingsError) as refusal:
        dataclasses.replace(DEV, daily_quota=10_000)
    total = total_usd(worst_month(dataclasses.replace(DEV, daily_quota=10_000, budget_usd=None)))
    assert f"at least {total}, the worst month" in str(refusal.value)
    assert "lower daily_quota" in str(refusal.value)
    assert dataclasses.replace(DEV, daily_quota=10_000, budget_usd=total).daily_quota == 10_000


def test_the_refusal_names_warming_where_it_costs_most_and_the_budget_itself() -> None:
    warm: dict[str, Any] = {"warming": "ping", "warm_instances": 2}
    with pytest.raises(SettingsError) as refusal:
        dataclasses.replace(DEV, **warm)
    words = r"; lower warm_instances, .*, or raise warming_period_min, budget_usd \(docs/"
    assert re.search(words, str(refusal.value))
    free = dataclasses.replace(DEV, **warm, budget_usd=None)
    changes: list[dict[str, Any]] = [{"warm_instances": 1}, {"warming_period_min": 10}]
    for change in changes:
        cheaper = dataclasses.replace(free, **change)
        assert usd(cheaper, "the classifier's time") < usd(free, "the classifier's time")
    with pytest.raises(SettingsError, match="turn off monitoring, or raise budget_usd"):
        dataclasses.replace(DEV, budget_usd=1)


def test_the_refusal_names_no_setting_that_is_off() -> None:
    with pytest.raises(SettingsError) as refusal:
        dataclasses.replace(DEV, monitoring=False, daily_quota=1, budget_usd=1)
    assert "metrics, alarms, dashboard" in str(refusal.value)
    assert "monitoring" not in str(refusal.value)
    assert ", or raise budget_usd (docs/" in str(refusal.value)


def test_synth_refuses_by_the_prices_of_the_region_of_the_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(env_name="prices")
    at_home = total_usd(worst_month(settings, "us-east-1"))
    assert total_usd(worst_month(settings, "eu-west-1")) > at_home
    stages = (dataclasses.replace(settings, budget_usd=at_home),)
    monkeypatch.setattr(app, "stages", lambda: stages)
    monkeypatch.setenv("CDK_DEFAULT_REGION", "eu-west-1")
    with pytest.raises(SettingsError, match=f"budget_usd = {at_home}; allowed is at least"):
        app.build(cdk.App())


def test_prices_are_the_planners_and_those_of_us_east_1_where_a_region_has_none() -> None:
    ireland, virginia = (
        {item.name: item.usd for item in worst_month(DEV, region)}
        for region in ("eu-west-1", "us-east-1")
    )
    prices = json.loads((ROOT / "warmlens/prices/eu-west-1.json").read_text(encoding="utf-8"))
    assert prices["prices"]["logs_per_gb"] == 0.57
    assert ireland["logs"] > virginia["logs"]
    assert worst_month(DEV, "ap-south-1") == worst_month(DEV, "us-east-1")


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("us-east-1", None),
        ("ap-south-1", "all prices: those of us-east-1, as ap-south-1's are not known"),
        ("eu-west-1", "snapstart_cache_per_gb_s, snapstart_restore_per_gb: those of us-east-1"),
        ("ap-northeast-2", None),
    ],
)
def test_a_refusal_says_which_prices_are_not_those_of_the_region(
    region: str, words: str | None
) -> None:
    settings = Settings(env_name="prices", warming="snapstart", region=region)
    tables = worst_month_tables((settings,))
    with pytest.raises(SettingsError) as refusal:
        dataclasses.replace(settings, budget_usd=1)
    for text in (tables, str(refusal.value)):
        assert ("those of us-east-1" in text) == (words is not None)
        assert (words or "") in text


def test_what_is_fixed_is_at_least_what_the_templates_have(odd: Assembly, plain: Assembly) -> None:
    for assembly in (odd, plain):
        assert len(assembly.resources("AWS::CloudWatch::Alarm")) <= ALARMS
        rules = assembly.only("AWS::WAFv2::WebACL")["Rules"]
        assert len(rules) <= WEB_ACL_RULES


def test_functions_are_paid_for_as_they_are_deployed(odd: Assembly) -> None:
    uploads, warmer = odd.function("uploads"), odd.function("warmer")
    assert (uploads["Timeout"], uploads["MemorySize"]) == (UPLOADS_S, 1024 * UPLOADS_GB)
    assert warmer["Timeout"] == ODD.warming_budget_s + WARMER_OVERHEAD_S
    assert warmer["MemorySize"] == 1024 * WARMER_GB
    retries = [
        each["Properties"]["MaximumRetryAttempts"]
        for each in odd.resources("AWS::Lambda::EventInvokeConfig")
        if "Warmer" in json.dumps(each["Properties"]["FunctionName"])
    ]
    assert 1 + max(retries) == WARMER_RUNS
    assert download.PART_BYTES == PART_BYTES


def test_the_budget_reports_to_the_topic_of_alarms(odd: Assembly) -> None:
    budget = odd.only("AWS::Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 9_999, "Unit": "USD"}
    assert budget["Budget"]["TimeUnit"] == "MONTHLY"
    assert budget["Budget"]["CostTypes"]["IncludeCredit"] is False
    notices = budget["NotificationsWithSubscribers"]
    assert [each["Notification"]["Threshold"] for each in notices] == [10, 50, 100]
    (topic,) = {json.dumps(each["Subscribers"][0]["Address"]) for each in notices}
    publishers = [
        (json.dumps(statement["Resource"]), statement["Condition"])
        for policy in odd.resources("AWS::SNS::TopicPolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "budgets.amazonaws.com"}
    ]
    ((resource, condition),) = publishers
    assert resource == topic
    assert set(condition) == {"StringEquals", "ArnLike"}


def test_without_a_budget_there_is_none(plain: Assembly) -> None:
    assert not plain.resources("AWS::Budgets::Budget")


def test_items_are_sorted_and_none_is_free() -> None:
    for settings in app.stages():
        items = worst_month(settings)
        assert items == sorted(items, key=lambda item: -item.usd)
        assert all(isinstance(item, Item) and item.usd > 0 for item in items)
