"""The environments: one frozen, validated record each.

A wrong value is refused with one sentence that names the setting, the value and what is allowed.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from stacks.rules import Rule, each, flag, one_of, optional, text, whole

Architecture = Literal["x86_64", "arm64"]
Engine = Literal["onnxruntime", "torch"]
ModelStoreKind = Literal["s3", "efs", "image"]
Warming = Literal["off", "ping", "provisioned"]
Auth = Literal["none", "api_key", "iam"]
Deployment = Literal["all_at_once", "canary", "linear"]
TORCH_MIN_MEMORY_MB = 512
"""An instance with a ResNet50 takes 360 MB: docs/decisions/0035-torch.md."""
INSTANCE_MB = {"onnxruntime": 100, "torch": 400}
"""With the photo of a phone: docs/performance.md, docs/decisions/0035-torch.md."""
DECODE_BYTES_PER_PIXEL = 25
"""Most that decoding takes, a turned lossless WebP with transparency: test_hostile_images.py."""
LogRetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731]

_ORIGIN = text(
    r"\*|https?://[A-Za-z0-9.*-]+(:(\d{1,5}|\*))?", "an origin such as https://a.example"
)
_EXACT_ORIGIN = text(
    r"https?://[A-Za-z0-9.-]+(:\d{1,5})?", "an origin without * such as https://a.example"
)
_HOST = text(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", "a host such as photos.a.example")
_CERTIFICATE = text(
    r"arn:aws:acm:us-east-1:\d{12}:certificate/[0-9a-f-]{36}",
    "the ARN of a certificate in us-east-1, where CloudFront reads it",
)
_INDEX = text(r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?", "an https address")
_EMAIL = text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")


class SettingsError(ValueError):
    """A setting has a value that is not allowed."""


def _setting(rule: Rule, default: Any) -> Any:
    return field(default=default, metadata={"rule": rule})


def most_image_pixels(memory_mb: int, engine: str = "onnxruntime") -> int:
    """Return how many pixels an image may have, so that decoding it never ends the instance.

    Args:
        memory_mb: the classifier's memory.
        engine: what it has to run models with.
    """
    return (memory_mb - INSTANCE_MB[engine]) * 2**20 // DECODE_BYTES_PER_PIXEL


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One environment.

    Attributes:
        env_name: name of the environment; part of the names of its stacks and functions.
        account: AWS account id; None takes the account of the credentials at deploy time.
        region: AWS region; None takes that of the credentials.
        memory_mb: the classifier's memory; AWS gives 1 vCPU per 1,769 MB.
        architecture: the classifier's processor.
        timeout_s: longest time for one call; API Gateway gives up after 29 s. Below 17 s and
            `max_decode_ms` a call that S3 keeps waiting may end it instead of being answered.
        engine: what the classifier's image has to run models with: `onnxruntime`, or `torch` for a
            model that is a TorchScript program.
        torch_index: address of a package index with PyTorch's CPU builds, for `engine = "torch"`;
            None takes what pip finds by itself, which must not be a build for CUDA.
        model_name: the model to serve.
        model_version: its version.
        model_store: where the classifier reads the model from at init: `s3`, `efs` (a file system
            that what is published to S3 is copied to) or `image` (copied in when it is built).
        ephemeral_storage_mb: size of the classifier's /tmp.
        max_image_bytes: largest image that may be uploaded or classified.
        max_image_pixels: largest width x height that is decoded, as far as `memory_mb` allows: up
            to 25 bytes a pixel beside the instance's own 100 MB.
        max_decode_ms: time after which an image is decoded no further.
        max_hold_ms: longest hold that a wakeup may ask for.
        upload_expires_s: how long a signed upload is valid.
        image_expiry_days: uploaded images are deleted after this time; None keeps them.
        upload_origins: origins of pages that may upload to the images bucket, beside the page that
            is deployed here and `cors_origins`; `*` stands for any text.
        cors_origins: origins of other pages that may call the API and upload.
        auth: who may call the API: anyone (`none`), who has the environment's key (`api_key`), or
            who may by IAM (`iam`, requests signed with Signature Version 4).
        waf: True puts a web ACL before the API: AWS's rules, and a limit for each IP address.
        waf_requests_per_5_min: that limit.
        daily_quota: calls a day for the API key; None sets no limit.
        access_logs: True logs every request to the API, and to the images and models bucket.
        tracing: True traces requests with X-Ray.
        web: True deploys the page, and the API under the same domain.
        web_domain: the page's own domain; None takes the one that CloudFront gives.
        web_certificate_arn: certificate for `web_domain`, in us-east-1.
        warming: `ping` wakes instances by a schedule, `provisioned` has Lambda keep them
            initialized, `off` does neither.
        warm_instances: how many instances a warming round wakes.
        warm_profile: the same for each hour of the day in UTC, 24 numbers from midnight on, 0 for
            an hour without warming; empty means `warm_instances` all day.
        warming_period_min: time between warming rounds.
        warming_hold_ms: how long a round holds each instance; one that reached too few is repeated
            with a longer hold.
        warming_budget_s: longest time for a warming run, repeated rounds included.
        warming_user_reserve: concurrency that a round leaves to users, of the function's or else of
            the account's.
        warm_after_deploy: True runs a warming round at the end of a deploy, too.
        coverage_target_percent: an alarm is raised when rounds reach fewer instances than this.
        deployment: how calls move to a new version of the classifier: `all_at_once`, `canary` (a
            tenth for five minutes, then all) or `linear` (a tenth more each minute); the latter two
            go back by themselves on errors.
        reserved_concurrency: most instances of the classifier at once, a cap on cost; None leaves
            it to the account's limit.
        throttle_rate_rps: requests per second that the API lets through in the long run.
        throttle_burst: requests that it lets through at once.
        throttle_wakeup_rps: wakeups per second that it lets through, each of which holds an
            instance.
        monitoring: True makes the dashboard and the alarms.
        alarm_email: address that alarms are sent to; None sends none.
        alarm_p99_ms: an alarm is raised when the slowest hundredth of calls takes longer.
        log_retention_days: how long logs are kept.
        retain_data: True keeps the buckets when the stacks are deleted.
        empty_buckets: True empties the buckets when the stacks are deleted, so that they can be
            deleted too; only without `retain_data`.

    Raises:
        SettingsError: names the first setting whose value is not allowed.
    """

    env_name: str = field(metadata={"rule": text(r"[a-z][a-z0-9]{0,15}", "a to z, 0-9, up to 16")})
    account: str | None = _setting(optional(text(r"\d{12}", "an account id of 12 digits")), None)
    region: str | None = _setting(
        optional(text(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-west-1")), None
    )
    memory_mb: int = _setting(whole(128, 10_240), 1769)
    architecture: Architecture = _setting(one_of(*get_args(Architecture)), "x86_64")
    timeout_s: int = _setting(whole(1, 28), 25)
    engine: Engine = _setting(one_of(*get_args(Engine)), "onnxruntime")
    torch_index: str | None = _setting(optional(_INDEX), None)
    model_name: str = _setting(
        text(r"[a-z0-9][a-z0-9-]{0,62}", "a to z, 0-9 and -, up to 63"), "products-resnet50"
    )
    model_version: str = _setting(text(r"\d+\.\d+\.\d+", "three numbers such as 1.0.0"), "1.0.0")
    model_store: ModelStoreKind = _setting(one_of(*get_args(ModelStoreKind)), "s3")
    ephemeral_storage_mb: int = _setting(whole(512, 10_240), 512)
    max_image_bytes: int = _setting(whole(1024, 100 * 2**20), 20 * 2**20)
    max_image_pixels: int = _setting(whole(1024, 200_000_000), 50_000_000)
    max_decode_ms: int = _setting(whole(100, 20_000), 5_000)
    max_hold_ms: int = _setting(whole(0, 20_000), 10_000)
    upload_expires_s: int = _setting(whole(30, 3600), 300)
    image_expiry_days: int | None = _setting(optional(whole(1, 3650)), 30)
    upload_origins: tuple[str, ...] = _setting(each(_ORIGIN), ())
    cors_origins: tuple[str, ...] = _setting(each(_EXACT_ORIGIN), ())
    auth: Auth = _setting(one_of(*get_args(Auth)), "api_key")
    waf: bool = _setting(flag(), True)
    waf_requests_per_5_min: int = _setting(whole(10, 2_000_000_000), 2_000)
    daily_quota: int | None = _setting(optional(whole(1, 1_000_000_000)), None)
    access_logs: bool = _setting(flag(), True)
    tracing: bool = _setting(flag(), True)
    web: bool = _setting(flag(), True)
    web_domain: str | None = _setting(optional(_HOST), None)
    web_certificate_arn: str | None = _setting(optional(_CERTIFICATE), None)
    warming: Warming = _setting(one_of(*get_args(Warming)), "ping")
    warm_instances: int = _setting(whole(1, 100), 1)
    warm_profile: tuple[int, ...] = _setting(each(whole(0, 100)), ())
    warming_period_min: int = _setting(whole(1, 60), 5)
    warming_hold_ms: int = _setting(whole(0, 20_000), 400)
    warming_budget_s: int = _setting(whole(5, 300), 30)
    warming_user_reserve: int = _setting(whole(0, 1000), 1)
    warm_after_deploy: bool = _setting(flag(), True)
    coverage_target_percent: int = _setting(whole(1, 100), 90)
    deployment: Deployment = _setting(one_of(*get_args(Deployment)), "canary")
    reserved_concurrency: int | None = _setting(optional(whole(1, 1000)), None)
    throttle_rate_rps: int = _setting(whole(1, 10_000), 10)
    throttle_burst: int = _setting(whole(1, 5_000), 20)
    throttle_wakeup_rps: int = _setting(whole(1, 5_000), 5)
    monitoring: bool = _setting(flag(), True)
    alarm_email: str | None = _setting(optional(_EMAIL), None)
    alarm_p99_ms: int = _setting(whole(1, 28_000), 3_000)
    log_retention_days: LogRetentionDays = _setting(one_of(*get_args(LogRetentionDays)), 30)
    retain_data: bool = _setting(flag(), True)
    empty_buckets: bool = _setting(flag(), False)

    def __post_init__(self) -> None:
        for setting in fields(self):
            rule: Rule = setting.metadata["rule"]
            if not rule.holds(getattr(self, setting.name)):
                raise self._refusal(setting.name, rule.allowed)
        if self.account is not None and self.region is None:
            raise self._refusal("region", "with an account, a region must be named")
        if self.max_decode_ms >= self.timeout_s * 1000:
            raise self._refusal(
                "max_decode_ms", f"allowed is less than timeout_s, {self.timeout_s}"
            )
        if self.engine == "torch" and self.memory_mb < TORCH_MIN_MEMORY_MB:
            raise self._refusal(
                "memory_mb", f"allowed is at least {TORCH_MIN_MEMORY_MB}, since engine = 'torch'"
            )
        most_pixels = most_image_pixels(self.memory_mb, self.engine)
        if self.max_image_pixels > most_pixels:
            raise self._refusal(
                "max_image_pixels",
                f"allowed is at most {most_pixels}, since memory_mb = {self.memory_mb}",
            )
        if self.torch_index is not None and self.engine != "torch":
            raise self._refusal("torch_index", "allowed is None, since engine is not 'torch'")
        if self.max_hold_ms >= self.timeout_s * 1000:
            raise self._refusal("max_hold_ms", f"allowed is less than timeout_s, {self.timeout_s}")
        if self.warming_hold_ms > self.max_hold_ms:
            raise self._refusal(
                "warming_hold_ms", f"allowed is at most max_hold_ms, {self.max_hold_ms}"
            )
        if len(self.warm_profile) not in (0, 24):
            raise self._refusal(
                "warm_profile", "allowed are 24 numbers, one for each hour, or none"
            )
        self._require_room_for_users()
        if self.web and self.auth == "iam":
            raise self._refusal(
                "web", "allowed is False, since a page cannot sign for auth = 'iam'"
            )
        if (self.web_domain is None) != (self.web_certificate_arn is None):
            raise self._refusal("web_certificate_arn", "goes together with web_domain")
        if self.web_domain is not None and not self.web:
            raise self._refusal("web_domain", "allowed is None, since web = False")
        if self.daily_quota is not None and self.auth != "api_key":
            raise self._refusal("daily_quota", "allowed is None, since auth is not 'api_key'")
        if self.alarm_email is not None and not self.monitoring:
            raise self._refusal("alarm_email", "allowed is None, since monitoring = False")
        if self.empty_buckets and self.retain_data:
            raise self._refusal("empty_buckets", "allowed is False, since retain_data = True")

    def physical_name(self, part: str) -> str:
        """Return the name that `part` has in AWS, such as `warmlens-dev-classifier`."""
        return f"warmlens-{self.env_name}-{part}"

    @property
    def warm_by_hour(self) -> tuple[int, ...]:
        """How many instances are kept warm in each hour of the day in UTC, 24 numbers."""
        return self.warm_profile or (self.warm_instances,) * 24

    def _require_room_for_users(self) -> None:
        if self.warming == "off" or self.reserved_concurrency is None:
            return
        name = "warm_profile" if self.warm_profile else "warm_instances"
        # Provisioned instances serve users; a ping takes its instances from them for the hold.
        reserve = self.warming_user_reserve if self.warming == "ping" else 0
        room = self.reserved_concurrency - reserve
        if max(self.warm_by_hour) > room:
            raise self._refusal(
                name,
                f"allowed is at most {room}, reserved_concurrency = {self.reserved_concurrency} "
                f"less {reserve} for users by warming_user_reserve",
            )

    def _refusal(self, name: str, allowed: str) -> SettingsError:
        value = getattr(self, name)
        return SettingsError(f"environment {self.env_name}: {name} = {value!r}; {allowed}")
