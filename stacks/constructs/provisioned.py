"""Scheduled provisioned concurrency."""

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.settings import Settings

_REPEATED_EVERY_MIN = 5


def keep_initialized(scope: Construct, alias: lambda_.Alias, *, settings: Settings) -> None:
    """Scale the provisioned concurrency of `alias` by the hourly profile.

    Each number of the profile is set every five minutes of its hours, not only when it begins. A
    deploy between two changes of the profile would leave it unset until the next one, and Lambda
    refuses to set it while a canary shifts traffic, as an alias with weights cannot have it.

    Args:
        alias: the alias.
        settings: settings of the environment.
    """
    counts = settings.warm_by_hour
    scaling = alias.add_auto_scaling(min_capacity=min(counts), max_capacity=max(counts))
    for count in sorted(set(counts)):
        hours = [str(hour) for hour in range(24) if counts[hour] == count]
        scaling.scale_on_schedule(
            f"Keep{count}",
            # Application Auto Scaling's cron format: EventBridge user guide, "Cron expressions".
            schedule=autoscaling.Schedule.cron(
                hour=",".join(hours), minute=f"0/{_REPEATED_EVERY_MIN}"
            ),
            min_capacity=count,
            max_capacity=count,
        )
