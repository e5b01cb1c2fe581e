"""The HTTP API: the paper's two calls, and the signing of uploads."""

import json
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks import api_schema
from stacks.constructs.output import output
from stacks.constructs.uploads import UploadsFunction
from stacks.settings import Settings

_SCHEMA_HINT = (
    "The body is not what this call takes: "
    "method and file_path for /classification, method and sleep_time for /wakeup, "
    "content_type and bytes for /uploads."
)


@dataclass(frozen=True)
class _GatewayError:
    """How the gateway answers what never reaches a function; None leaves it to the gateway."""

    kind: apigateway.ResponseType
    status: str | None
    code: str
    message: str | None = None


_GATEWAY_ERRORS = {
    "BadRequestBody": _GatewayError(
        apigateway.ResponseType.BAD_REQUEST_BODY, "400", "invalid_request", _SCHEMA_HINT
    ),
    "NotFound": _GatewayError(
        apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN,
        "404",
        "no_such_call",
        "There is no such call.",
    ),
    "Throttled": _GatewayError(apigateway.ResponseType.THROTTLED, "429", "throttled"),
    "QuotaExceeded": _GatewayError(apigateway.ResponseType.QUOTA_EXCEEDED, "429", "throttled"),
    "TooLarge": _GatewayError(
        apigateway.ResponseType.REQUEST_TOO_LARGE, "413", "request_too_large"
    ),
    "UnsupportedType": _GatewayError(
        apigateway.ResponseType.UNSUPPORTED_MEDIA_TYPE, "415", "unsupported_type"
    ),
    "Timeout": _GatewayError(apigateway.ResponseType.INTEGRATION_TIMEOUT, "504", "timed_out"),
    "Integration": _GatewayError(apigateway.ResponseType.INTEGRATION_FAILURE, "503", "unavailable"),
    "Default4xx": _GatewayError(apigateway.ResponseType.DEFAULT_4_XX, None, "refused"),
    "Default5xx": _GatewayError(apigateway.ResponseType.DEFAULT_5_XX, None, "unavailable"),
}


class ApiStack(cdk.Stack):
    """A regional REST API in front of the classifier and the uploads function.

    Args:
        settings: the environment.
        classifier: the classifier's alias.
        images: bucket that uploads are signed for.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        classifier: lambda_.IFunction,
        images: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        uploads = UploadsFunction(self, "Uploads", settings=settings, images=images)
        self._api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=settings.physical_name("api"),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name="v1",
                throttling_rate_limit=settings.throttle_rate_rps,
                throttling_burst_limit=settings.throttle_burst,
            ),
        )
        self._validator = self._api.add_request_validator("Body", validate_request_body=True)
        self._add_call("classification", classifier, api_schema.CLASSIFICATION_REQUEST)
        self._add_call("wakeup", classifier, api_schema.WAKEUP_REQUEST)
        self._add_call("uploads", uploads.function, api_schema.UPLOADS_REQUEST)
        for construct_id_, error in _GATEWAY_ERRORS.items():
            self._api.add_gateway_response(
                construct_id_,
                type=error.kind,
                status_code=error.status,
                templates={"application/json": _error_template(error)},
            )
        output(self, "ApiUrl", self._api.url, settings=settings)
        output(self, "ApiId", self._api.rest_api_id, settings=settings)

    def _add_call(self, name: str, function: lambda_.IFunction, request: api_schema.Schema) -> None:
        model = apigateway.CfnModel(
            self,
            request["title"],
            rest_api_id=self._api.rest_api_id,
            name=request["title"],
            content_type="application/json",
            schema={"$schema": "http://json-schema.org/draft-04/schema#", **request},
        )
        self._api.root.add_resource(name).add_method(
            "POST",
            apigateway.LambdaIntegration(function, allow_test_invoke=False),
            request_models={
                "application/json": apigateway.Model.from_model_name(
                    self, f"{name}Model", model.ref
                )
            },
            request_validator=self._validator,
        )


def _error_template(error: _GatewayError) -> str:
    # Not processed by VTL; messageString is the gateway's message as a quoted JSON string.
    message = json.dumps(error.message) if error.message else "$context.error.messageString"
    return f'{{"error": {{"code": "{error.code}", "message": {message}}}}}'
