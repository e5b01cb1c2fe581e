"""Every setting changes what is deployed."""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import aws_cdk as cdk
import pytest

from stacks.constructs.classifier import base_image
from stacks.constructs.function import log_group
from stacks.settings import LogRetentionDays, Settings
from tests.infrastructure.variants import VARIANTS, Assembly
from warmlens.local.venvs import classifier_requirements
from warmlens.paths import LAMBDA_SRC


def images_bucket(assembly: Assembly) -> dict[str, Any]:
    (bucket,) = (
        bucket["Properties"]
        for bucket in assembly.resources("AWS::S3::Bucket")
        if "CorsConfiguration" in bucket["Properties"]
    )
    return dict(bucket)


def test_no_setting_is_left_out_here() -> None:
    same = {
        field.name
        for field in dataclasses.fields(Settings)
        if all(getattr(settings, field.name) == field.default for settings in VARIANTS.values())
    }
    assert same == set()


def test_the_classifier_has_the_size_the_time_and_the_cap_of_the_settings(odd: Assembly) -> None:
    function = odd.function("classifier")
    assert function["MemorySize"] == 2048
    assert function["Timeout"] == 17
    assert function["EphemeralStorage"] == {"Size": 1024}
    assert function["ReservedConcurrentExecutions"] == 6


def test_the_classifiers_image_is_built_for_the_processor_it_runs_on(
    odd: Assembly, plain: Assembly
) -> None:
    for assembly, architecture, platform in (
        (odd, "arm64", "linux/arm64"),
        (plain, "x86_64", "linux/amd64"),
    ):
        assert assembly.function("classifier")["Architectures"] == [architecture]
        assert image_source(assembly)["platform"] == platform


def image_source(assembly: Assembly) -> dict[str, Any]:
    (image,) = (
        image
        for path in assembly.folder.glob("*.assets.json")
        for image in json.loads(path.read_text())["dockerImages"].values()
    )
    return dict(image["source"])


def test_the_engine_of_the_settings_is_built_into_the_image_and_told_to_the_function(
    variants: dict[str, Assembly],
) -> None:
    index = {"TORCH_INDEX": "https://wheels.a.example/cpu"}
    for name, engine, more in (("torch", "torch", index), ("plain", "onnxruntime", {})):
        assembly = variants[name]
        arguments = image_source(assembly)["dockerBuildArgs"]
        assert arguments == {"BASE_IMAGE": base_image(), "ENGINE": engine, **more}
        assert assembly.function("classifier")["Environment"]["Variables"]["ENGINE"] == engine
        # Docker passes over an argument that the Dockerfile does not declare, and only warns.
        dockerfile = (LAMBDA_SRC / "classifier" / "Dockerfile").read_text()
        assert {f"ARG {argument}=" for argument in arguments} <= {
            line.partition("=")[0] + "=" for line in dockerfile.splitlines()
        }
        assert all(path.is_file() for path in classifier_requirements(engine))


def test_without_a_cap_the_classifier_takes_nothing_from_the_accounts_limit(
    plain: Assembly,
) -> None:
    assert "ReservedConcurrentExecutions" not in plain.function("classifier")


def test_uploads_are_signed_for_the_size_and_the_time_of_the_settings(odd: Assembly) -> None:
    variables = odd.function("uploads")["Environment"]["Variables"]
    for name in ("IMAGES_BUCKET", "WAKE_FUNCTION_ARN"):
        assert isinstance(variables.pop(name), dict)
    assert variables == {
        "UPLOAD_PREFIX": "uploads/",
        "UPLOAD_EXPIRES_S": "120",
        "MAX_IMAGE_BYTES": "1000000",
        "CORS_ORIGINS": "https://c.example https://d.example",
        "METRICS_ENVIRONMENT": "odd",
    }


@pytest.mark.parametrize("name", ["bare", "provisioned"])
def test_without_wakeups_ahead_the_uploads_function_may_wake_nothing(
    variants: dict[str, Assembly], name: str
) -> None:
    assembly = variants[name]
    assert set(assembly.function("uploads")["Environment"]["Variables"]) == {
        "IMAGES_BUCKET",
        "UPLOAD_PREFIX",
        "UPLOAD_EXPIRES_S",
        "MAX_IMAGE_BYTES",
        "CORS_ORIGINS",
    }
    actions = [each["Action"] for each in assembly.statements("UploadsFunctionRole")]
    assert "lambda:InvokeFunction" not in actions
    assert not assembly.resources("AWS::Lambda::EventInvokeConfig")


def test_uploaded_images_expire_and_the_samples_stay(odd: Assembly, plain: Assembly) -> None:
    expiry = {"ExpirationInDays": 3, "Prefix": "uploads/", "Status": "Enabled"}
    assert expiry in images_bucket(odd)["LifecycleConfiguration"]["Rules"]
    kept = images_bucket(plain)["LifecycleConfiguration"]["Rules"]
    assert not [rule for rule in kept if "ExpirationInDays" in rule]


def test_only_pages_of_the_settings_origins_may_upload(
    odd: Assembly, plain: Assembly, variants: dict[str, Assembly]
) -> None:
    (rule,) = images_bucket(odd)["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == [
        "https://photos.a.example",
        "https://c.example",
        "https://d.example",
        "https://a.example",
        "https://b.example",
    ]
    assert rule["AllowedMethods"] == ["POST"]
    (rule,) = images_bucket(plain)["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://*.cloudfront.net"]
    buckets = variants["bare"].resources("AWS::S3::Bucket")
    assert not [bucket for bucket in buckets if "CorsConfiguration" in bucket["Properties"]]


def test_only_pages_of_the_cors_origins_may_call_the_api(odd: Assembly, plain: Assembly) -> None:
    preflights = [
        method["Properties"]
        for method in odd.resources("AWS::ApiGateway::Method")
        if method["Properties"]["HttpMethod"] == "OPTIONS"
    ]
    assert preflights
    for preflight in preflights:
        assert preflight["AuthorizationType"] == "NONE"  # a browser sends no key with it
        text = json.dumps(preflight["Integration"])
        assert "https://c.example" in text
        assert "https://d.example" in text
        assert "X-Delete-Token" in text
        assert "GET,POST,DELETE" in text
    for name in ("classifier", "uploads"):
        variables = odd.function(name)["Environment"]["Variables"]
        assert variables["CORS_ORIGINS"] == "https://c.example https://d.example"
    methods = plain.resources("AWS::ApiGateway::Method")
    assert {method["Properties"]["HttpMethod"] for method in methods} == {"GET", "POST", "DELETE"}


def test_the_api_lets_through_what_the_settings_say(odd: Assembly) -> None:
    limits = {
        (each["HttpMethod"], each["ResourcePath"]): (
            each["ThrottlingRateLimit"],
            each["ThrottlingBurstLimit"],
        )
        for each in odd.only("AWS::ApiGateway::Stage")["MethodSettings"]
    }
    assert limits == {
        ("*", "/*"): (33, 44),
        ("POST", "/~1wakeup"): (3, 3),
        ("GET", "/~1model"): (3, 3),
        ("POST", "/~1uploads"): (4, 4),
        ("DELETE", "/~1uploads"): (4, 4),
    }
    plan = odd.only("AWS::ApiGateway::UsagePlan")
    assert plan["Throttle"] == {"RateLimit": 33, "BurstLimit": 44}
    assert plan["Quota"] == {"Limit": 1234, "Period": "DAY"}


def test_a_warming_round_wakes_and_holds_as_the_settings_say(odd: Assembly) -> None:
    warmer = odd.function("warmer")
    variables = warmer["Environment"]["Variables"]
    for name in ("FUNCTION_ARN", "CLAIM_PARAMETER", "STATE_PARAMETER", "DEPLOYED"):
        variables.pop(name)
    assert variables == {
        "ENV_NAME": "odd",
        "WARM_BY_HOUR": ",".join(["0"] * 8 + ["4"] * 16),
        "WARM_AUTO": "false",
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
    assert {each["environment"] for each in odd.stacks} == {"aws://123456789012/eu-west-1"}


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
