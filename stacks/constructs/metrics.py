"""The functions' custom metrics, and alarms on metrics."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.settings import Settings

NAMESPACE = "Warmlens"


def own_metric(
    name: str, *, settings: Settings, statistic: str, period_min: int = 5, label: str | None = None
) -> cloudwatch.Metric:
    """Return a custom metric of the environment's functions.

    Args:
        name: the metric's name, such as `ColdStart`.
        settings: settings of the environment.
        statistic: CloudWatch's statistic, such as `Sum` or `p99`.
        period_min: period of one value, in minutes.
        label: label in graphs.
    """
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"Environment": settings.env_name},
        statistic=statistic,
        period=cdk.Duration.minutes(period_min),
        label=label,
    )


def recognized_percent(settings: Settings, *, fewest_photos: int = 0) -> cloudwatch.MathExpression:
    """Return the share of an hour's photos that the model recognized, in percent.

    A model without a threshold gives no values.

    Args:
        settings: settings of the environment.
        fewest_photos: number of photos in an hour below which the share counts as 100.
    """
    hour = 60
    share = own_metric("Recognized", settings=settings, statistic="Average", period_min=hour)
    photos = own_metric("Recognized", settings=settings, statistic="SampleCount", period_min=hour)
    # CloudWatch user guide, "Using metric math", section "Using IF expressions".
    judged = f"IF(photos >= {fewest_photos}, 100 * share, 100)"
    return cloudwatch.MathExpression(
        expression=judged if fewest_photos else "100 * share",
        using_metrics={"share": share, **({"photos": photos} if fewest_photos else {})},
        label="recognized, %",
        period=cdk.Duration.minutes(hour),
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
    missing_raises: bool = False,
) -> cloudwatch.Alarm:
    """Create an alarm that is raised at or above a threshold.

    Args:
        metric: the metric.
        threshold: the threshold.
        description: the event, for the notified person.
        below: True raises it below the threshold instead.
        periods: number of consecutive periods.
        missing_raises: True raises it in periods without data, too.
    """
    missing = cloudwatch.TreatMissingData
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
        treat_missing_data=missing.BREACHING if missing_raises else missing.NOT_BREACHING,
    )
