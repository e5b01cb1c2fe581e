"""The products of AWS's price list behind each price, by service and usage type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from warmlens.errors import WarmlensError

PREFIXES: dict[str, tuple[str, ...]] = {
    "us-east-1": ("", "USE1-"),
    "eu-west-1": ("EU-", "EUW1-"),
    "ap-northeast-2": ("APN2-",),
}
"""Beginnings of a region's usage types: `USE1-ApiGatewayRequest`, but `Lambda-GB-Second`."""
VIEWERS = {"us-east-1": "US-", "eu-west-1": "EU-", "ap-northeast-2": "AP-"}
"""CloudFront's groups of edge locations that are nearest to a region."""
EC2 = "AmazonEC2"
BASE_URL = "https://pricing.us-east-1.amazonaws.com"


@dataclass(frozen=True)
class Product:
    """A product of AWS's price list.

    Attributes:
        service: AWS's code of the service, as in the address of its list.
        usage_types: any of its usage types, with the region's prefix.
        where: further columns of its rows, with their values.
        of_region: whether the list of the region has it, else that of all regions.
    """

    service: str
    usage_types: frozenset[str]
    where: Mapping[str, str] = field(default_factory=dict)
    of_region: bool = True


_REGIONAL: dict[str, tuple[str, str]] = {
    "lambda_x86_per_gb_s": ("AWSLambda", "Lambda-GB-Second"),
    "lambda_arm_per_gb_s": ("AWSLambda", "Lambda-GB-Second-ARM"),
    "lambda_per_request": ("AWSLambda", "Request"),
    "provisioned_x86_per_gb_s": ("AWSLambda", "Lambda-Provisioned-Concurrency"),
    "provisioned_arm_per_gb_s": ("AWSLambda", "Lambda-Provisioned-Concurrency-ARM"),
    "provisioned_duration_x86_per_gb_s": ("AWSLambda", "Lambda-Provisioned-GB-Second"),
    "provisioned_duration_arm_per_gb_s": ("AWSLambda", "Lambda-Provisioned-GB-Second-ARM"),
    "snapstart_cache_per_gb_s": ("AWSLambda", "Lambda-SnapStart-Cached-GB-S"),
    "snapstart_restore_per_gb": ("AWSLambda", "Lambda-SnapStart-Restored-GB"),
    "rest_api_per_request": ("AmazonApiGateway", "ApiGatewayRequest"),
    "http_api_per_request": ("AmazonApiGateway", "ApiGatewayHttpRequest"),
    "s3_per_get": ("AmazonS3", "Requests-Tier2"),
    "s3_per_put": ("AmazonS3", "Requests-Tier1"),
    "s3_per_gb_month": ("AmazonS3", "TimedStorage-ByteHrs"),
    "ecr_per_gb_month": ("AmazonECR", "TimedStorage-ByteHrs"),
    "logs_per_gb": ("AmazonCloudWatch", "DataProcessing-Bytes"),
    "logs_storage_per_gb_month": ("AmazonCloudWatch", "TimedStorage-ByteHrs"),
    "infrequent_logs_per_gb": ("AmazonCloudWatch", "DataProcessingIA-Bytes"),
    "metric_per_month": ("AmazonCloudWatch", "CW:MetricMonitorUsage"),
    "metric_per_read": ("AmazonCloudWatch", "CW:GMD-Metrics"),
    "alarm_per_month": ("AmazonCloudWatch", "CW:AlarmMonitorUsage"),
    "waf_per_request": ("awswaf", "RequestV2-Tier1"),
    "waf_acl_per_month": ("awswaf", "WebACLV2"),
    "waf_rule_per_month": ("awswaf", "RuleV2"),
    "efs_per_gb_month": ("AmazonEFS", "TimedStorage-ByteHrs"),
    "efs_read_per_gb": ("AmazonEFS", "ETDataAccess-Bytes"),
    "xray_per_trace": ("AWSXRay", "XRay-TracesStored"),
    "data_out_per_gb": ("AWSDataTransfer", "DataTransfer-Out-Bytes"),
    "scheduler_per_invocation": ("AWSEvents", "ScheduledInvocation"),
    "step_functions_per_transition": ("AmazonStates", "StateTransition"),
    "step_functions_express_per_request": ("AmazonStates", "StepFunctions-Request"),
    "step_functions_express_per_gb_s": ("AmazonStates", "StepFunctions-GB-Second"),
    "fargate_x86_per_vcpu_h": ("AmazonECS", "Fargate-vCPU-Hours:perCPU"),
    "fargate_x86_per_gb_h": ("AmazonECS", "Fargate-GB-Hours"),
    "ec2_c7i_large_per_h": (EC2, "BoxUsage:c7i.large"),
    "ec2_c7g_large_per_h": (EC2, "BoxUsage:c7g.large"),
    "ec2_t3_medium_per_h": (EC2, "BoxUsage:t3.medium"),
    "alb_per_h": ("AWSELB", "LoadBalancerUsage"),
    "alb_per_lcu_h": ("AWSELB", "LCUUsage"),
}
"""Usage types without the prefix, as public copies of the list and tools that read it name them
(the sources in the files of prices; infracost/infracost, internal/resources/aws)."""
_WHERE: dict[str, dict[str, str]] = {
    EC2: {
        "Operating System": "Linux",
        "Tenancy": "Shared",
        "Pre Installed S/W": "NA",
        "CapacityStatus": "Used",
    },
    "AWSELB": {"operation": "LoadBalancing:Application"},
    "efs_read_per_gb": {"Access Type": "Read"},
}
"""Columns that tell apart products of one usage type, by service or price."""


def products(region: str) -> dict[str, Product]:
    """Return the product of each price of a region.

    Raises:
        WarmlensError: the region's usage types are not known.
    """
    if region not in PREFIXES:
        known = ", ".join(sorted(PREFIXES))
        why = f"no usage types for the region {region}: known are those of {known}"
        raise WarmlensError("unknown_region", why)
    return dict(_products(region))


def _products(region: str) -> Iterator[tuple[str, Product]]:
    for name, (service, usage) in _REGIONAL.items():
        usage_types = frozenset(prefix + usage for prefix in PREFIXES[region])
        where = _WHERE.get(name) or _WHERE.get(service) or {}
        yield name, Product(service, usage_types, where)
    viewers = VIEWERS[region]
    for name, service, usage in (
        ("dashboard_per_month", "AmazonCloudWatch", "DashboardsUsageHour"),
        ("cloudfront_per_request", "AmazonCloudFront", f"{viewers}Requests-HTTPS-Proxy"),
        ("cloudfront_per_gb", "AmazonCloudFront", f"{viewers}DataTransfer-Out-Bytes"),
        ("cloudfront_function_per_call", "AmazonCloudFront", "Executions-CloudFrontFunctions"),
    ):
        yield name, Product(service, frozenset([usage]), of_region=False)
