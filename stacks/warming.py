"""The schedule and the function that keep instances warm."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.constructs.function import python_function
from stacks.constructs.output import output
from stacks.settings import Settings

# What a run may need beyond its budget: its own start, and the calls before and after the rounds.
_OVERHEAD_S = 30
# Calls are sent at once only as far as the processor share allows.
_MEMORY_MB = 512


class WarmingStack(cdk.Stack):
    """Wakes as many instances at once as the settings say, every `warming_period_min` minutes.

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
        classifier: lambda_.Alias,
    ) -> None:
        super().__init__(scope, construct_id)
        claim = ssm.StringParameter(
            self,
            "Claim",
            string_value="none",
            description="The scheduled time that was claimed last, so that each is run once.",
        )
        warmer = python_function(
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
                "PERIOD_MIN": str(settings.warming_period_min),
                "HOLD_MS": str(settings.warming_hold_ms),
                "MAX_HOLD_MS": str(settings.max_hold_ms),
                "BUDGET_S": str(settings.warming_budget_s),
                "USER_RESERVE": str(settings.warming_user_reserve),
                "CLAIM_PARAMETER": claim.parameter_name,
            },
        )
        classifier.grant_invoke(warmer)
        for action, resource in (
            ("lambda:GetFunctionConcurrency", classifier.lambda_.function_arn),
            ("lambda:GetAccountSettings", "*"),  # AWS knows no resource for it
            ("ssm:PutParameter", claim.parameter_arn),
            ("ssm:GetParameter", claim.parameter_arn),
        ):
            warmer.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=[resource]))
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
                input=scheduler.ScheduleTargetInput.from_object(
                    {"scheduled_time": scheduler.ContextAttribute.scheduled_time}
                ),
            ),
            description="Keeps instances of the classifier warm.",
        )
        output(self, "WarmerFunction", warmer.function_name, settings=settings)
