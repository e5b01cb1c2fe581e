"""The warming stack: a schedule and a function that keep instances warm."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_ssm as ssm
from aws_cdk import triggers
from constructs import Construct

from stacks.constructs.dead_letters import dead_letter_queue
from stacks.constructs.function import keep_failures, python_function
from stacks.constructs.output import output
from stacks.policies import acknowledge
from stacks.settings import Settings

# Time of a run outside its budget: the start, and calls before and after the rounds.
_OVERHEAD_S = 30
# Enough processor share for many calls at once.
_MEMORY_MB = 512
_RETRIES = 1
# Lambda waits a minute before it runs a failed event again; Lambda developer guide, "How Lambda
# handles errors and retries with asynchronous invocation".
_MAX_EVENT_AGE_MIN = 3


class WarmingStack(cdk.Stack):
    """A stack with the warmer, which wakes instances every `warming_period_min` minutes.

    Args:
        settings: settings of the environment.
        classifier: the alias whose instances are kept warm, the one that the API calls.
        deployed: fingerprint of the classifier's source and of all settings; a change of either
            runs a round.

    Attributes:
        warmer: the function that wakes instances.
        dead_letters: queue of runs that could not be delivered, or failed twice.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        classifier: lambda_.Alias,
        deployed: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        claim = ssm.StringParameter(
            self,
            "Claim",
            string_value="none",
            description="The scheduled time that was claimed last, so that each is run once.",
        )
        state = ssm.StringParameter(
            self,
            "State",
            string_value="none",
            description="What the warmer measured, for its next run.",
        )
        self.warmer = warmer = python_function(
            self,
            "Warmer",
            settings=settings,
            name="warmer",
            timeout_s=settings.warming_budget_s + _OVERHEAD_S,
            memory_mb=_MEMORY_MB,
            environment={
                "ENV_NAME": settings.env_name,
                "FUNCTION_ARN": classifier.function_arn,
                "WARM_BY_HOUR": ",".join(str(count) for count in settings.warm_by_hour),
                "WARM_AUTO": str(settings.warm_instances == "auto").lower(),
                "PERIOD_MIN": str(settings.warming_period_min),
                "HOLD_MS": str(settings.warming_hold_ms),
                "MAX_HOLD_MS": str(settings.max_hold_ms),
                "BUDGET_S": str(settings.warming_budget_s),
                "USER_RESERVE": str(settings.warming_user_reserve),
                "CLAIM_PARAMETER": claim.parameter_name,
                "STATE_PARAMETER": state.parameter_name,
            },
            package=True,
        )
        classifier.grant_invoke(warmer)
        self._grant_reads_and_parameters(settings, classifier.lambda_, [claim, state])
        # The schedule does not wait for the run, so Lambda retries and keeps failures.
        self._keep_failures(warmer)
        self._run_by_schedule(settings)
        if settings.warm_after_deploy:
            self._run_after_deploy(deployed)
        output(self, "WarmerFunction", warmer.function_name, settings=settings)

    def _grant_reads_and_parameters(
        self,
        settings: Settings,
        classifier: lambda_.IFunction,
        parameters: list[ssm.IStringParameter],
    ) -> None:
        """Allow the warmer to read concurrency limits, with `auto` metrics, and its parameters."""
        assert self.warmer.role is not None
        anywhere = ["lambda:GetAccountSettings"]
        if settings.warm_instances == "auto":
            anywhere.append("cloudwatch:GetMetricData")
        policy = iam.Policy(
            self,
            "LimitsAndClaim",
            roles=[self.warmer.role],
            statements=[
                iam.PolicyStatement(
                    actions=["lambda:GetFunctionConcurrency"], resources=[classifier.function_arn]
                ),
                iam.PolicyStatement(actions=anywhere, resources=["*"]),
                iam.PolicyStatement(
                    actions=["ssm:PutParameter", "ssm:GetParameter"],
                    resources=[parameter.parameter_arn for parameter in parameters],
                ),
            ],
        )
        reason = f"{' and '.join(anywhere)} take no resource."
        acknowledge(policy, {"AwsSolutions-IAM5[Resource::*]": reason})
        self.warmer.node.add_dependency(policy)  # the run after a deploy needs it at once

    def _keep_failures(self, function: lambda_.IFunction) -> None:
        queue, age_min = self.dead_letters, _MAX_EVENT_AGE_MIN
        keep_failures(function, queue, retries=_RETRIES, max_age_min=age_min)

    def _run_by_schedule(self, settings: Settings) -> None:
        scheduler.Schedule(
            self,
            "Schedule",
            schedule=scheduler.ScheduleExpression.rate(
                cdk.Duration.minutes(settings.warming_period_min)
            ),
            target=targets.LambdaInvoke(
                self.warmer,
                # A late run is of no use: the next one is due.
                max_event_age=cdk.Duration.minutes(1),
                retry_attempts=_RETRIES,
                dead_letter_queue=self.dead_letters,
                input=scheduler.ScheduleTargetInput.from_object(
                    {"scheduled_time": scheduler.ContextAttribute.scheduled_time}
                ),
            ),
            description="Keeps instances of the classifier warm.",
        )
        resource = self.warmer.node.default_child
        assert isinstance(resource, cdk.CfnElement)
        finding = f"AwsSolutions-IAM5[Resource::<{self.get_logical_id(resource)}.Arn>:*]"
        acknowledge(self, {finding: "The schedule may call the warmer, whichever its version."})

    def _run_after_deploy(self, deployed: str) -> None:
        """Run a round after each deploy of a new version of the classifier."""
        # The trigger runs for a new version of the warmer, so the fingerprint changes the warmer.
        self.warmer.add_environment("DEPLOYED", deployed)
        version = self.warmer.current_version
        self._keep_failures(version)
        triggers.Trigger(
            self,
            "AfterDeploy",
            handler=self.warmer,
            # Asynchronous: a failed run is no reason to roll back the deploy.
            invocation_type=triggers.InvocationType.EVENT,
            execute_after=[version],  # and what is configured for its failures
        )
