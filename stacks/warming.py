"""The schedule and the function that keep instances warm."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import triggers
from constructs import Construct

from stacks.constructs.dead_letters import dead_letter_queue
from stacks.constructs.function import keep_failures, python_function
from stacks.constructs.output import output
from stacks.policies import acknowledge
from stacks.settings import Settings

_WARMER_TIMEOUT_S = 60
_RETRIES = 1


class WarmingStack(cdk.Stack):
    """Wakes `warm_instances` instances at once, every `warming_period_min` minutes.

    Args:
        settings: the environment.
        classifier: the alias whose instances are kept warm, the one that the API calls.
        deployed: changes when a deploy makes a new version of the classifier.

    Attributes:
        warmer: the function that wakes instances.
        dead_letters: rounds that could not be delivered, or failed twice.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        classifier: lambda_.IFunction,
        deployed: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        self.warmer = warmer = python_function(
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
        warmer.add_environment("METRICS_ENVIRONMENT", settings.env_name)
        classifier.grant_invoke(warmer)
        # The schedule does not wait for the round, so a failure is Lambda's to retry and to keep.
        keep_failures(warmer, self.dead_letters, retries=_RETRIES, max_age_min=1)
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
                retry_attempts=_RETRIES,
                dead_letter_queue=self.dead_letters,
                input=scheduler.ScheduleTargetInput.from_object({}),
            ),
            description="Keeps instances of the classifier warm.",
        )
        resource = warmer.node.default_child
        assert isinstance(resource, cdk.CfnElement)
        finding = f"AwsSolutions-IAM5[Resource::<{self.get_logical_id(resource)}.Arn>:*]"
        acknowledge(self, {finding: "The schedule may call the warmer, whichever its version."})
        if settings.warm_after_deploy:
            self._warm_after_deploy(deployed)
        output(self, "WarmerFunction", warmer.function_name, settings=settings)

    def _warm_after_deploy(self, deployed: str) -> None:
        """Run a round at the end of each deploy that made a new version of the classifier."""
        # The trigger runs when the warmer has a new version, so it takes part in the classifier's.
        self.warmer.add_environment("DEPLOYED", deployed)
        triggers.Trigger(
            self,
            "AfterDeploy",
            handler=self.warmer,
            # Not waited for: a round that fails is no reason to take the deploy back.
            invocation_type=triggers.InvocationType.EVENT,
        )
