"""The bill of users' photos, for each way in which a photo comes to the classifier."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from warmlens.errors import WarmlensError
from warmlens.planner.bill import Item, Part, priced
from warmlens.prices import PriceList

MONTH_S = 30 * 86_400.0
CLASSIFIERS_TIME = "classifier's time"
"""Beginning of the names of the items for its billed time, on demand or provisioned."""
HTTP_API_UNIT_BYTES = 512 * 1024
"""HTTP APIs are metered in 512 KB increments, REST APIs by the call (AWS whitepaper "Best Practices
for Designing Amazon API Gateway Private APIs", cost optimization)."""
LONGEST_BYTES = 100 * 2**20
CALL_BYTES = 4_400_000  # docs/api.md: the largest photo that API Gateway and Lambda let through

ANSWER_BYTES, GRANT_BYTES = 1_640, 3_400
"""The answers of `/classification` and `/uploads`, with some 450 bytes of headers."""
CLASSIFIER_LOG_BYTES, UPLOADS_LOG_BYTES, ACCESS_LOG_BYTES = 680, 280, 260
"""Log lines of one call: the classifier's, the uploads function's and API Gateway's, whose group is
of the class for infrequent access. Lambda's own, of the setting `call_reports`, are not in it. A
test compares these sizes, and those of the answers, with real ones."""
UPLOADS_GB_S = 0.02 * 256 / 1024
"""20 ms at 256 MB, assumed: 14 ms of processor time (docs/decisions/0097) and Lambda's own."""
TRACED = 0.01
"""Share of calls that are traced: `traced_share` in stacks/settings.py."""


class Api(StrEnum):
    """The front door: API Gateway's REST API or HTTP API."""

    REST = "rest"
    HTTP = "http"


class PhotoBy(StrEnum):
    """How a photo comes: in the `call` itself, or by an `upload` to S3, with its path in a call."""

    CALL = "call"
    UPLOAD = "upload"


@dataclass(frozen=True, kw_only=True)
class Way:
    """The way of a photo to the classifier, and what is paid for along it.

    Attributes:
        api: the front door.
        photo: how the photo comes.
        photo_bytes: size of a photo's file.
        page: whether calls come by the page, and so through CloudFront.
        waf: whether a web ACL looks at each call; an HTTP API can have none.
        logs: whether calls are logged.
        tracing: whether calls are traced with X-Ray, as far as the API does; an HTTP API does not.
        kept_days: time for which an uploaded photo is kept.

    Raises:
        WarmlensError: the size or the time is out of range, or values do not go together.
    """

    api: Api = Api.REST
    photo: PhotoBy = PhotoBy.CALL
    photo_bytes: int = 300_000
    page: bool = True
    waf: bool = True
    logs: bool = True
    tracing: bool = True
    kept_days: float = 30

    def __post_init__(self) -> None:
        most = CALL_BYTES if self.photo is PhotoBy.CALL else LONGEST_BYTES
        if not 1 <= self.photo_bytes <= most:
            what = f"a photo of {self.photo_bytes:,} bytes in the {self.photo}"
            more = ", larger ones are uploaded" if self.photo is PhotoBy.CALL else ""
            raise WarmlensError("bad_photo_size", f"{what}: give 1 to {most:,}{more}")
        if self.kept_days < 0:
            why = f"photos kept for {self.kept_days:g} days: give 0 or more"
            raise WarmlensError("bad_photo_size", why)
        if self.waf and self.api is Api.HTTP:
            why = "an HTTP API has no web ACL: give --no-waf or --api rest"
            raise WarmlensError("bad_api", why)

    @property
    def description(self) -> str:
        """The way in words."""
        how = "in the call" if self.photo is PhotoBy.CALL else "uploaded"
        around = {
            "the page": self.page,
            "a web ACL": self.waf,
            "logs": self.logs,
            "traces": self.is_traced,
        }
        on = [name for name, is_on in around.items() if is_on]
        words = f"{self.photo_bytes / 1000:g} KB {how}, {self.api.upper()} API"
        return f"{words}, with {', '.join(on)}" if on else words

    @property
    def is_traced(self) -> bool:
        """True if the API begins traces."""
        return self.tracing and self.api is Api.REST

    @property
    def calls(self) -> int:
        """Calls of the API for one photo."""
        return 1 if self.photo is PhotoBy.CALL else 2

    @property
    def api_units(self) -> int:
        """Billed requests of the API for one photo."""
        if self.api is Api.HTTP and self.photo is PhotoBy.CALL:
            return math.ceil(self.photo_bytes / HTTP_API_UNIT_BYTES)
        return self.calls


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The usage of the classifier by users' photos.

    Attributes:
        photos: photos that are sent.
        classified: those that an instance classified; others were throttled. None: all.
        gb_s: billed time on demand, times memory.
        provisioned_gb_s: billed time of provisioned instances, times memory.
        cold_gb_s: billed time of inits, times memory, as far as it is not in `gb_s`.
        architecture: `x86` or `arm`.
    """

    photos: float
    gb_s: float
    classified: float | None = None
    provisioned_gb_s: float = 0.0
    cold_gb_s: float = 0.0
    architecture: str = "x86"


def needed_prices(way: Way) -> list[str]:
    """Return the names of the prices that a way may need, without those of Lambda's time."""
    names = [f"{way.api}_api_per_request", "lambda_per_request", "data_out_per_gb"]
    if way.photo is PhotoBy.UPLOAD:
        names += ["s3_per_get", "s3_per_put", "s3_per_gb_month", "lambda_arm_per_gb_s"]
    if way.waf:
        names.append("waf_per_request")
    if way.logs:
        names += ["logs_per_gb", "infrequent_logs_per_gb"]
    if way.is_traced:
        names.append("xray_per_trace")
    if way.page:
        names.remove("data_out_per_gb")
        names += ["cloudfront_per_request", "cloudfront_per_gb", "cloudfront_function_per_call"]
    return names


def photo_items(usage: Usage, way: Way, prices: PriceList) -> list[Item]:
    """Return the bill of users' photos, item by item: the one function that computes it.

    Not in it: what is the same with any number of photos (docs/deploy.md, costs without traffic),
    warming, S3's own access logs (a gigabyte of storage for a million uploads), and answers with
    errors.

    Raises:
        WarmlensError: a price is missing.
    """
    prices.require(needed_prices(way))
    starts = "cold starts", usage.cold_gb_s, "GB-s", f"lambda_{usage.architecture}_per_gb_s"
    lines = [
        ("API calls", usage.photos * way.api_units, "calls", f"{way.api}_api_per_request"),
        *_function_lines(usage),
        *_upload_lines(usage, way),
        *call_lines(usage.photos, way),
    ]
    items = [
        *(priced(prices, *line) for line in lines),
        replace(priced(prices, *starts), part=Part.COLD_STARTS),
    ]
    return [item for item in items if item.quantity]


Line = tuple[str, float, str, str]


def call_lines(photos: float, way: Way) -> Iterator[Line]:
    """Yield what is paid for around each photo's calls."""
    upload = way.photo is PhotoBy.UPLOAD
    calls = photos * way.calls
    if way.waf:
        yield "web ACL", calls, "calls", "waf_per_request"
    answers_gb = photos * (ANSWER_BYTES + GRANT_BYTES * upload) / 1e9
    if way.page:
        yield "CloudFront", calls, "calls", "cloudfront_per_request"
        yield "CloudFront's function", calls, "calls", "cloudfront_function_per_call"
        yield "answers", answers_gb, "GB", "cloudfront_per_gb"
    else:
        yield "answers", answers_gb, "GB", "data_out_per_gb"
    if way.logs:
        own = CLASSIFIER_LOG_BYTES + UPLOADS_LOG_BYTES * upload
        yield "functions' logs", photos * own / 1e9, "GB", "logs_per_gb"
        yield "access log", calls * ACCESS_LOG_BYTES / 1e9, "GB", "infrequent_logs_per_gb"
    if way.is_traced:
        yield "traces", calls * TRACED, "traces", "xray_per_trace"


def kept_gb(photos: float, way: Way) -> float:
    """Return the gigabytes of uploaded photos that S3 holds on average, at photos a month."""
    return photos * way.photo_bytes / 1e9 * way.kept_days * 86_400 / MONTH_S


def wake_lines(wakes: float, way: Way) -> Iterator[Line]:
    """Yield what is paid around wakes by the uploads function, which are no calls of the API.

    Lambda decides itself which of them to trace: the first in each second, so at most all of them.
    """
    if way.logs:
        yield "uploads' logs", wakes * CLASSIFIER_LOG_BYTES / 1e9, "GB", "logs_per_gb"
    if way.is_traced:
        yield "uploads' traces", wakes, "traces", "xray_per_trace"


def uploads_lines(calls: float) -> Iterator[Line]:
    """Yield what calls of the uploads function cost."""
    yield "uploads' calls", calls, "calls", "lambda_per_request"
    yield "uploads' time", calls * UPLOADS_GB_S, "GB-s", "lambda_arm_per_gb_s"


def _function_lines(usage: Usage) -> Iterator[Line]:
    short = usage.architecture
    classified = usage.photos if usage.classified is None else usage.classified
    yield "classifier's calls", classified, "calls", "lambda_per_request"
    yield f"{CLASSIFIERS_TIME} on demand", usage.gb_s, "GB-s", f"lambda_{short}_per_gb_s"
    provisioned = f"provisioned_duration_{short}_per_gb_s"
    yield f"{CLASSIFIERS_TIME}, provisioned", usage.provisioned_gb_s, "GB-s", provisioned


def _upload_lines(usage: Usage, way: Way) -> Iterator[Line]:
    if way.photo is PhotoBy.CALL:
        return
    classified = usage.photos if usage.classified is None else usage.classified
    yield from uploads_lines(usage.photos)
    yield "photos written", usage.photos, "PUTs", "s3_per_put"
    yield "photos read", classified, "GETs", "s3_per_get"
    yield "photos kept", kept_gb(usage.photos, way), "GB-month", "s3_per_gb_month"
