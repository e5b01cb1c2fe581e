"""Provisioned concurrency: Lambda itself keeps instances initialized."""

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.settings import Settings


def keep_initialized(scope: Construct, alias: lambda_.Alias, *, settings: Settings) -> None:
    """Keep as many instances of `alias` initialized as the hour's profile says.

    Args:
        scope: the construct that the schedule belongs to.
        alias: what users call.
        settings: the environment.
    """
    counts = settings.warm_by_hour
    scaling = alias.add_auto_scaling(min_capacity=min(counts), max_capacity=max(counts))
    for hour in _hours_of_change(counts):
        scaling.scale_on_schedule(
            f"From{hour:02}",
            schedule=autoscaling.Schedule.cron(hour=str(hour), minute="0"),
            min_capacity=counts[hour],
            max_capacity=counts[hour],
        )


def _hours_of_change(counts: tuple[int, ...]) -> list[int]:
    return [hour for hour in range(24) if counts[hour] != counts[hour - 1]] or [0]
