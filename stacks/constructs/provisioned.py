"""Scheduled provisioned concurrency."""

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.settings import Settings

_REPEATED_EVERY_MIN = 5
_HOURS = 24
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


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
        for hours, days in _schedules(counts, count):
            every_day = len(days) == len(_DAYS)
            scaling.scale_on_schedule(
                f"Keep{count}" + ("" if every_day else "".join(days).title()),
                # Application Auto Scaling's cron format: EventBridge user guide, "Cron
                # expressions".
                schedule=autoscaling.Schedule.cron(
                    hour=",".join(map(str, hours)),
                    minute=f"0/{_REPEATED_EVERY_MIN}",
                    week_day=None if every_day else ",".join(days),
                ),
                min_capacity=count,
                max_capacity=count,
            )


def _schedules(counts: tuple[int, ...], count: int) -> list[tuple[tuple[int, ...], list[str]]]:
    """Return the hours that have a count, each set of hours with the weekdays that have it so."""
    days_of: dict[tuple[int, ...], list[str]] = {}
    for number, day in enumerate(_DAYS):
        first = number * _HOURS % len(counts)
        hours = tuple(hour for hour in range(_HOURS) if counts[first + hour] == count)
        if hours:
            days_of.setdefault(hours, []).append(day)
    return list(days_of.items())
