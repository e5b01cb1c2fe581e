"""Checks of settings: each error names the setting, the value and what is allowed."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest

from app import build, stages
from stacks.constructs.model_store import ImageModelStore
from stacks.image_limits import max_decodable_pixels
from stacks.setting_messages import REPLACED
from stacks.settings import Settings, SettingsError
from stacks.settings_table import settings_table
from stacks.stage import WarmlensStage
from tests.infrastructure.variants import CONTEXT
from warmlens.paths import ROOT


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("env_name", "Prod!", "allowed is a to z"),
        ("env_name", None, "allowed is a to z"),
        ("account", "12345", "12 digits"),
        ("region", "europe", "a region such as"),
        ("memory_mb", 64, "from 128 to 10240"),
        ("memory_mb", 20_000, "from 128 to 10240"),
        ("memory_mb", "1769", "whole numbers"),
        ("memory_mb", True, "whole numbers"),
        ("architecture", "riscv", "'x86_64', 'arm64'"),
        ("timeout_s", 29, "from 1 to 28"),
        ("engine", "tensorflow", "'onnxruntime', 'torch'"),
        ("torch_index", "http://wheels.a.example", "an https address"),
        ("torch_index", "https://a.example --pre", "an https address"),
        ("torch_index", "https://a.example/$(x)", "an https address"),
        ("model_name", "../x", "a to z, 0-9 and -"),
        ("model_version", "latest", "three numbers"),
        ("account", "٨" * 12, "12 digits"),
        ("region", "eu-west-1 ", "a region such as"),
        ("env_name", "dev-1", "allowed is a to z"),
        ("env_name", "a" * 17, "up to 16"),
        ("model_name", "a/b", "a to z, 0-9 and -"),
        ("model_name", "Lite0", "a to z, 0-9 and -"),
        ("model_version", "1.0.0/../2.0.0", "three numbers"),
        ("model_store", "ftp", "'s3', 'efs', 'image'"),
        ("other_models", ("../x",), "for each value of the tuple, allowed is a to z"),
        ("other_models", ("mine*",), "up to 63, or '*'"),
        ("other_models", ("*", "mine"), "allowed is '*' alone"),
        ("other_models", tuple(f"m{each}" for each in range(40)), "allowed are 39 names"),
        ("ephemeral_storage_mb", 511, "from 512 to 10240"),
        ("cors_origins", ("https://*.a.example",), "an origin without *"),
        ("auth", "password", "'none', 'api_key', 'iam'"),
        ("waf", 1, "allowed are True, False"),
        ("waf_requests_per_5_min", 9, "from 10 to"),
        ("daily_quota", 0, "or None"),
        ("budget_usd", 0, "or None"),
        ("access_logs", None, "allowed are True, False"),
        ("tracing", None, "allowed are True, False"),
        ("web", None, "allowed are True, False"),
        ("web_domain", "https://a.example", "a host such as"),
        ("web_certificate_arn", "arn:aws:acm:eu-west-1:1:certificate/x", "in us-east-1"),
        ("warm_after_deploy", None, "allowed are True, False"),
        ("warm_profile", (101,) * 24, "from 0 to 100"),
        ("coverage_target_percent", 101, "from 1 to 100"),
        ("deployment", "blue_green", "'all_at_once', 'canary', 'linear'"),
        ("throttle_wakeup_rps", 0, "from 1 to 5000"),
        ("throttle_uploads_rps", 5_001, "from 1 to 5000"),
        ("monitoring", None, "allowed are True, False"),
        ("alarm_email", "nobody", "an e-mail address"),
        ("alarm_p99_ms", 0, "from 1 to 28000"),
        ("alarm_recognized_percent", 101, "from 0 to 100"),
        ("max_image_bytes", 0, "from 1024"),
        ("max_hold_ms", -1, "from 0"),
        ("image_expiry_days", 0, "or None"),
        ("upload_origins", ("ftp://x",), "an origin such as"),
        ("upload_origins", ("https://a.example/page",), "an origin such as"),
        ("upload_origins", ("https://a.example", "b.example"), "an origin such as"),
        ("upload_origins", "https://a.example", "for each value of the tuple"),
        ("warming", "sometimes", "'off', 'ping', 'provisioned', 'snapstart'"),
        ("upload_origins", "*", "for each value of the tuple"),
        ("warm_instances", 0, "from 1 to 100"),
        ("warm_instances", True, "from 1 to 100, or 'auto'"),
        ("warm_instances", "most", "from 1 to 100, or 'auto'"),
        ("warm_instances_max", 101, "from 1 to 100, or None"),
        ("warm_profile", (1,) * 23 + (101,), "for each value of the tuple"),
        ("warm_profile", [1] * 24, "for each value of the tuple"),
        ("warm_profile", (1,) * 23, "24 numbers"),
        ("warm_profile", (1,) * 167, "or 168, for each hour of the week"),
        ("reserved_concurrency", 0, "or None"),
        ("log_retention_days", 6, "allowed are 1, 3, 5"),
        ("log_retention_days", True, "allowed are 1, 3, 5"),
        ("retain_data", "yes", "allowed are True, False"),
        ("retain_data", 1, "allowed are True, False"),
        ("empty_buckets", "yes", "allowed are True, False"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_value_and_what_is_allowed(
    name: str, value: object, allowed: str
) -> None:
    values: dict[str, Any] = {"env_name": "test", name: value}
    with pytest.raises(SettingsError) as refusal:
        Settings(**values)
    message = str(refusal.value)
    assert f"{name} = {value!r}" in message
    assert allowed in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("memory_mb", 128, 10_240),
        ("timeout_s", 1, 28),
        ("max_image_bytes", 1024, 100 * 2**20),
        ("max_image_pixels", 1024, 200_000_000),
        ("max_decode_ms", 100, 20_000),
        ("max_hold_ms", 0, 20_000),
        ("upload_expires_s", 30, 3600),
        ("image_expiry_days", 1, 3650),
        ("warm_instances", 1, 100),
        ("warming_period_min", 1, 60),
        ("warming_hold_ms", 0, 20_000),
        ("warming_budget_s", 5, 300),
        ("warming_user_reserve", 0, 1000),
        ("reserved_concurrency", 1, 1000),
        ("throttle_rate_rps", 1, 10_000),
        ("throttle_burst", 1, 5_000),
    ],
)
def test_every_number_has_a_lowest_and_a_highest_value(name: str, low: int, high: int) -> None:
    for value in (low - 1, high + 1):
        values: dict[str, Any] = {"env_name": "test", name: value}
        with pytest.raises(SettingsError, match=f"{name} = {value}; .* from {low} to {high}"):
            Settings(**values)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"account": "123456789012"}, "region"),
        ({"engine": "torch", "memory_mb": 511}, "memory_mb"),
        ({"torch_index": "https://wheels.a.example/cpu"}, "torch_index"),
        ({"max_hold_ms": 20_000, "timeout_s": 20}, "max_hold_ms"),
        ({"max_decode_ms": 15_000, "timeout_s": 15}, "max_decode_ms"),
        ({"warming_hold_ms": 600, "max_hold_ms": 500}, "warming_hold_ms"),
        ({"warm_instances": 5, "reserved_concurrency": 5}, "warm_instances"),
        (
            {"warm_instances": 5, "reserved_concurrency": 8, "warming_user_reserve": 4},
            "warm_instances",
        ),
        ({"warm_profile": (0,) * 23 + (5,), "reserved_concurrency": 5}, "warm_profile"),
        ({"empty_buckets": True, "retain_data": True}, "empty_buckets"),
        ({"auth": "iam"}, "web"),
        ({"web_domain": "photos.a.example"}, "web_certificate_arn"),
        ({"daily_quota": 5, "auth": "none"}, "daily_quota"),
        ({"alarm_email": "a@a.example", "monitoring": False}, "alarm_email"),
        ({"warm_profile": (1,) * 23}, "warm_profile"),
        ({"warm_profile": (0,) * 167 + (5,), "reserved_concurrency": 5}, "warm_profile"),
        ({"warm_instances": "auto", "warming": "provisioned"}, "warm_instances"),
        ({"warm_instances": "auto", "warming_period_min": 1}, "warming_period_min"),
        ({"warm_instances": "auto", "reserved_concurrency": 10}, "warm_instances_max"),
        (
            {"warm_instances": "auto", "warm_instances_max": 5, "reserved_concurrency": 5},
            "warm_instances_max",
        ),
        ({"warm_instances_max": 5}, "warm_instances_max"),
        (
            {"warm_instances": "auto", "warm_instances_max": 5, "warm_profile": (5,) * 24},
            "warm_instances_max",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(values: dict[str, Any], name: str) -> None:
    with pytest.raises(SettingsError, match=f"environment test: {name} = "):
        Settings(env_name="test", **values)


@pytest.mark.parametrize(
    "region",
    [
        "cn-north-1",
        "cn-northwest-1",
        "us-gov-west-1",
        "us-gov-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "us-isof-south-1",
        "eu-isoe-west-1",
        "eusc-de-east-1",
    ],
)
def test_a_region_of_another_partition_is_refused_wherever_it_comes_from(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"region = '{region}'; allowed is a region of AWS's standard partition"
    with pytest.raises(SettingsError, match=f"^environment test: {said}"):
        Settings(env_name="test", region=region)
    monkeypatch.setenv("CDK_DEFAULT_REGION", region)
    with pytest.raises(SettingsError, match=f"^environment dev: {said}"):
        build(cdk.App(context={**CONTEXT, "env": "dev"}))


def test_every_region_of_the_standard_partition_is_accepted() -> None:
    session = botocore.session.get_session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("lambda", partition):
            if partition == "aws":
                assert Settings(env_name="test", region=region).region == region
            else:
                with pytest.raises(SettingsError, match="standard partition"):
                    Settings(env_name="test", region=region)


def test_pytorch_needs_more_memory_than_onnx_runtime() -> None:
    small: dict[str, Any] = {"max_image_pixels": 100_000, "max_image_bytes": 10_000_000}
    assert Settings(env_name="test", memory_mb=128, **small).engine == "onnxruntime"
    assert Settings(env_name="test", memory_mb=512, engine="torch", **small).memory_mb == 512
    with pytest.raises(SettingsError, match="memory_mb = 511; allowed is at least 512"):
        Settings(env_name="test", memory_mb=511, engine="torch", **small)


def test_an_image_may_not_take_more_memory_than_an_instance_has() -> None:
    told = "max_image_pixels = 50000000; allowed is at most 22649241, since memory_mb = 768 and"
    with pytest.raises(SettingsError, match=told):
        Settings(env_name="test", memory_mb=768)
    file_bytes = Settings(env_name="test").max_image_bytes
    pixels = max_decodable_pixels(768, file_bytes)
    assert Settings(env_name="test", memory_mb=768, max_image_pixels=pixels).memory_mb == 768
    with pytest.raises(SettingsError, match=f"max_image_pixels = {pixels + 1}"):
        Settings(env_name="test", memory_mb=768, max_image_pixels=pixels + 1)
    assert max_decodable_pixels(768, file_bytes, "torch") < pixels
    told = "max_image_bytes = 67108864; allowed is at most 29360128, since memory_mb = 156"
    with pytest.raises(SettingsError, match=told):
        Settings(env_name="test", memory_mb=156, max_image_pixels=1024)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("model_store", "efs", "allowed are 's3', 'image'"),
        ("ephemeral_storage_mb", 513, "allowed is 512"),
        ("region", "ap-southeast-6", "allowed are all but ap-east-2, ap-southeast-6"),
        ("region", "ap-east-2", "allowed are all but ap-east-2, ap-southeast-6"),
    ],
)
def test_what_snapstart_does_not_allow_is_refused(name: str, value: Any, allowed: str) -> None:
    assert getattr(Settings(**{"env_name": "test", name: value}), name) == value
    told = f"{name} = {value!r}; {allowed}, since warming = 'snapstart'"
    with pytest.raises(SettingsError, match=re.escape(told)):
        Settings(**{"env_name": "test", "warming": "snapstart", name: value})


def test_snapstart_goes_with_either_processor_engine_and_store() -> None:
    torch: dict[str, Any] = {"engine": "torch", "architecture": "arm64"}
    for values in ({}, {"model_store": "image"}, torch):
        assert Settings(env_name="test", warming="snapstart", **values).warming == "snapstart"


@pytest.mark.parametrize("warming", ["off", "snapstart"])
def test_a_cap_that_leaves_no_room_for_users_is_no_matter_without_warm_instances(
    warming: Any,
) -> None:
    assert Settings(env_name="test", warming=warming, reserved_concurrency=1).warm_instances == 1


def test_provisioned_instances_may_take_the_whole_cap_as_they_serve_users() -> None:
    values: dict[str, Any] = {"warming": "provisioned", "reserved_concurrency": 5}
    assert Settings(env_name="test", warm_instances=5, **values).warm_by_hour == (5,) * 24
    with pytest.raises(SettingsError, match="warm_instances = 6"):
        Settings(env_name="test", warm_instances=6, **values)


@pytest.mark.parametrize(
    ("values", "wakes_ahead"),
    [
        ({}, True),
        ({"warming": "off"}, True),
        ({"warming": "snapstart"}, True),
        ({"warming": "off", "reserved_concurrency": 2}, True),
        ({"wake_ahead": False}, False),
        ({"warming": "provisioned"}, False),
        ({"warming": "off", "reserved_concurrency": 1}, False),
    ],
)
def test_instances_are_woken_ahead_where_a_user_would_wait_for_one(
    values: dict[str, Any], wakes_ahead: bool
) -> None:
    assert Settings(env_name="test", **values).wakes_ahead is wakes_ahead


def test_the_profile_goes_before_the_number_for_all_day() -> None:
    assert Settings(env_name="test", warm_instances=3).warm_by_hour == (3,) * 24
    profile = (0,) * 8 + (5,) * 12 + (2,) * 4
    assert Settings(env_name="test", warm_profile=profile).warm_by_hour == profile
    week = profile * 5 + (0,) * 48
    assert Settings(env_name="test", warm_profile=week).warm_by_hour == week


def test_auto_is_limited_by_its_maximum_or_by_a_profile() -> None:
    def limits(**values: Any) -> tuple[int, ...]:
        return Settings(env_name="test", warm_instances="auto", **values).warm_by_hour

    assert limits() == (10,) * 24
    assert limits(warm_instances_max=20, reserved_concurrency=21) == (20,) * 24
    assert limits(warm_profile=(0,) * 12 + (7,) * 12) == (0,) * 12 + (7,) * 12


def test_a_setting_that_does_not_exist_is_an_error() -> None:
    for name, message in {
        "memroy_mb": "there is no setting memroy_mb; do you mean memory_mb?",
        "gpu": "there is no setting gpu",
        "any_model": 'there is no setting any_model any more; write other_models = ("*",)',
    }.items():
        values: dict[str, Any] = {"env_name": "test", name: 512}
        with pytest.raises(SettingsError, match=f"^environment test: {re.escape(message)}$"):
            Settings(**values)


def test_no_setting_is_said_to_be_replaced_that_exists_and_each_replacement_does() -> None:
    names = {field.name for field in dataclasses.fields(Settings)}
    assert not names & set(REPLACED)
    for instead in REPLACED.values():
        assert instead.partition(" = ")[0] in names


def test_a_record_goes_on_working_when_settings_are_added() -> None:
    for field in dataclasses.fields(Settings):
        assert field.kw_only
        has_default = field.default is not dataclasses.MISSING
        assert has_default or field.name == "env_name", field.name


def test_an_environment_without_a_name_is_an_error() -> None:
    values: dict[str, Any] = {"memory_mb": 512}
    with pytest.raises(SettingsError, match=r"env_name is missing; allowed is a to z"):
        Settings(**values)


def test_every_setting_is_documented_and_the_page_is_current() -> None:
    assert settings_table().count("\n| `") == len(dataclasses.fields(Settings))
    check = [sys.executable, "-m", "cogapp", "--check", "docs/settings.md"]
    result = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, "run: make reference"


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    settings = stages()[0]
    for field in dataclasses.fields(settings):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(settings, field.name, 1)


def test_the_engine_of_a_model_that_is_put_into_the_image_must_be_the_settings() -> None:
    source = Settings(env_name="test", model_store="image", engine="torch")
    with pytest.raises(SettingsError, match="engine = 'torch'; allowed is 'onnxruntime'"):
        ImageModelStore(settings=source)


def artifact(folder: Path, version: str, engine: str = "onnxruntime") -> None:
    (folder / version).mkdir(parents=True)
    (folder / version / "manifest.json").write_text(json.dumps({"engine": engine}))


def test_a_model_that_cannot_be_put_into_the_image_is_refused_and_a_listed_one_is_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stacks.constructs.model_store.MODEL_ARTIFACTS", tmp_path)
    for version in ("mine/1.0.0", "fruit/9.0.0", "fruit/10.0.0", "fruit/draft"):
        artifact(tmp_path, version)
    artifact(tmp_path, "of-torch/1.0.0", "torch")

    def models_of(*other_models: str) -> list[str]:
        settings = Settings(
            env_name="test",
            model_store="image",
            model_name="mine",
            model_version="1.0.0",
            other_models=other_models,
        )
        with ImageModelStore(settings=settings).image_context() as context:
            manifests = (context / "models").glob("*/*/manifest.json")
            return sorted(str(path.parent.relative_to(context / "models")) for path in manifests)

    assert models_of() == ["mine/1.0.0"]
    assert models_of("fruit", "mine", "fruit") == ["fruit/10.0.0", "mine/1.0.0"]
    assert models_of("*") == ["fruit/10.0.0", "mine/1.0.0"]  # what its engine runs
    for name, reason in (
        ("nobodys", "nobodys has no manifest.json there"),
        ("of-torch", "of-torch is for engine = 'torch' there"),
    ):
        with pytest.raises(SettingsError, match=f"other_models = .'fruit', '{name}'.; .*{reason}"):
            models_of("fruit", name)


def test_model_and_engine_can_be_named_beside_the_settings(tmp_path: Path) -> None:
    asked = {"env": "dev", "model": "mine@2.0.0", "engine": "torch", "torch_index": "https://a.b"}
    context = {**CONTEXT, **asked}
    app = cdk.App(outdir=str(tmp_path), context=context)
    build(app)
    (dev,) = (each for each in app.node.children if isinstance(each, WarmlensStage))
    # Of the stage alone: the policies are checked in every environment by other tests.
    variables = json.dumps([stack.template for stack in dev.synth().stacks])
    assert '"MODEL_NAME": "mine"' in variables
    assert '"MODEL_VERSION": "2.0.0"' in variables
    (assets,) = (
        json.loads(path.read_text())["dockerImages"].values()
        for path in (tmp_path / "assembly-dev").glob("*inference*.assets.json")
    )
    (image,) = assets
    arguments = image["source"]["dockerBuildArgs"]
    assert (arguments["ENGINE"], arguments["TORCH_INDEX"]) == ("torch", "https://a.b")
    message = "environment dev: engine = 'tensorflow'; allowed are 'onnxruntime', 'torch'"
    with pytest.raises(SettingsError, match=f"^{message}$"):
        build(cdk.App(context={**context, "engine": "tensorflow"}))
