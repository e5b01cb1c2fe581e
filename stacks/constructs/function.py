"""Python functions from `lambda_src`, and the roles, logs and retries of all functions."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.network import Network
from stacks.constructs.paths import LAMBDA_SRC
from stacks.policies import acknowledge
from stacks.settings import Settings

RUNTIME = lambda_.Runtime.PYTHON_3_14

# Permissions of a function in a network; Lambda developer guide, "Giving Lambda functions access
# to resources in an Amazon VPC".
_NETWORK_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
}


def log_group(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    name: str | None = None,
    infrequent: bool = False,
) -> logs.LogGroup:
    """Create a log group that is deleted with its stack.

    Args:
        settings: settings of the environment.
        name: the log group's name, where AWS requires one.
        infrequent: True takes the class that costs half, without metrics from its lines.
    """
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=_RETENTION[settings.log_retention_days],
        removal_policy=cdk.RemovalPolicy.DESTROY,
        log_group_class=logs.LogGroupClass.INFREQUENT_ACCESS if infrequent else None,
    )


def add_provider_logs(stack: cdk.Stack, *, settings: Settings) -> None:
    """Create log groups for the functions of CDK's own custom resources in a stack.

    Lambda would create them itself, without an end, and they would outlive the stack.
    """
    for provider in stack.node.children:
        if provider.node.id.endswith("CustomResourceProvider"):
            function = provider.node.find_child("Handler")
            assert isinstance(function, cdk.CfnResource)
            group = log_group(stack, f"{provider.node.id}Logs", settings=settings)
            function.add_property_override("LoggingConfig", {"LogGroup": group.log_group_name})


def tracing(settings: Settings) -> lambda_.Tracing:
    """Return the tracing mode of functions, which follow what the API decides on."""
    return lambda_.Tracing.ACTIVE if settings.traced_share else lambda_.Tracing.DISABLED


def system_logs(settings: Settings) -> lambda_.SystemLogLevel:
    """Return the level of Lambda's own log lines; starts and reports of calls are `INFO`.

    Source: Lambda developer guide, "System log level event mapping".
    """
    reports = settings.call_reports or settings.warming == "snapstart"
    return lambda_.SystemLogLevel.INFO if reports else lambda_.SystemLogLevel.WARN


def function_role(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    log: logs.ILogGroup,
    network: Network | None = None,
) -> iam.Role:
    """Create a function's role, with permission to write the function's log.

    AWS's managed policy is not used: it allows writing and creating every log group.

    Args:
        settings: settings of the environment.
        log: the function's log group.
        network: network of the function; None without one.
    """
    role = iam.Role(scope, construct_id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log.grant_write(role)
    anywhere = []
    if settings.traced_share:
        anywhere.append("X-Ray's actions take no resource")
    if network is not None:
        anywhere.append("Lambda's network interfaces do not exist before the function does")
        role.add_to_policy(iam.PolicyStatement(actions=_NETWORK_ACTIONS, resources=["*"]))
    if anywhere:
        reason = "; ".join(anywhere)
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": f"{reason}."})
    return role


def acknowledge_synchronous(function: lambda_.Function, callers: str) -> None:
    """Acknowledge the missing dead-letter queue of a synchronous function."""
    acknowledge(function, {"Serverless-LambdaDLQ": f"{callers} and waits for its answer."})


def keep_failures(
    function: lambda_.IFunction, queue: sqs.IQueue, *, retries: int, max_age_min: int
) -> None:
    """Configure retries of an asynchronous function's failed events, and a dead-letter queue.

    Args:
        function: the function, or one version of it: Lambda keeps a configuration for each, and
            the function's own is not that of its versions.
        queue: queue for events that failed for good, with the error.
        retries: number of retries.
        max_age_min: age of an event after which it is not retried.
    """
    function.configure_async_invoke(
        retry_attempts=retries,
        max_event_age=cdk.Duration.minutes(max_age_min),
        on_failure=destinations.SqsDestination(queue),
    )
    reason = "Failures go to a queue by its destination, which also tells the error."
    acknowledge(function, {"Serverless-LambdaDLQ": reason})


def python_function(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    name: str,
    timeout_s: int,
    environment: dict[str, str],
    memory_mb: int = 256,
    network: Network | None = None,
    package: bool = False,
) -> lambda_.Function:
    """Create a function from `lambda_src/<name>/handler.py`, with the standard library and boto3.

    Args:
        settings: settings of the environment.
        name: folder of the source, and end of the function's name.
        timeout_s: timeout of one call.
        environment: environment variables.
        memory_mb: memory, which also determines the processor share.
        network: network of the function; None without one.
        package: True deploys the folder as a package, whose modules import each other relatively.
    """
    log = log_group(scope, f"{construct_id}Logs", settings=settings)
    role = function_role(scope, f"{construct_id}Role", settings=settings, log=log, network=network)
    code = lambda_.Code.from_asset(str(LAMBDA_SRC / name), exclude=["__pycache__"])
    if package:
        only = ["/*", f"!/{name}", "__pycache__"]
        code = lambda_.Code.from_asset(
            str(LAMBDA_SRC), exclude=only, ignore_mode=cdk.IgnoreMode.GIT
        )
    return lambda_.Function(
        scope,
        construct_id,
        function_name=settings.physical_name(name),
        runtime=RUNTIME,
        architecture=lambda_.Architecture.ARM_64,
        handler=f"{name}.handler.handler" if package else "handler.handler",
        code=code,
        memory_size=memory_mb,
        timeout=cdk.Duration.seconds(timeout_s),
        environment=environment,
        tracing=tracing(settings),
        logging_format=lambda_.LoggingFormat.JSON,
        system_log_level_v2=system_logs(settings),
        log_group=log,
        role=role,
        vpc=network.vpc if network else None,
        vpc_subnets=network.subnets if network else None,
        security_groups=network.security_groups if network else None,
    )
