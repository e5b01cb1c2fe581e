"""The metrics that the functions themselves emit, by CloudWatch's embedded metric format."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.settings import Settings

NAMESPACE = "Warmlens"


def own_metric(
    name: str, *, settings: Settings, statistic: str, period_min: int = 5, label: str | None = None
) -> cloudwatch.Metric:
    """Return a metric of the environment's functions.

    Args:
        name: such as `ColdStart`.
        settings: the environment.
        statistic: CloudWatch's name of it, such as `Sum` or `p99`.
        period_min: time that one value stands for.
        label: words for people.
    """
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"Environment": settings.env_name},
        statistic=statistic,
        period=cdk.Duration.minutes(period_min),
        label=label,
    )


def alarm(
    scope: Construct,
    construct_id: str,
    metric: cloudwatch.IMetric,
    *,
    threshold: float,
    description: str,
    below: bool = False,
    periods: int = 1,
) -> cloudwatch.Alarm:
    """Make an alarm that is raised from the threshold on; silence is no reason for it.

    Args:
        scope: the construct that it belongs to.
        construct_id: its id there.
        metric: what is watched.
        threshold: value from which on it is raised.
        description: what has happened, for the person who is called.
        below: True raises it under the threshold instead.
        periods: how many periods of the metric in a row must be so.
    """
    operators = cloudwatch.ComparisonOperator
    return cloudwatch.Alarm(
        scope,
        construct_id,
        metric=metric,
        threshold=threshold,
        alarm_description=description,
        evaluation_periods=periods,
        comparison_operator=(
            operators.LESS_THAN_THRESHOLD if below else operators.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        ),
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
