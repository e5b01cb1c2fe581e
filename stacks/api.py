"""The API stack of either kind of API, and what other stacks need of it."""

import json
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.output import output
from stacks.constructs.uploads import UploadsFunction
from stacks.page import page_configuration
from stacks.settings import Settings

STAGE_NAME = "v1"
CORS_HEADERS = [
    *("Content-Type", "X-Api-Key", "Authorization", "X-Amz-Date", "X-Amz-Security-Token"),
    "X-Delete-Token",
]
CORS_METHODS = ["GET", "POST", "DELETE"]


class ApiMetrics(Protocol):
    """CloudWatch metrics of an API; REST and HTTP APIs name them differently."""

    def metric_count(
        self,
        *,
        period: cdk.Duration | None = None,
        statistic: str | None = None,
        label: str | None = None,
    ) -> cloudwatch.Metric:
        """Return the metric of all requests."""

    def metric_client_error(
        self,
        *,
        period: cdk.Duration | None = None,
        statistic: str | None = None,
        label: str | None = None,
    ) -> cloudwatch.Metric:
        """Return the metric of answers with a 4xx."""

    def metric_server_error(
        self,
        *,
        period: cdk.Duration | None = None,
        statistic: str | None = None,
        label: str | None = None,
    ) -> cloudwatch.Metric:
        """Return the metric of answers with a 5xx."""


class ApiStack(cdk.Stack):
    """An API in front of the classifier and the uploads function.

    The two kinds are `RestApiStack` and `HttpApiStack`.

    Args:
        settings: settings of the environment.
        classifier: the classifier's alias.
        images: bucket for uploads.

    Attributes:
        metrics: the API's metrics.
        uploads: the function that signs uploads.
        page_token: value of the header by which the page's CloudFront distribution is recognized.
    """

    metrics: ApiMetrics

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
        self._settings = settings
        uploads = UploadsFunction(
            self, "Uploads", settings=settings, images=images, classifier=classifier
        )
        self.uploads = uploads.function
        # The last part of the stack's id, which is not known outside the account. The added slash
        # makes it text to cfn-lint also where another stack reads it (E1017).
        self.page_token = cdk.Fn.select(2, cdk.Fn.split("/", f"{self.stack_id}/"))
        self._add_api(classifier)

    def _add_api(self, classifier: lambda_.IFunction) -> None:
        """Add the API, its stage and its outputs, and set `metrics`."""
        raise NotImplementedError

    def origin(
        self, *, read_timeout: cdk.Duration, custom_headers: dict[str, str]
    ) -> cloudfront.IOrigin:
        """Return the API's stage as an origin of a CloudFront distribution.

        Args:
            read_timeout: time that CloudFront waits for an answer.
            custom_headers: headers that CloudFront adds.
        """
        raise NotImplementedError

    def _host(self, api_id: str) -> str:
        return f"{api_id}.execute-api.{self.region}.{self.url_suffix}"

    def _add_outputs(self, api_id: str, stage: str) -> None:
        settings = self._settings
        # Without the trailing slash, so that a call is `$API_URL/classification`.
        output(self, "ApiUrl", f"https://{self._host(api_id)}/{stage}", settings=settings)
        output(self, "ApiId", api_id, settings=settings)
        output(self, "ApiKind", settings.api, settings=settings)
        output(self, "ApiAuth", settings.auth, settings=settings)
        output(self, "WakeAhead", "yes" if settings.wakes_ahead else "no", settings=settings)
        configuration = json.dumps(page_configuration(settings))
        output(self, "PageConfiguration", configuration, settings=settings)
