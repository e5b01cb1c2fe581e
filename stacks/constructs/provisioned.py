"""Scheduled provisioned concurrency."""

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.settings import Settings


def keep_initialized(scope: Construct, alias: lambda_.Alias, *, settings: Settings) -> None:
    """Scale the provisioned concurrency of `alias` by the hourly profile.

    Args:
        alias: the alias.
        settings: settings of the environment.
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
