"""Rules for combinations of settings."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.api_rules import api_refusals
from stacks.image_limits import max_decodable_pixels, max_fetchable_bytes

if TYPE_CHECKING:
    from stacks.settings import Settings

TORCH_MIN_MEMORY_MB = 512
"""An instance with a ResNet50 takes 360 MB: docs/decisions/0035-torch.md."""
SNAPSHOT_STORAGE_MB = 512
NO_SNAPSHOT_REGIONS = ("ap-east-2", "ap-southeast-6")
"""SnapStart's limits in November 2026: Lambda developer guide, "Improving startup performance with
Lambda SnapStart"."""
MAX_MODELS = 40
"""A role's policies have up to 10,240 characters (IAM user guide, "IAM and AWS STS quotas"), of
which a model takes up to 150; an output, which names the models, has 4,096 of CloudFormation's."""
AUTO_MIN_PERIOD_MIN = 2
"""`auto` reads users' concurrency in minutes without a round: docs/decisions/0103-auto.md."""

Refusals = Iterator[tuple[str, str]]


def combination_refusals(settings: "Settings") -> Refusals:
    """Yield the settings that do not fit the others, with what is allowed.

    Args:
        settings: settings of an environment.
    """
    if settings.account is not None and settings.region is None:
        yield "region", "with an account, a region must be named"
    yield from _instance_refusals(settings)
    yield from _hold_refusals(settings)
    yield from _warm_refusals(settings)
    yield from _concurrency_refusals(settings)
    yield from _snapshot_refusals(settings)
    yield from _model_refusals(settings)
    yield from api_refusals(settings)
    yield from _page_refusals(settings)
    if settings.alarm_email is not None and not settings.monitoring:
        yield "alarm_email", "allowed is None, since monitoring = False"
    if settings.empty_buckets and settings.retain_data:
        yield "empty_buckets", "allowed is False, since retain_data = True"


def _instance_refusals(settings: "Settings") -> Refusals:
    memory_mb, engine = settings.memory_mb, settings.engine
    if settings.max_decode_ms >= settings.timeout_s * 1000:
        yield "max_decode_ms", f"allowed is less than timeout_s, {settings.timeout_s}"
    if engine == "torch" and memory_mb < TORCH_MIN_MEMORY_MB:
        yield "memory_mb", f"allowed is at least {TORCH_MIN_MEMORY_MB}, since engine = 'torch'"
    max_bytes = max_fetchable_bytes(memory_mb, engine)
    if settings.max_image_bytes > max_bytes:
        yield "max_image_bytes", f"allowed is at most {max_bytes}, since memory_mb = {memory_mb}"
    max_pixels = max_decodable_pixels(memory_mb, settings.max_image_bytes, engine)
    if settings.max_image_pixels > max_pixels:
        yield (
            "max_image_pixels",
            f"allowed is at most {max_pixels}, since memory_mb = {memory_mb} and "
            f"max_image_bytes = {settings.max_image_bytes}",
        )
    if settings.torch_index is not None and engine != "torch":
        yield "torch_index", "allowed is None, since engine is not 'torch'"


def _hold_refusals(settings: "Settings") -> Refusals:
    if settings.max_hold_ms >= settings.timeout_s * 1000:
        yield "max_hold_ms", f"allowed is less than timeout_s, {settings.timeout_s}"
    if settings.warming_hold_ms > settings.max_hold_ms:
        yield "warming_hold_ms", f"allowed is at most max_hold_ms, {settings.max_hold_ms}"


def _warm_refusals(settings: "Settings") -> Refusals:
    if len(settings.warm_profile) not in (0, 24, 168):
        yield (
            "warm_profile",
            "allowed are 24 numbers, one for each hour, or 168, for each hour of the week, or none",
        )
    auto = settings.warm_instances == "auto"
    if auto and settings.warming == "provisioned":
        yield "warm_instances", "allowed is a number, since warming = 'provisioned'"
    if auto and settings.warming_period_min < AUTO_MIN_PERIOD_MIN:
        yield (
            "warming_period_min",
            f"allowed is at least {AUTO_MIN_PERIOD_MIN}, since warm_instances = 'auto' needs "
            "minutes without a round",
        )
    if settings.warm_instances_max is not None and not auto:
        yield "warm_instances_max", "allowed is None, since warm_instances is not 'auto'"
    if settings.warm_instances_max is not None and settings.warm_profile:
        yield "warm_instances_max", "allowed is None, since warm_profile has the upper limits"


def _concurrency_refusals(settings: "Settings") -> Refusals:
    if settings.reserved_concurrency is None:
        return
    reserve = settings.warming_user_reserve
    # Provisioned instances serve users; a ping holds instances that users could need.
    kept = {"ping": reserve, "provisioned": 0}.get(settings.warming)
    if kept is not None and max(settings.warm_by_hour) > settings.reserved_concurrency - kept:
        yield settings.warm_setting, _at_most(settings.reserved_concurrency, kept)
    if settings.batch and settings.batch_concurrency > settings.reserved_concurrency - reserve:
        yield "batch_concurrency", _at_most(settings.reserved_concurrency, reserve)


def _at_most(reserved: int, reserve: int) -> str:
    return (
        f"allowed is at most {reserved - reserve}, reserved_concurrency = {reserved} "
        f"less {reserve} for users by warming_user_reserve"
    )


def _snapshot_refusals(settings: "Settings") -> Refusals:
    if settings.warming != "snapstart":
        return
    why = "since warming = 'snapstart'"
    if settings.model_store == "efs":
        yield "model_store", f"allowed are 's3', 'image', {why}"
    if settings.ephemeral_storage_mb > SNAPSHOT_STORAGE_MB:
        yield "ephemeral_storage_mb", f"allowed is {SNAPSHOT_STORAGE_MB}, {why}"
    if settings.region in NO_SNAPSHOT_REGIONS:
        yield "region", f"allowed are all but {', '.join(NO_SNAPSHOT_REGIONS)}, {why}"


def _model_refusals(settings: "Settings") -> Refusals:
    if "*" in settings.other_models and len(settings.other_models) > 1:
        yield "other_models", "allowed is '*' alone, which stands for all models, or names"
    if len(settings.servable_models) > MAX_MODELS:
        yield "other_models", f"allowed are {MAX_MODELS - 1} names; ('*',) stands for all models"


def _page_refusals(settings: "Settings") -> Refusals:
    if (settings.web_domain is None) != (settings.web_certificate_arn is None):
        yield "web_certificate_arn", "needs web_domain, or neither"
    if settings.web_domain is not None and not settings.web:
        yield "web_domain", "allowed is None, since web = False"
