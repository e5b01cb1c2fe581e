"""A small Python function from one folder of `lambda_src`: standard library and boto3 only."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.paths import LAMBDA_SRC
from stacks.settings import Settings

RUNTIME = lambda_.Runtime.PYTHON_3_13

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


def log_group(scope: Construct, construct_id: str, *, settings: Settings) -> logs.LogGroup:
    """Make a function's log group, kept for as long as the settings say."""
    return logs.LogGroup(
        scope,
        construct_id,
        retention=_RETENTION[settings.log_retention_days],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


def python_function(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    name: str,
    timeout_s: int,
    environment: dict[str, str],
    memory_mb: int = 256,
) -> lambda_.Function:
    """Make the function whose source is `lambda_src/<name>/handler.py`.

    Args:
        scope: the construct that it belongs to.
        construct_id: its id there.
        settings: the environment, which its name begins with.
        name: folder of its source, and end of its name.
        timeout_s: longest time for one call.
        environment: its environment variables.
        memory_mb: its memory, which its processor share goes by.
    """
    return lambda_.Function(
        scope,
        construct_id,
        function_name=settings.physical_name(name),
        runtime=RUNTIME,
        architecture=lambda_.Architecture.ARM_64,
        handler="handler.handler",
        code=lambda_.Code.from_asset(str(LAMBDA_SRC / name), exclude=["__pycache__"]),
        memory_size=memory_mb,
        timeout=cdk.Duration.seconds(timeout_s),
        environment=environment,
        log_group=log_group(scope, f"{construct_id}Logs", settings=settings),
    )
