"""The schedule and the function that keep instances warm."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from stacks.constructs.function import python_function
from stacks.constructs.output import output
from stacks.settings import Settings

_WARMER_TIMEOUT_S = 60


class WarmingStack(cdk.Stack):
    """Wakes `warm_instances` instances at once, every `warming_period_min` minutes.

    Args:
        settings: the environment.
        classifier: the alias whose instances are kept warm, the one that the API calls.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        classifier: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        warmer = python_function(
            self,
            "Warmer",
            settings=settings,
            name="warmer",
            timeout_s=_WARMER_TIMEOUT_S,
            environment={
                "FUNCTION_ARN": classifier.function_arn,
                "WARM_INSTANCES": str(settings.warm_instances),
                "HOLD_MS": str(settings.warming_hold_ms),
            },
        )
        classifier.grant_invoke(warmer)
        scheduler.Schedule(
            self,
            "Schedule",
            schedule=scheduler.ScheduleExpression.rate(
                cdk.Duration.minutes(settings.warming_period_min)
            ),
            target=targets.LambdaInvoke(
                warmer,
                # A round that comes late is worth nothing: the next one is due.
                max_event_age=cdk.Duration.minutes(1),
                retry_attempts=0,
                input=scheduler.ScheduleTargetInput.from_object({}),
            ),
            description="Keeps instances of the classifier warm.",
        )
        output(self, "WarmerFunction", warmer.function_name, settings=settings)
