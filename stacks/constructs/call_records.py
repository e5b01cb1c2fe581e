"""Records of the API's calls: the access log, and traces of a share of them."""

import hashlib
import json
from collections.abc import Mapping

from aws_cdk import aws_logs as logs
from aws_cdk import aws_xray as xray
from constructs import Construct

from stacks.constructs.function import log_group
from stacks.settings import Settings

_FIELDS = {
    "message": "access",
    "request_id": "$context.requestId",
    "ip": "$context.identity.sourceIp",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "latency_ms": "$context.responseLatency",
    "function_ms": "$context.integration.latency",
    "bytes": "$context.responseLength",
}
"""CloudWatch bills each byte, and has the time of each line itself."""


def access_log_format(more: Mapping[str, str]) -> str:
    """Return the format of the access log, with fields that one kind of API has."""
    return json.dumps({**_FIELDS, **more}, separators=(",", ":"))


def access_log_group(scope: Construct, *, settings: Settings) -> logs.LogGroup:
    """Create the access log's group, of the class that costs half and has queries but no metrics.

    A group's class cannot change, so the group has another id than in versions before.
    """
    return log_group(scope, "CallLog", settings=settings, infrequent=True)


def trace_few(scope: Construct, *, settings: Settings, service: str) -> None:
    """Create the rule that has X-Ray trace a share of the calls that the API begins.

    Source: AWS X-Ray developer guide, "Configuring sampling rules".

    Args:
        settings: settings of the environment.
        service: the API's name and its stage's.
    """
    # An account's rules are applied in the order of their priorities, which must differ.
    priority = 1 + int(hashlib.sha256(service.encode()).hexdigest(), 16) % 9_000
    xray.CfnSamplingRule(
        scope,
        "Traces",
        sampling_rule=xray.CfnSamplingRule.SamplingRuleProperty(
            rule_name=settings.physical_name("api"),
            priority=priority,
            fixed_rate=settings.traced_share,
            reservoir_size=0,
            service_name=service,
            service_type="AWS::ApiGateway::Stage",
            host="*",
            http_method="*",
            url_path="*",
            resource_arn="*",
            version=1,
        ),
    )
