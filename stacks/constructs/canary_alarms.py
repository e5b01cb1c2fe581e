"""Alarms that roll back a canary or linear deployment of the classifier."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.metrics import alarm, own_metric
from stacks.settings import Settings


class CanaryAlarms(Construct):
    """The alarms that make CodeDeploy roll back.

    CodeDeploy supports metric alarms, not composite ones. One failed call is enough, since a tenth
    of the traffic may be few calls: see docs/decisions.

    Args:
        settings: settings of the environment.
        live: the alias whose traffic is shifted.

    Attributes:
        alarms: the alarms that CodeDeploy watches.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, live: lambda_.Alias
    ) -> None:
        super().__init__(scope, construct_id)
        minute = cdk.Duration.minutes(1)
        self.alarms: list[cloudwatch.IAlarm] = [
            alarm(
                self,
                "Errors",
                live.metric_errors(statistic="Sum", period=minute),
                threshold=1,
                description="The classifier crashed or timed out.",
            ),
            alarm(
                self,
                "Faults",
                own_metric("Fault", settings=settings, statistic="Sum", period_min=1),
                threshold=1,
                description="The classifier answered a call with a 5xx.",
            ),
            alarm(
                self,
                "ModelLoadFailures",
                own_metric("ModelLoadFailure", settings=settings, statistic="Sum", period_min=1),
                threshold=1,
                description="An instance could not load the model.",
            ),
        ]
