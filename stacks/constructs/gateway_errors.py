"""API Gateway's own error responses, in the format of the API's errors."""

import json
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

from stacks.settings import Settings

_SCHEMA_HINT = (
    "The body is not a JSON object with the fields that this call needs: "
    "method for /classification and for /wakeup, bytes for /uploads."
)


@dataclass(frozen=True)
class GatewayError:
    """An error response of API Gateway.

    Attributes:
        kind: type of the gateway's response.
        status: HTTP status; None takes the gateway's own.
        code: error code for programs.
        message: message for people; None takes the gateway's own.
    """

    kind: apigateway.ResponseType
    status: str | None
    code: str
    message: str | None = None

    @property
    def template(self) -> str:
        """The response's body; `messageString` is the gateway's own message in quotes."""
        message = json.dumps(self.message) if self.message else "$context.error.messageString"
        return f'{{"error": {{"code": "{self.code}", "message": {message}}}}}'


_KIND = apigateway.ResponseType
_CALLS = (
    "The calls are POST /classification, POST /wakeup, GET /model, POST /uploads and "
    "DELETE /uploads."
)
_NO_SUCH_CALL = GatewayError(
    _KIND.MISSING_AUTHENTICATION_TOKEN, "404", "no_such_call", f"There is no such call. {_CALLS}"
)
# With IAM the gateway's answer is the same for unsigned calls and for unknown ones.
_NOT_SIGNED = GatewayError(
    _KIND.MISSING_AUTHENTICATION_TOKEN,
    "403",
    "not_signed",
    f"The request is not signed with AWS Signature Version 4, or there is no such call. {_CALLS}",
)
_ERRORS = {
    "BadRequestBody": GatewayError(_KIND.BAD_REQUEST_BODY, "400", "invalid_request", _SCHEMA_HINT),
    "BadRequestParameters": GatewayError(
        _KIND.BAD_REQUEST_PARAMETERS,
        "400",
        "invalid_request",
        "The query's file_path or the header x-delete-token is missing.",
    ),
    "InvalidApiKey": GatewayError(
        _KIND.INVALID_API_KEY,
        "403",
        "invalid_api_key",
        "The header x-api-key with a key of this environment is missing or wrong.",
    ),
    "Throttled": GatewayError(
        _KIND.THROTTLED,
        "429",
        "throttled",
        "More requests at once, or in a second, than the API allows (throttle_rate_rps, "
        "throttle_burst; fewer uploads and wakeups). Try again in a moment.",
    ),
    "QuotaExceeded": GatewayError(
        _KIND.QUOTA_EXCEEDED,
        "429",
        "quota_exceeded",
        "All calls that this environment's key has for the day (daily_quota) are used; try again "
        "tomorrow.",
    ),
    "TooLarge": GatewayError(
        _KIND.REQUEST_TOO_LARGE,
        "413",
        "request_too_large",
        "The request is too large: a photo in it may have 4.4 MB. Ask /uploads where to upload a "
        "larger one.",
    ),
    "UnsupportedType": GatewayError(_KIND.UNSUPPORTED_MEDIA_TYPE, "415", "unsupported_type"),
    "Blocked": GatewayError(
        _KIND.WAF_FILTERED,
        "403",
        "blocked",
        "The web application firewall refused the request: it is harmful, or this address has sent "
        "too many in five minutes (waf_requests_per_5_min). Wait five minutes and try again.",
    ),
    "Timeout": GatewayError(
        _KIND.INTEGRATION_TIMEOUT,
        "504",
        "timed_out",
        "The function has not answered within 29 s, the limit of API Gateway. Try again.",
    ),
    "Integration": GatewayError(_KIND.INTEGRATION_FAILURE, "503", "unavailable"),
    "Default4xx": GatewayError(_KIND.DEFAULT_4_XX, None, "refused"),
    "Default5xx": GatewayError(_KIND.DEFAULT_5_XX, None, "unavailable"),
}


def add_gateway_errors(api: apigateway.RestApi, *, settings: Settings) -> None:
    """Format all errors of API Gateway as `{"error": {"code", "message"}}`."""
    missing = _NOT_SIGNED if settings.auth == "iam" else _NO_SUCH_CALL
    # Errors have no private data, so pages of any origin may read them.
    headers = {"Access-Control-Allow-Origin": "'*'"} if settings.cors_origins else None
    for construct_id, error in {"NotFound": missing, **_ERRORS}.items():
        api.add_gateway_response(
            construct_id,
            type=error.kind,
            status_code=error.status,
            templates={"application/json": error.template},
            response_headers=headers,
        )
