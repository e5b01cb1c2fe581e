"""The API stack with an HTTP API of API Gateway."""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_lambda as lambda_

from stacks.api import CORS_HEADERS, CORS_METHODS, STAGE_NAME, ApiStack
from stacks.constructs.call_records import access_log_format, access_log_group
from stacks.policies import acknowledge

_ACCESS_LOG_FIELDS = {"path": "$context.routeKey"}
"""The path is the route's key, `POST /classification`: a request's own could be anything."""


class HttpApiStack(ApiStack):
    """A regional HTTP API in front of the classifier and the uploads function.

    It passes each request on in payload format 2.0 and checks no body: the functions do.
    """

    def _add_api(self, classifier: lambda_.IFunction) -> None:
        settings = self._settings
        self.metrics = self.http_api = apigatewayv2.HttpApi(
            self,
            "HttpApi",
            api_name=settings.physical_name("api"),
            create_default_stage=False,
            cors_preflight=self._preflight(),
        )
        authorizer = self._authorizer()
        method = apigatewayv2.HttpMethod
        calls = (
            ("classification", classifier, [method.POST]),
            ("wakeup", classifier, [method.POST]),
            ("model", classifier, [method.GET]),
            ("uploads", self.uploads, [method.POST, method.DELETE]),
        )
        routes = [
            route
            for name, function, methods in calls
            for route in self.http_api.add_routes(
                path=f"/{name}",
                methods=methods,
                integration=integrations.HttpLambdaIntegration(f"{name}Call", function),
                authorizer=authorizer,
            )
        ]
        self._add_stage(routes)
        self._add_outputs(self.http_api.api_id, STAGE_NAME)

    def origin(
        self, *, read_timeout: cdk.Duration, custom_headers: dict[str, str]
    ) -> cloudfront.IOrigin:
        """Return the API's stage as an origin of a CloudFront distribution."""
        return origins.HttpOrigin(
            self._host(self.http_api.api_id),
            origin_path=f"/{STAGE_NAME}",
            read_timeout=read_timeout,
            custom_headers=custom_headers,
        )

    def _authorizer(self) -> apigatewayv2.IHttpRouteAuthorizer:
        settings = self._settings
        if settings.auth == "iam":
            return authorizers.HttpIamAuthorizer()
        if settings.auth == "jwt":
            assert settings.jwt_issuer is not None  # the settings check it
            return authorizers.HttpJwtAuthorizer(
                "Tokens",
                settings.jwt_issuer,
                jwt_audience=list(settings.jwt_audience),
                authorizer_name=settings.physical_name("tokens"),
            )
        finding = {"AwsSolutions-APIG4": "The settings open the API to anyone."}
        acknowledge(self.http_api, finding)
        return apigatewayv2.HttpNoneAuthorizer()

    def _add_stage(self, routes: list[apigatewayv2.HttpRoute]) -> None:
        settings = self._settings
        stage = apigatewayv2.HttpStage(
            self,
            "Stage",
            http_api=self.http_api,
            stage_name=STAGE_NAME,
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(
                rate_limit=settings.throttle_rate_rps, burst_limit=settings.throttle_burst
            ),
        )
        resource = stage.node.default_child
        assert isinstance(resource, apigatewayv2.CfnStage)
        if settings.access_logs:
            resource.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
                destination_arn=access_log_group(self, settings=settings).log_group_arn,
                format=access_log_format(_ACCESS_LOG_FIELDS),
            )
        else:
            asked = "The settings ask for none."
            rules = ("AwsSolutions-APIG1", "Serverless-APIGWAccessLogging")
            acknowledge(stage, dict.fromkeys(rules, asked))
        resource.route_settings = {
            # These may start an instance without a photo, and an upload is stored.
            "POST /wakeup": _limited(settings.throttle_wakeup_rps),
            "GET /model": _limited(settings.throttle_wakeup_rps),
            "POST /uploads": _limited(settings.throttle_uploads_rps),
            "DELETE /uploads": _limited(settings.throttle_uploads_rps),
        }
        # A stage has settings only for routes that exist.
        stage.node.add_dependency(*routes)

    def _preflight(self) -> apigatewayv2.CorsPreflightOptions | None:
        if not self._settings.cors_origins:
            return None
        return apigatewayv2.CorsPreflightOptions(
            allow_origins=list(dict.fromkeys(self._settings.cors_origins)),
            allow_methods=[apigatewayv2.CorsHttpMethod(each) for each in CORS_METHODS],
            allow_headers=CORS_HEADERS,
            max_age=cdk.Duration.hours(1),
        )


def _limited(rate_rps: int) -> dict[str, int]:
    return {"ThrottlingRateLimit": rate_rps, "ThrottlingBurstLimit": rate_rps}
