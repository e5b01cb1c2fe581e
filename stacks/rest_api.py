"""The API stack with a REST API of API Gateway."""

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_lambda as lambda_

from stacks import api_schema
from stacks.api import CORS_HEADERS, CORS_METHODS, STAGE_NAME, ApiStack
from stacks.constructs.bucket import data_policy
from stacks.constructs.call_records import access_log_format, access_log_group, trace_few
from stacks.constructs.function import log_group
from stacks.constructs.gateway_errors import add_gateway_errors
from stacks.constructs.output import output
from stacks.constructs.web_acl import WebAcl
from stacks.policies import acknowledge
from stacks.settings import Settings

BINARY_TYPES = (
    *api_schema.PHOTO_TYPES,
    *("image/jpg", "image/heic", "image/heif", "image/avif", "image/tiff", "image/bmp"),
    "application/octet-stream",
    "application/x-www-form-urlencoded",
)
"""The types whose bodies reach the functions as they are. The classifier reads photos by their
bytes; the last is the type that curl names where its caller names none."""

_AUTHORIZATION = {
    "none": apigateway.AuthorizationType.NONE,
    "api_key": apigateway.AuthorizationType.NONE,
    "iam": apigateway.AuthorizationType.IAM,
}
_ACCESS_LOG_FIELDS = {
    "path": "$context.resourcePath",
    "waf": "$context.waf.status",
    "api_key_id": "$context.identity.apiKeyId",
}


class RestApiStack(ApiStack):
    """A regional REST API in front of the classifier and the uploads function."""

    def _add_api(self, classifier: lambda_.IFunction) -> None:
        settings = self._settings
        self.metrics = self.rest_api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=settings.physical_name("api"),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=list(BINARY_TYPES),
            # API Gateway has one role for logs per account and region.
            cloud_watch_role=settings.access_logs,
            cloud_watch_role_removal_policy=data_policy(settings) if settings.access_logs else None,
            default_cors_preflight_options=self._preflight(),
            deploy_options=self._stage_options(),
        )
        if settings.access_logs:
            self._own_execution_log()
        self._validator = self.rest_api.add_request_validator(
            "Body", validate_request_body=True, validate_request_parameters=True
        )
        self._add_call("classification", classifier, api_schema.CLASSIFICATION_REQUEST)
        self._add_call("wakeup", classifier, api_schema.WAKEUP_REQUEST)
        self._add_method(self.rest_api.root.add_resource("model"), "GET", classifier)
        uploads_call = self._add_call("uploads", self.uploads, api_schema.UPLOADS_REQUEST)
        self._add_deletion(uploads_call)
        add_gateway_errors(self.rest_api, settings=settings)
        if settings.waf:
            WebAcl(
                self,
                "WebAcl",
                settings=settings,
                stage_arn=self.rest_api.deployment_stage.stage_arn,
                page_token=self.page_token,
            )
        if settings.tracing:
            service = f"{settings.physical_name('api')}/{STAGE_NAME}"
            trace_few(self, settings=settings, service=service)
        self._acknowledge()
        stage = self.rest_api.deployment_stage.stage_name
        self._add_outputs(self.rest_api.rest_api_id, stage)
        if settings.auth == "api_key":
            output(self, "ApiKeyId", self._add_key().key_id, settings=settings)

    def origin(
        self, *, read_timeout: cdk.Duration, custom_headers: dict[str, str]
    ) -> cloudfront.IOrigin:
        """Return the API's stage as an origin of a CloudFront distribution."""
        return origins.RestApiOrigin(
            self.rest_api, read_timeout=read_timeout, custom_headers=custom_headers
        )

    def _acknowledge(self) -> None:
        settings = self._settings
        not_asked = "The settings ask for none."
        findings = {
            "AwsSolutions-COG4": "Callers are programs, or a page with one key.",
        }
        if settings.auth == "none":
            findings["AwsSolutions-APIG4"] = "The settings open the API to anyone."
        if settings.auth == "api_key":
            findings["AwsSolutions-APIG4"] = "A key of a usage plan is asked for; docs/decisions."
        if not settings.waf:
            findings["AwsSolutions-APIG3"] = not_asked
        if settings.access_logs:
            policy = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
            findings[
                f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]"
            ] = "The account's one role for API Gateway's logs, as AWS documents it."
        else:
            findings["AwsSolutions-APIG1"] = not_asked
            findings["AwsSolutions-APIG6"] = not_asked
            findings["Serverless-APIGWAccessLogging"] = not_asked
        if not settings.tracing:
            findings["Serverless-APIGWXrayEnabled"] = not_asked
        acknowledge(self.rest_api, findings)

    def _own_execution_log(self) -> None:
        """Create the log group that API Gateway would create itself, and keep for ever.

        Its name is API Gateway's: developer guide, "Set up CloudWatch logging for REST APIs".
        """
        name = f"API-Gateway-Execution-Logs_{self.rest_api.rest_api_id}/{STAGE_NAME}"
        group = log_group(self, "ExecutionLogs", settings=self._settings, name=name)
        self.rest_api.deployment_stage.node.add_dependency(group)

    def _stage_options(self) -> apigateway.StageOptions:
        settings = self._settings
        destination = None
        if settings.access_logs:
            group = access_log_group(self, settings=settings)
            destination = apigateway.LogGroupLogDestination(group)
        return apigateway.StageOptions(
            stage_name=STAGE_NAME,
            throttling_rate_limit=settings.throttle_rate_rps,
            throttling_burst_limit=settings.throttle_burst,
            method_options={
                # These may start an instance without a photo, and an upload is stored.
                "/wakeup/POST": self._limited(settings.throttle_wakeup_rps),
                "/model/GET": self._limited(settings.throttle_wakeup_rps),
                "/uploads/POST": self._limited(settings.throttle_uploads_rps),
                "/uploads/DELETE": self._limited(settings.throttle_uploads_rps),
            },
            # Metrics of each call cost as custom ones, and nothing here reads them.
            metrics_enabled=False,
            tracing_enabled=settings.tracing,
            access_log_destination=destination,
            access_log_format=(
                apigateway.AccessLogFormat.custom(access_log_format(_ACCESS_LOG_FIELDS))
                if destination
                else None
            ),
            logging_level=_level(settings),
            data_trace_enabled=False,
        )

    def _limited(self, rate_rps: int) -> apigateway.MethodDeploymentOptions:
        return apigateway.MethodDeploymentOptions(
            throttling_rate_limit=rate_rps,
            throttling_burst_limit=rate_rps,
            metrics_enabled=False,
            logging_level=_level(self._settings),
            data_trace_enabled=False,
        )

    def _preflight(self) -> apigateway.CorsOptions | None:
        if not self._settings.cors_origins:
            return None
        return apigateway.CorsOptions(
            allow_origins=list(dict.fromkeys(self._settings.cors_origins)),
            allow_methods=CORS_METHODS,
            allow_headers=CORS_HEADERS,
            max_age=cdk.Duration.hours(1),
        )

    def _add_key(self) -> apigateway.IApiKey:
        settings = self._settings
        quota = None
        if settings.daily_quota is not None:
            quota = apigateway.QuotaSettings(
                limit=settings.daily_quota, period=apigateway.Period.DAY
            )
        plan = self.rest_api.add_usage_plan(
            "Plan",
            name=settings.physical_name("plan"),
            throttle=apigateway.ThrottleSettings(
                rate_limit=settings.throttle_rate_rps, burst_limit=settings.throttle_burst
            ),
            quota=quota,
        )
        plan.add_api_stage(stage=self.rest_api.deployment_stage)
        key = self.rest_api.add_api_key("Key", api_key_name=settings.physical_name("key"))
        plan.add_api_key(key)
        return key

    def _add_deletion(self, uploads: apigateway.Resource) -> None:
        places = {"query": "querystring", "header": "header"}
        self._add_method(
            uploads,
            "DELETE",
            self.uploads,
            request_parameters={
                f"method.request.{places[each['in']]}.{each['name']}": each["required"]
                for each in api_schema.DELETION_PARAMETERS
            },
            request_validator=self._validator,
        )

    def _add_call(
        self, name: str, function: lambda_.IFunction, request: api_schema.Schema
    ) -> apigateway.Resource:
        schema = {
            "$schema": "http://json-schema.org/draft-04/schema#",
            **api_schema.gateway_model(request),
        }
        model = apigateway.CfnModel(
            self,
            request["title"],
            rest_api_id=self.rest_api.rest_api_id,
            name=request["title"],
            content_type="application/json",
            schema=schema,
        )
        # The stage serves a deployment, a copy of the API. A change of a raw resource makes a new
        # one only if the deployment's id depends on it.
        deployment = self.rest_api.latest_deployment
        assert deployment is not None
        deployment.add_to_logical_id({"model": schema})
        deployment.node.add_dependency(model)
        resource = self.rest_api.root.add_resource(name)
        self._add_method(
            resource,
            "POST",
            function,
            request_models={
                "application/json": apigateway.Model.from_model_name(
                    self, f"{name}Model", model.ref
                )
            },
            request_validator=self._validator,
        )
        return resource

    def _add_method(
        self,
        resource: apigateway.Resource,
        method: str,
        function: lambda_.IFunction,
        *,
        request_models: dict[str, apigateway.IModel] | None = None,
        request_parameters: dict[str, bool] | None = None,
        request_validator: apigateway.IRequestValidator | None = None,
    ) -> None:
        resource.add_method(
            method,
            apigateway.LambdaIntegration(function, allow_test_invoke=False),
            authorization_type=_AUTHORIZATION[self._settings.auth],
            api_key_required=self._settings.auth == "api_key",
            request_models=request_models,
            request_parameters=request_parameters,
            request_validator=request_validator,
        )


def _level(settings: Settings) -> apigateway.MethodLoggingLevel:
    # At lower levels, execution logs would have each request's body.
    if settings.access_logs:
        return apigateway.MethodLoggingLevel.ERROR
    return apigateway.MethodLoggingLevel.OFF
