"""Any settings that validate, for property tests."""

from typing import Any

from hypothesis import strategies as st

from stacks.settings import Settings, SettingsError
from tests.infrastructure.variants import CERTIFICATE

ORIGINS = st.lists(st.sampled_from(["https://a.example", "http://b.example:81"]), max_size=2)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "env_name": st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True),
    "account": st.none(),
    "region": st.sampled_from([None, "eu-west-1", "us-east-1"]),
    "memory_mb": st.integers(128, 10_240),
    "architecture": st.sampled_from(["x86_64", "arm64"]),
    "timeout_s": st.integers(1, 28),
    "engine": st.sampled_from(["onnxruntime", "torch"]),
    "torch_index": st.sampled_from([None, "https://wheels.a.example/cpu"]),
    "model_name": st.sampled_from(["products-resnet50", "imagenet-efficientnet-lite0"]),
    "model_version": st.just("1.1.0"),
    "other_models": st.sampled_from(
        [(), ("*",), ("imagenet-efficientnet-lite0",), ("products-resnet50", "*")]
    ),
    "model_store": st.sampled_from(["s3", "efs", "image"]),
    "ephemeral_storage_mb": st.integers(512, 10_240),
    "max_image_bytes": st.integers(1024, 100 * 2**20),
    "max_image_pixels": st.integers(1024, 200_000_000),
    "max_decode_ms": st.integers(100, 20_000),
    "max_hold_ms": st.integers(0, 20_000),
    "upload_expires_s": st.integers(30, 3600),
    "image_expiry_days": st.none() | st.integers(1, 3650),
    "upload_origins": ORIGINS.map(tuple),
    "cors_origins": ORIGINS.map(tuple),
    "api": st.sampled_from(["rest", "http"]),
    "auth": st.sampled_from(["none", "api_key", "iam", "jwt"]),
    "jwt_issuer": st.sampled_from([None, "https://login.a.example/"]),
    "jwt_audience": st.sampled_from([(), ("an-app",), ("an-app", "another")]),
    "waf": st.booleans(),
    "waf_requests_per_5_min": st.integers(10, 2_000_000_000),
    "daily_quota": st.none() | st.integers(1, 1_000_000_000),
    "access_logs": st.booleans(),
    "call_reports": st.booleans(),
    "tracing": st.booleans(),
    "web": st.booleans(),
    "page_stores_photos": st.booleans(),
    "web_domain": st.sampled_from([None, "photos.a.example"]),
    "web_certificate_arn": st.sampled_from([None, CERTIFICATE]),
    "wake_ahead": st.booleans(),
    "warming": st.sampled_from(["off", "ping", "provisioned", "snapstart"]),
    "warm_instances": st.integers(1, 100) | st.just("auto"),
    "warm_instances_max": st.none() | st.integers(1, 100),
    "warm_profile": st.just(())
    | st.lists(st.integers(0, 100), min_size=24, max_size=24).map(tuple)
    | st.lists(st.integers(0, 3), min_size=168, max_size=168).map(tuple),
    "warming_period_min": st.integers(1, 60),
    "warming_hold_ms": st.integers(0, 20_000),
    "warming_budget_s": st.integers(5, 300),
    "warming_user_reserve": st.integers(0, 1000),
    "warm_after_deploy": st.booleans(),
    "coverage_target_percent": st.integers(1, 100),
    "deployment": st.sampled_from(["all_at_once", "canary", "linear"]),
    "reserved_concurrency": st.none() | st.integers(1, 1000),
    "throttle_rate_rps": st.integers(1, 10_000),
    "throttle_burst": st.integers(1, 5_000),
    "throttle_wakeup_rps": st.integers(1, 5_000),
    "throttle_uploads_rps": st.integers(1, 5_000),
    "batch": st.booleans(),
    "batch_concurrency": st.integers(1, 1000),
    "budget_usd": st.none() | st.integers(1, 10_000_000),
    "monitoring": st.booleans(),
    "alarm_email": st.sampled_from([None, "on-call@a.example"]),
    "alarm_p99_ms": st.integers(1, 28_000),
    "alarm_recognized_percent": st.integers(0, 100),
    "log_retention_days": st.sampled_from([1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731]),
    "retain_data": st.booleans(),
    "empty_buckets": st.booleans(),
}


def mended(values: dict[str, Any]) -> Settings | None:
    """Settings of these values, without those that are refused beside the others."""
    while True:
        try:
            return Settings(**values)
        except SettingsError as refusal:
            name = refused(refusal)
            if name not in values:
                return None
            values = {each: value for each, value in values.items() if each != name}


def refused(refusal: SettingsError) -> str:
    return str(refusal).partition(": ")[2].partition(" = ")[0]
