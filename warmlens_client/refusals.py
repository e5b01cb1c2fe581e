"""Answers that are no success, as errors; and which of them may be repeated."""

import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from .answers import Answer
from .errors import AnswerError, UploadError, WarmlensApiError

_CODES = {  # of gateways that answer {"message": ...}, as HTTP APIs do, and name no code
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "no_such_call",
    413: "request_too_large",
    415: "unsupported_type",
    429: "throttled",
    500: "unavailable",
    502: "unavailable",
    503: "unavailable",
    504: "timed_out",
}
_ADVICE = {  # what such a gateway's own word, "Unauthorized" or "Not Found", does not say
    "unauthorized": "the token is missing, has expired, or is for another audience or issuer.",
    "forbidden": "the caller may not use this API; check the credentials and their policy.",
    "no_such_call": "there is no such call; check the API's address.",
    "request_too_large": "a call takes a photo of up to 4.4 MB; upload a larger one.",
    "throttled": "more calls at once, or in a second, than the API allows; try again in a moment.",
    "unavailable": "the call reached no function; try again in a moment.",
    "timed_out": "API Gateway waits for 29 s; try again.",
}
_CUT_OFF = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.WriteError)
_MAX_TEXT = 300


def read_answer(call: str, response: httpx.Response) -> Answer:
    """Return the answer to a call.

    Args:
        call: the call, such as `classification`.
        response: its response.

    Raises:
        WarmlensApiError: the API or its gateway refused the call.
        UnexpectedAnswerError: the answer is not the API's.
    """
    try:
        answer = Answer(call, response)
        if response.is_success:
            return answer
        raise WarmlensApiError(*_code_and_message(call, response, answer), response.status_code)
    except AnswerError as error:
        error.retry_after_s = _retry_after_s(response)
        raise


def check_stored(response: httpx.Response) -> None:
    """Check S3's answer to an upload.

    Args:
        response: the answer.

    Raises:
        UploadError: `upload_redirected`: S3 has the bucket at another address; `upload_refused`:
            the photo was not stored for another reason.
    """
    if response.is_redirect:
        raise UploadError(
            "upload_redirected",
            f"{response.url.host} sent the upload elsewhere, so the photo was not stored: the API "
            "must sign uploads for the address of the bucket's region; deploy it again.",
            response.status_code,
        )
    if not response.is_success:
        error = UploadError(
            "upload_refused",
            f"S3 did not store the upload ({response.status_code}): {response.text[:_MAX_TEXT]}",
            response.status_code,
        )
        error.retry_after_s = _retry_after_s(response)
        raise error


def may_be_repeated(error: AnswerError | httpx.RequestError) -> bool:
    """Return whether another try may succeed.

    All calls may be repeated: a second upload or deletion of the same key does no harm.
    Not repeated are calls that would fail again (a used-up quota, a certificate that is not
    trusted) and those whose time is over.
    """
    if isinstance(error, AnswerError):
        may_pass = error.status in (429, 502, 503, 504) or error.code == "unavailable"
        return may_pass and error.code != "quota_exceeded"
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error)):
        return False
    return isinstance(error, (*_CUT_OFF, httpx.RemoteProtocolError))


def _code_and_message(call: str, response: httpx.Response, answer: Answer) -> tuple[str, str]:
    default = f"{call} returned {response.status_code}."
    error = answer.fields.get("error")
    if isinstance(error, dict):
        return _text(error.get("code"), "refused"), _text(error.get("message"), default)
    # {"Message": ...} is what Lambda's own front doors answer.
    message = answer.fields.get("message") or answer.fields.get("Message")
    if not isinstance(message, str):
        return "refused", default
    code = _CODES.get(response.status_code, "refused")
    advice = _ADVICE.get(code)
    return code, message if advice is None else f"{message}: {advice}"


def _text(value: Any, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _retry_after_s(response: httpx.Response) -> float | None:
    """Return the header Retry-After, which has seconds or a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
