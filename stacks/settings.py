"""The settings of an environment, validated with pydantic.

A wrong value stops `cdk synth` with one sentence: the setting, its value and what is allowed.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from stacks.setting_messages import error_message, schemas_of
from stacks.setting_rules import combination_refusals
from stacks.setting_types import (
    OTHER_PARTITIONS,
    AccountId,
    Audience,
    Certificate,
    EmailAddress,
    Host,
    Issuer,
    ModelName,
    Origin,
    OriginPattern,
    PackageIndex,
    Region,
    Version,
    text,
    whole_number,
)
from stacks.worst_month import budget_refusal

Engine = Literal["onnxruntime", "torch"]
Deployment = Literal["all_at_once", "canary", "linear"]
LogRetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731]

AUTO_MAX = 10
MAX_IN_REQUEST_BYTES = 4_400_000
"""The largest photo in a call: docs/decisions/0110-photo-in-the-request.md."""


class SettingsError(Exception):
    """A setting has a value that is not allowed."""


@dataclass(
    frozen=True,
    kw_only=True,
    config=ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True),
)
class Settings:
    """The settings of one environment, such as `dev` or `prod`.

    The text below each setting is its description in docs/settings.md: after a change, run
    `make reference`.

    Raises:
        SettingsError: names the first setting whose value is not allowed.
    """

    env_name: Annotated[str, text(r"[a-z][a-z0-9]{0,15}", "a to z, 0-9, up to 16")]
    """Name of the environment; part of the names of its stacks and functions."""
    account: AccountId | None = None
    """AWS account id; None uses the account of the credentials at deploy time."""
    region: Region | None = None
    """AWS region, of the standard partition; None uses the region of the credentials."""
    memory_mb: Annotated[int, Field(ge=128, le=10_240)] = 1769
    """The classifier's memory; AWS gives 1 vCPU per 1,769 MB."""
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    """The classifier's processor."""
    timeout_s: Annotated[int, Field(ge=1, le=28)] = 25
    """Timeout of one call; API Gateway itself gives up after 29 s. Below 17 s plus
    `max_decode_ms`, a call may time out while S3 is slow instead of answering with an error."""
    engine: Engine = "onnxruntime"
    """Engine that runs the model: `onnxruntime`, or `torch` for a TorchScript program."""
    torch_index: PackageIndex | None = None
    """Address of a package index with PyTorch's CPU builds, for `engine = "torch"`; None uses
    pip's default, which must not be a build for CUDA."""
    model_name: ModelName = "products-resnet50"
    """The model to serve."""
    model_version: Version = "1.1.0"
    """The version of the model to serve."""
    other_models: tuple[ModelName | Literal["*"], ...] = ()
    """Models besides `model_name` that `warmlens model serve` may change to without a deploy, by
    name; `("*",)` for all. With `model_store = "s3"` the classifier may read these alone. `image`
    needs them in `model_artifacts`, and has the newest version of each. In the file system of `efs`
    the classifier can read all models, and `serve` refuses models not named here."""
    model_store: Literal["s3", "efs", "image"] = "s3"
    """Store that the classifier reads the model from at init: `s3`, `efs` (a file system with
    copies of published models) or `image` (the container image)."""
    ephemeral_storage_mb: Annotated[int, Field(ge=512, le=10_240)] = 512
    """Size of the classifier's /tmp."""
    max_image_bytes: Annotated[int, Field(ge=1024, le=100 * 2**20)] = 64 * 2**20
    """Maximum size of an image that is uploaded or classified; photos of 200 megapixels have up to
    some 60 MB. `memory_mb` limits it, too, since a file is in memory twice."""
    max_image_pixels: Annotated[int, Field(ge=1024, le=200_000_000)] = 50_000_000
    """Maximum number of pixels that are decoded of an image. A JPEG is decoded at 1/2, 1/4 or 1/8
    of its width and height where that is enough for the model; the coefficients of a progressive
    one count, too, with 5 pixels for a block of 8 x 8. `memory_mb` limits it: decoding takes up to
    25 bytes a pixel beside the file and the instance's own 100 MB."""
    max_decode_ms: Annotated[int, Field(ge=100, le=20_000)] = 5_000
    """Time after which decoding an image is stopped."""
    max_hold_ms: Annotated[int, Field(ge=0, le=20_000)] = 10_000
    """Maximum time for which a wakeup may hold an instance."""
    upload_expires_s: Annotated[int, Field(ge=30, le=3600)] = 300
    """Time for which a signed upload is valid."""
    image_expiry_days: Annotated[int, Field(ge=1, le=3650)] | None = 30
    """Uploaded images are deleted after this time; None keeps them."""
    upload_origins: tuple[OriginPattern, ...] = ()
    """Origins of pages that may upload to the images bucket, beside the deployed page and
    `cors_origins`; `*` stands for any text."""
    cors_origins: tuple[Origin, ...] = ()
    """Origins of other pages that may call the API and upload."""
    api: Literal["rest", "http"] = "rest"
    """Kind of API Gateway's API: `rest`, or `http`, which costs less than a third for a call of up
    to 512 KB, and has no keys, no web ACL, no quota and no traces. A change of it changes the API's
    address."""
    auth: Literal["none", "api_key", "iam", "jwt"] = "api_key"
    """Authorization of API calls: none (`none`), the environment's API key (`api_key`), IAM
    (`iam`, requests signed with Signature Version 4), or tokens of an OpenID Connect issuer (`jwt`,
    with `api = "http"`)."""
    jwt_issuer: Issuer | None = None
    """Issuer of the tokens for `auth = "jwt"`, as their claim `iss` names it."""
    jwt_audience: tuple[Audience, ...] = ()
    """Audiences for `auth = "jwt"`: a token is for one of them, by its claim `aud` or else
    `client_id`."""
    waf: bool = True
    """True protects the API with a web ACL: AWS's managed rules, and a rate limit for each IP
    address. An HTTP API allows none."""
    waf_requests_per_5_min: Annotated[int, Field(ge=10, le=2_000_000_000)] = 2_000
    """The rate limit of the web ACL."""
    daily_quota: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Calls a day for the API key, among them one for each page that is opened; None sets no
    limit."""
    access_logs: bool = True
    """True logs every request to the API and to the images and models buckets."""
    call_reports: bool = False
    """True has Lambda log a start and a report of each call, which doubles what logs cost;
    `warmlens plan --speed` reads them. With `warming = "snapstart"` they are always logged."""
    tracing: bool = True
    """True traces one in a hundred requests with X-Ray, and the runs of a batch by X-Ray's own
    rule. An HTTP API begins no traces, and without its choice Lambda would trace the first call of
    each second, so then nothing is traced, nor is a batch."""
    web: bool = True
    """True deploys the page, and the API under the same domain."""
    page_stores_photos: bool = False
    """True has the page upload every photo, so that the images bucket keeps it for
    `image_expiry_days`, for example to collect training data. False has it send a photo of up to
    4.4 MB in the call, where nothing is stored, and upload larger ones alone."""
    web_domain: Host | None = None
    """The page's own domain; None uses the one that CloudFront gives."""
    web_certificate_arn: Certificate | None = None
    """Certificate for `web_domain`, in us-east-1."""
    wake_ahead: bool = True
    """True wakes an instance while a user is still busy: the page when it opens and before a photo
    is chosen, the uploads function while it signs. It has no effect with `warming = "provisioned"`,
    whose instances are started already, nor with `reserved_concurrency = 1`, where a wakeup would
    take the one instance from a user."""
    warming: Literal["off", "ping", "provisioned", "snapstart"] = "ping"
    """`ping` wakes instances on a schedule, `provisioned` uses provisioned concurrency, `off` keeps
    nothing warm. `snapstart` keeps nothing warm either: new instances start from a snapshot of one
    that is initialized at each deploy. It allows neither the model store `efs` nor more than 512 MB
    of /tmp."""
    warm_instances: Annotated[int, Field(ge=1, le=100)] | Literal["auto"] = 1
    """Number of instances that are kept warm. With `warming = "ping"` also `auto`: as many as
    users needed at once in the last seven days, at least 1."""
    warm_instances_max: Annotated[int, Field(ge=1, le=100)] | None = None
    """Upper limit of `warm_instances = "auto"`; None uses 10, or the numbers of `warm_profile`."""
    warm_profile: tuple[Annotated[int, Field(ge=0, le=100)], ...] = ()
    """Number of instances that are kept warm in each hour: 24 numbers from midnight UTC on, or 168
    from Monday, midnight UTC, on; 0 for an hour without warming. Empty means `warm_instances` all
    day; with `auto` these are the upper limits."""
    warming_period_min: Annotated[int, Field(ge=1, le=60)] = 5
    """Time between warming rounds."""
    warming_hold_ms: Annotated[int, Field(ge=0, le=20_000)] = 1000
    """Maximum time for which a first round holds each instance; the warmer holds no longer than its
    calls' arrivals need. A round that reached too few is repeated with three times the hold, up to
    `max_hold_ms`."""
    warming_budget_s: Annotated[int, Field(ge=5, le=300)] = 30
    """Maximum time for a warming run, repeated rounds included."""
    warming_user_reserve: Annotated[int, Field(ge=0, le=1000)] = 1
    """Concurrency that a round leaves to users, of the function's reserved concurrency or else of
    the account's."""
    warm_after_deploy: bool = True
    """True also runs a warming round at the end of a deploy; only `ping` has rounds."""
    coverage_target_percent: Annotated[int, Field(ge=1, le=100)] = 90
    """An alarm is raised when rounds reach a smaller share of the instances."""
    deployment: Deployment = "canary"
    """Shift of traffic to a new version of the classifier: `all_at_once`, `canary` (a tenth for
    five minutes, then all) or `linear` (a tenth more each minute); the latter two roll back on
    errors."""
    reserved_concurrency: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Maximum number of classifier instances, a cap on cost; None leaves it to the account's
    limit."""
    throttle_rate_rps: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Sustained requests per second that the API allows."""
    throttle_burst: Annotated[int, Field(ge=1, le=5_000)] = 20
    """Requests that the API allows at once."""
    throttle_wakeup_rps: Annotated[int, Field(ge=1, le=5_000)] = 5
    """Wakeups per second that the API allows, of all pages and apps together; each one takes an
    instance for a moment. A wakeup beyond it gets 429, which a page ignores. Calls of `/model` have
    the same limit, and are counted apart."""
    throttle_uploads_rps: Annotated[int, Field(ge=1, le=5_000)] = 2
    """Uploads per second that the API signs; each one may store `max_image_bytes`. Calls beyond it
    get 429, and deletions have the same limit. Photos in the call itself are not counted."""
    batch: bool = False
    """True deploys a Step Functions state machine that classifies all photos below a prefix of the
    images bucket: `warmlens batch`."""
    batch_concurrency: Annotated[int, Field(ge=1, le=1000)] = 5
    """Instances of the classifier that a batch takes at once; the others are left to users."""
    monitoring: bool = True
    """True deploys the dashboard and the alarms."""
    alarm_email: EmailAddress | None = None
    """Address that alarms are sent to; None sends none."""
    alarm_p99_ms: Annotated[int, Field(ge=1, le=28_000)] = 3_000
    """An alarm is raised when the 99th percentile of the calls' durations is higher."""
    alarm_recognized_percent: Annotated[int, Field(ge=0, le=100)] = 70
    """An alarm is raised when the model recognizes a smaller share of the photos in each of three
    hours, a sign that users photograph things that it does not know; 0 raises none. Hours with
    fewer than 20 photos do not count, nor do models without a threshold."""
    budget_usd: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Highest cost of a month, in USD, that you accept. Settings whose worst month costs more are
    refused (docs/cost-ceiling.md), and with `monitoring` an AWS Budget of the account sends alarms
    at 10, 50 and 100 % of it, which stops nothing. None sets neither."""
    log_retention_days: Annotated[LogRetentionDays, BeforeValidator(whole_number)] = 30
    """Time for which logs are kept."""
    retain_data: bool = True
    """True keeps the buckets when the stacks are deleted, and protects the stacks from that."""
    empty_buckets: bool = False
    """True empties the buckets when the stacks are deleted, so that they can be deleted too; needs
    `retain_data = False`."""

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            settings = handler(values)
        except ValidationError as error:
            message = error_message(error, values.kwargs or {}, schemas_of(cls))
            raise SettingsError(message) from None
        settings._check_combinations()
        return settings

    def physical_name(self, part: str, *, region: str | None = None) -> str:
        """Return the physical name of a resource, such as `warmlens-dev-classifier`.

        Args:
            region: region of the stack, where AWS has one such name for all regions of an account.
        """
        return f"warmlens-{self.env_name}-{part}" + (f"-{region}" if region else "")

    @property
    def servable_models(self) -> tuple[str, ...]:
        """Names of the models that may be served without a deploy; `("*",)` for all."""
        if "*" in self.other_models:
            return ("*",)
        return tuple(dict.fromkeys([self.model_name, *self.other_models]))

    @property
    def warm_by_hour(self) -> tuple[int, ...]:
        """Number of instances to keep warm in each hour of the day in UTC, 24 numbers, or 168.

        With `warm_instances = "auto"` these are upper limits.
        """
        count = self.warm_instances
        if count == "auto":
            count = AUTO_MAX if self.warm_instances_max is None else self.warm_instances_max
        return self.warm_profile or (count,) * 24

    @property
    def wakes_ahead(self) -> bool:
        """True if `wake_ahead` has an effect; with SnapStart it has, as a restore takes time."""
        provisioned = self.warming == "provisioned"
        return self.wake_ahead and not provisioned and self.reserved_concurrency != 1

    @property
    def page_max_in_request_bytes(self) -> int:
        """Size of the largest photo that the page sends in the call; 0 if it uploads all."""
        return 0 if self.page_stores_photos else min(MAX_IN_REQUEST_BYTES, self.max_image_bytes)

    @property
    def traced_share(self) -> float:
        """Share of the API's calls that are traced.

        X-Ray's own rule traces the first of each second, nearly all of a million a month, for $5.
        """
        return 0.01 if self.tracing and self.api == "rest" else 0.0

    @property
    def warm_setting(self) -> str:
        """Name of the setting that `warm_by_hour` comes from."""
        if self.warm_profile:
            return "warm_profile"
        return "warm_instances_max" if self.warm_instances == "auto" else "warm_instances"

    def check_partition(self, region: str) -> None:
        """Refuse a region outside AWS's standard partition.

        Prices, the page's CloudFront and its certificate's ARN are those of the standard partition.

        Args:
            region: the region of the settings, or that of the credentials.

        Raises:
            SettingsError: the region is in China, in a GovCloud, isolated or sovereign.
        """
        if OTHER_PARTITIONS.match(region):
            raise SettingsError(
                f"environment {self.env_name}: region = {region!r}; allowed is a region of AWS's "
                "standard partition such as eu-west-1, as others (China, GovCloud, isolated, "
                "European Sovereign Cloud) have other services, prices and ARNs"
            )

    def check_budget(self, region: str) -> None:
        """Refuse settings whose worst month costs more than `budget_usd`.

        Args:
            region: the region of the settings, or that of the credentials.

        Raises:
            SettingsError: names the worst month, its largest items, and what lowers them.
        """
        allowed = budget_refusal(self, region)
        self._require(allowed is None, "budget_usd", allowed or "")

    def _check_combinations(self) -> None:
        if self.region is not None:
            self.check_partition(self.region)
        self.check_budget(self.region or "")
        for name, allowed in combination_refusals(self):
            self._require(False, name, allowed)

    def _require(self, condition: bool, name: str, allowed: str) -> None:
        if not condition:
            value = getattr(self, name)
            raise SettingsError(f"environment {self.env_name}: {name} = {value!r}; {allowed}")
