"""The web stack: the page and the API under one domain, behind CloudFront."""

import json

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as s3_deployment
from constructs import Construct

from stacks.api import ApiStack
from stacks.constructs.bucket import private_bucket
from stacks.constructs.function import log_group
from stacks.constructs.output import output
from stacks.constructs.paths import WEB
from stacks.constructs.web_acl import PAGE_HEADER, VIEWER_HEADER
from stacks.page import page_configuration, page_documents
from stacks.policies import acknowledge, objects_finding
from stacks.settings import Settings

_CALLS = ("classification", "wakeup", "model", "uploads")
_YEAR_S = 31_536_000
_VIEWER_FUNCTION = f"""function handler(event) {{
  event.request.headers["{VIEWER_HEADER}"] = {{ value: event.viewer.ip }};
  return event.request;
}}
"""


class WebStack(cdk.Stack):
    """A stack with a private bucket for the page, and a CloudFront distribution for page and API.

    Args:
        settings: settings of the environment.
        api: its API.
        images: bucket that the page uploads to.
        access_logs: bucket for access logs; None keeps none.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        api: ApiStack,
        images: s3.IBucket,
        access_logs: s3.IBucket | None,
    ) -> None:
        super().__init__(scope, construct_id)
        bucket = private_bucket(
            self, "Page", settings=settings, versioned=True, access_logs=access_logs
        )
        headers = self._headers(settings, images)
        call = cloudfront.BehaviorOptions(
            origin=api.origin(
                read_timeout=cdk.Duration.seconds(30),
                custom_headers={PAGE_HEADER: api.page_token},
            ),
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            response_headers_policy=headers,
            function_associations=self._viewer_functions(settings),
        )
        certificate = None
        if settings.web_certificate_arn is not None:
            certificate = acm.Certificate.from_certificate_arn(
                self, "Certificate", settings.web_certificate_arn
            )
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=settings.physical_name("page"),
            default_root_object="index.html",
            domain_names=[settings.web_domain] if settings.web_domain else None,
            certificate=certificate,
            # CloudFront's own certificate sets its own minimum version.
            minimum_protocol_version=(
                cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if certificate else None
            ),
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(
                    bucket, origin_access_control=self._access_control(settings)
                ),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=headers,
                compress=True,
            ),
            additional_behaviors={f"/{name}": call for name in _CALLS},
        )
        self._deploy_page(bucket, distribution, settings)
        self._acknowledge(distribution, settings)
        domain = settings.web_domain or distribution.distribution_domain_name
        output(self, "WebUrl", f"https://{domain}", settings=settings)
        output(self, "WebDomainTarget", distribution.distribution_domain_name, settings=settings)

    def _acknowledge(self, distribution: cloudfront.Distribution, settings: Settings) -> None:
        findings = {
            "AwsSolutions-CFR1": "The page is for users anywhere.",
            "AwsSolutions-CFR2": "The page is static files; the API has a web ACL itself.",
            "AwsSolutions-CFR3": (
                "CloudFront logs into buckets with access lists only, which no bucket here has. "
                "The API logs each call, and the bucket each file that is fetched."
            ),
        }
        if settings.web_domain is None:
            findings["AwsSolutions-CFR4"] = "CloudFront's own certificate sets the lowest version."
        acknowledge(distribution, findings)

    def _access_control(self, settings: Settings) -> cloudfront.IOriginAccessControl:
        # CDK's own name has no region, like some of other kinds (aws-cdk issue 34336).
        return cloudfront.S3OriginAccessControl(
            self,
            "PageAccess",
            origin_access_control_name=settings.physical_name("page", region=self.region),
        )

    def _viewer_functions(self, settings: Settings) -> list[cloudfront.FunctionAssociation]:
        if settings.api == "http":  # which takes no web ACL
            return []
        function = cloudfront.Function(
            self,
            "Viewer",
            function_name=settings.physical_name("viewer", region=self.region),
            comment="Tells the web ACL behind it the viewer's address, which it cannot see.",
            runtime=cloudfront.FunctionRuntime.JS_2_0,
            code=cloudfront.FunctionCode.from_inline(_VIEWER_FUNCTION),
        )
        return [
            cloudfront.FunctionAssociation(
                function=function, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
            )
        ]

    def _headers(self, settings: Settings, images: s3.IBucket) -> cloudfront.ResponseHeadersPolicy:
        # The address that the uploads function signs for.
        uploads = f"https://{images.bucket_name}.s3.{self.region}.{self.url_suffix}"
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
            f"connect-src 'self' {uploads}; worker-src 'self'; "
            "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            response_headers_policy_name=settings.physical_name("page", region=self.region),
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=policy, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=cdk.Duration.seconds(_YEAR_S),
                    include_subdomains=True,
                    override=True,
                ),
            ),
        )

    def _deploy_page(
        self, bucket: s3.Bucket, distribution: cloudfront.Distribution, settings: Settings
    ) -> None:
        documents = page_documents()
        configuration = {
            "model_name": settings.model_name,
            "model_version": settings.model_version,
            **page_configuration(settings),
            "cards": [name.removeprefix("cards/") for name in documents if "/" in name],
            "photos_kept": _photos_kept(settings.image_expiry_days),
        }
        deployment = s3_deployment.BucketDeployment(
            self,
            "Files",
            destination_bucket=bucket,
            sources=[
                s3_deployment.Source.asset(str(WEB)),
                s3_deployment.Source.data("configuration.json", json.dumps(configuration)),
                *(
                    # With the mark by which browsers know UTF-8.
                    s3_deployment.Source.data(name, "\ufeff" + path.read_text(encoding="utf-8"))
                    for name, path in documents.items()
                ),
            ],
            # Browsers revalidate each file, so old and new ones never mix.
            cache_control=[s3_deployment.CacheControl.from_string("no-cache")],
            distribution=distribution,
            distribution_paths=["/*"],
            memory_limit=512,
            log_group=log_group(self, "FilesLogs", settings=settings),
        )
        partition = "<AWS::Partition>" if settings.region is None else "aws"
        place = f"{settings.account or '<AWS::AccountId>'}-{settings.region or '<AWS::Region>'}"
        assets = f"arn:{partition}:s3:::cdk-hnb659fds-assets-{place}/*"
        basic = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        copies = (
            "CDK's own function, which runs in a deploy only: it copies the page to its bucket."
        )
        findings = {
            "AwsSolutions-L1": copies,
            "Serverless-LambdaLatestVersion": copies,
            "Serverless-LambdaDLQ": copies,
            "Serverless-LambdaTracing": copies,
            f"AwsSolutions-IAM4[Policy::{basic}]": copies,
            "AwsSolutions-IAM5[Resource::*]": f"{copies} It then invalidates CloudFront's cache.",
            f"AwsSolutions-IAM5[Resource::{assets}]": f"{copies} It reads CDK's assets.",
            objects_finding(self, bucket, ""): copies,
        }
        for action in ("GetBucket", "GetObject", "List", "Abort", "DeleteObject"):
            findings[f"AwsSolutions-IAM5[Action::s3:{action}*]"] = copies
        function = deployment.handler_role.node.scope
        assert function is not None
        acknowledge(function, findings)


def _photos_kept(days: int | None) -> str:
    """Return for how long uploaded photos are kept, as the page says it."""
    if days is None:
        return "until it is deleted"
    return "for a day" if days == 1 else f"for {days} days"
