"""Every setting reaches what is deployed: an environment in which none has its default."""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import aws_cdk as cdk
import pytest

from stacks.constructs.function import log_group
from stacks.settings import LogRetentionDays, Settings
from stacks.stage import WarmlensStage
from tests.infrastructure.conftest import Assembly
from warmlens.paths import ROOT

SETTINGS = Settings(
    env_name="odd",
    account="123456789012",
    region="eu-west-1",
    memory_mb=2048,
    architecture="arm64",
    timeout_s=17,
    model_name="another-model",
    model_version="2.3.4",
    max_image_bytes=1_000_000,
    max_image_pixels=2_000_000,
    max_hold_ms=9_000,
    upload_expires_s=120,
    image_expiry_days=3,
    upload_origins=("https://a.example", "https://b.example"),
    warm_instances=4,
    warming_period_min=7,
    warm_profile=(0,) * 8 + (4,) * 16,
    warming_hold_ms=700,
    warming_budget_s=40,
    warming_user_reserve=2,
    reserved_concurrency=6,
    throttle_rate_rps=33,
    throttle_burst=44,
    log_retention_days=14,
    retain_data=False,
    empty_buckets=True,
)
HAVE_THEIR_DEFAULT = {"model_store", "warming"}  # the one with one value, and the one left on


def synthesize(settings: Settings, folder: Path) -> Assembly:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context)
    WarmlensStage(app, settings=settings)
    app.synth()
    return Assembly(settings.env_name, folder / f"assembly-{settings.env_name}")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The environment in which no setting has its default."""
    return synthesize(SETTINGS, tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """An environment of which only the name is set, but for what is None or empty elsewhere."""
    settings = Settings(env_name="plain", image_expiry_days=None)
    return synthesize(settings, tmp_path_factory.mktemp("plain"))


def images_bucket(assembly: Assembly) -> dict[str, Any]:
    (bucket,) = (
        bucket["Properties"]
        for bucket in assembly.resources("AWS::S3::Bucket")
        if "VersioningConfiguration" not in bucket["Properties"]
    )
    return dict(bucket)


def test_no_setting_is_left_out_here() -> None:
    same = {
        field.name
        for field in dataclasses.fields(Settings)
        if getattr(SETTINGS, field.name) == field.default
    }
    assert same == HAVE_THEIR_DEFAULT


def test_the_classifier_has_the_size_the_time_and_the_cap_of_the_settings(odd: Assembly) -> None:
    function = odd.function("classifier")
    assert function["MemorySize"] == 2048
    assert function["Timeout"] == 17
    assert function["ReservedConcurrentExecutions"] == 6


def test_the_classifiers_image_is_built_for_the_processor_it_runs_on(
    odd: Assembly, plain: Assembly
) -> None:
    for assembly, architecture, platform in (
        (odd, "arm64", "linux/arm64"),
        (plain, "x86_64", "linux/amd64"),
    ):
        assert assembly.function("classifier")["Architectures"] == [architecture]
        (image,) = (
            image
            for path in assembly.folder.glob("*.assets.json")
            for image in json.loads(path.read_text())["dockerImages"].values()
        )
        assert image["source"]["platform"] == platform


def test_without_a_cap_the_classifier_takes_nothing_from_the_accounts_limit(
    plain: Assembly,
) -> None:
    assert "ReservedConcurrentExecutions" not in plain.function("classifier")


def test_uploads_are_signed_for_the_size_and_the_time_of_the_settings(odd: Assembly) -> None:
    variables = odd.function("uploads")["Environment"]["Variables"]
    assert isinstance(variables.pop("IMAGES_BUCKET"), dict)
    assert variables == {
        "UPLOAD_PREFIX": "uploads/",
        "UPLOAD_EXPIRES_S": "120",
        "MAX_IMAGE_BYTES": "1000000",
    }


def test_uploaded_images_expire_and_the_samples_stay(odd: Assembly, plain: Assembly) -> None:
    assert images_bucket(odd)["LifecycleConfiguration"]["Rules"] == [
        {"ExpirationInDays": 3, "Prefix": "uploads/", "Status": "Enabled"}
    ]
    assert "LifecycleConfiguration" not in images_bucket(plain)


def test_only_pages_of_the_settings_origins_may_upload(odd: Assembly, plain: Assembly) -> None:
    (rule,) = images_bucket(odd)["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://a.example", "https://b.example"]
    assert rule["AllowedMethods"] == ["POST"]
    assert "CorsConfiguration" not in images_bucket(plain)


def test_the_api_lets_through_what_the_settings_say(odd: Assembly) -> None:
    (stage,) = odd.resources("AWS::ApiGateway::Stage")
    (limits,) = stage["Properties"]["MethodSettings"]
    assert (limits["HttpMethod"], limits["ResourcePath"]) == ("*", "/*")
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (33, 44)


def test_a_warming_round_wakes_and_holds_as_the_settings_say(odd: Assembly) -> None:
    warmer = odd.function("warmer")
    variables = warmer["Environment"]["Variables"]
    variables.pop("FUNCTION_ARN"), variables.pop("CLAIM_PARAMETER")
    assert variables == {
        "ENV_NAME": "odd",
        "WARM_BY_HOUR": ",".join(["0"] * 8 + ["4"] * 16),
        "PERIOD_MIN": "7",
        "HOLD_MS": "700",
        "MAX_HOLD_MS": "9000",
        "BUDGET_S": "40",
        "USER_RESERVE": "2",
    }
    assert warmer["Timeout"] > 40
    (schedule,) = odd.resources("AWS::Scheduler::Schedule")
    assert schedule["Properties"]["ScheduleExpression"] == "rate(7 minutes)"


def test_without_a_profile_a_warming_round_wakes_the_same_number_all_day(plain: Assembly) -> None:
    variables = plain.function("warmer")["Environment"]["Variables"]
    assert variables["WARM_BY_HOUR"] == ",".join(["1"] * 24)


def test_it_is_deployed_into_the_account_and_region_of_the_settings(odd: Assembly) -> None:
    artifacts = json.loads((odd.folder / "manifest.json").read_text())["artifacts"]
    places = {
        artifact["environment"]
        for artifact in artifacts.values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert places == {"aws://123456789012/eu-west-1"}


def test_every_log_retention_of_the_settings_is_the_one_that_is_deployed(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    stack = cdk.Stack(app, "Logs")
    for days in get_args(LogRetentionDays):
        settings = Settings(env_name="test", log_retention_days=days)
        log_group(stack, f"Days{days}", settings=settings)
    app.synth()
    template = json.loads((tmp_path / "Logs.template.json").read_text())
    retentions = [
        group["Properties"]["RetentionInDays"]
        for group in template["Resources"].values()
        if group["Type"] == "AWS::Logs::LogGroup"
    ]
    assert retentions == list(get_args(LogRetentionDays))
