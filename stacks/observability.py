"""The observability stack: dashboard and alarms."""

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.api import ApiStack
from stacks.constructs.budget import Budget
from stacks.constructs.dashboard import Dashboard
from stacks.constructs.metrics import alarm, own_metric, recognized_percent
from stacks.constructs.output import output
from stacks.files import FilesStack
from stacks.inference import InferenceStack
from stacks.policies import acknowledge, for_this_account
from stacks.settings import Settings
from stacks.warming import WarmingStack

FEWEST_PHOTOS = 20
"""In an hour with fewer, a few odd photos would be a large share."""
_FIVE_MIN = cdk.Duration.minutes(5)
_NO_QUEUE = "A mail that cannot be delivered is read by no one in a queue either."


class ObservabilityStack(cdk.Stack):
    """A dashboard, alarms, and a topic that alarms are sent to.

    Args:
        settings: settings of the environment.
        files: its file system of models; None without one.
        inference: its classifier.
        api: its API.
        warming: its warmer; None without one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        files: FilesStack | None,
        inference: InferenceStack,
        api: ApiStack,
        warming: WarmingStack | None,
    ) -> None:
        super().__init__(scope, construct_id)
        topic = self._topic(settings)
        if settings.budget_usd is not None:
            Budget(self, "Budget", budget_usd=settings.budget_usd, topic=topic)
        live, warmed = inference.classifier.live, warming is not None
        alarms = [*self._classifier_alarms(settings, live, warmed=warmed), *self._api_alarms(api)]
        if settings.alarm_recognized_percent:
            alarms.append(self._recognition_alarm(settings))
        if warming is not None:
            alarms += self._warming_alarms(settings, warming)
        if files is not None:
            alarms.append(self._copies_alarm(files))
        action = actions.SnsAction(topic)
        for each in alarms:
            each.add_alarm_action(action)
            each.add_ok_action(action)
        if inference.classifier.canary_alarms is not None:
            self._notify_of_rollbacks(settings, topic)

        name = settings.physical_name("dashboard", region=self.region)
        Dashboard(
            self,
            "Dashboard",
            settings=settings,
            name=name,
            live=live,
            api=api.metrics,
            warmed=warmed,
        )
        output(self, "AlarmsTopic", topic.topic_arn, settings=settings)
        output(self, "DashboardName", name, settings=settings)

    def _topic(self, settings: Settings) -> sns.Topic:
        topic = sns.Topic(
            self, "Alarms", topic_name=settings.physical_name("alarms"), enforce_ssl=True
        )
        # A topic with a policy, here the one that asks for TLS, has no default policy any more.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions=for_this_account(self),
            )
        )
        if settings.alarm_email is not None:
            topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
            acknowledge(topic, {"Serverless-SNSRedrivePolicy": _NO_QUEUE})
        return topic

    def _classifier_alarms(
        self, settings: Settings, live: lambda_.IFunction, *, warmed: bool
    ) -> Iterator[cloudwatch.Alarm]:
        yield alarm(
            self,
            "Errors",
            live.metric_errors(statistic="Sum", period=_FIVE_MIN),
            threshold=3,
            description="The classifier crashed or timed out three times in five minutes.",
        )
        yield alarm(
            self,
            "Faults",
            own_metric("Fault", settings=settings, statistic="Sum"),
            threshold=3,
            description="The classifier answered three calls in five minutes with a 5xx.",
        )
        yield alarm(
            self,
            "Throttles",
            self._users_throttles(settings, live, warmed=warmed),
            threshold=1,
            description=(
                "Lambda refused calls of users, or wakeups ahead: the concurrency limit is reached."
            ),
        )
        yield alarm(
            self,
            "P99",
            own_metric("LatencyMs", settings=settings, statistic="p99"),
            threshold=settings.alarm_p99_ms,
            periods=3,
            description=(
                f"For 15 minutes the slowest hundredth of calls took {settings.alarm_p99_ms} ms "
                "or more in the function."
            ),
        )
        yield alarm(
            self,
            "ModelLoadFailures",
            own_metric("ModelLoadFailure", settings=settings, statistic="Sum"),
            threshold=1,
            description="An instance could not load the model; its log says why.",
        )

    def _api_alarms(self, api: ApiStack) -> Iterator[cloudwatch.Alarm]:
        yield alarm(
            self,
            "ApiErrors",
            api.metrics.metric_server_error(statistic="Sum", period=_FIVE_MIN),
            threshold=3,
            description=(
                "The API answered three calls in five minutes with a 5xx, its own or a function's."
            ),
        )
        yield alarm(
            self,
            "UploadErrors",
            api.uploads.metric_errors(statistic="Sum", period=_FIVE_MIN),
            threshold=1,
            description="The function that signs uploads failed.",
        )

    @staticmethod
    def _users_throttles(
        settings: Settings, live: lambda_.IFunction, *, warmed: bool
    ) -> cloudwatch.IMetric:
        """Return the metric of throttled calls without the warmer's, which harm nobody.

        Those of wakeups ahead are in it: the user whom each was for is about to call.
        """
        throttled = live.metric_throttles(statistic="Sum", period=_FIVE_MIN)
        if not warmed:
            return throttled
        return cloudwatch.MathExpression(
            expression="throttled - FILL(wakeups, 0)",
            using_metrics={
                "throttled": throttled,
                "wakeups": own_metric("WarmerThrottled", settings=settings, statistic="Sum"),
            },
            label="users' calls",
            period=_FIVE_MIN,
        )

    def _recognition_alarm(self, settings: Settings) -> cloudwatch.Alarm:
        hours = 3
        return alarm(
            self,
            "Unrecognized",
            recognized_percent(settings, fewest_photos=FEWEST_PHOTOS),
            threshold=settings.alarm_recognized_percent,
            below=True,
            periods=hours,
            description=(
                f"For {hours} hours the model recognized fewer than "
                f"{settings.alarm_recognized_percent} % of the photos: users photograph something "
                "that it does not know."
            ),
        )

    def _warming_alarms(
        self, settings: Settings, warming: WarmingStack
    ) -> Iterator[cloudwatch.Alarm]:
        period_min = max(5, settings.warming_period_min)
        yield alarm(
            self,
            "WarmerSilent",
            # Invocations, as the schedule also calls the warmer in hours that need no instance.
            warming.warmer.metric_invocations(
                statistic="Sum", period=cdk.Duration.minutes(period_min)
            ),
            threshold=1,
            below=True,
            periods=3,
            missing_raises=True,
            description=(
                f"For {3 * period_min} minutes or more the warmer has not run: its schedule is "
                "disabled or gone, or may not call it."
            ),
        )
        # A shorter period than that of the rounds would have values now and then only.
        rounds_min = max(15, settings.warming_period_min)
        yield alarm(
            self,
            "WarmCoverage",
            own_metric(
                "WarmCoverage", settings=settings, statistic="Minimum", period_min=rounds_min
            ),
            threshold=settings.coverage_target_percent / 100,
            below=True,
            periods=2,
            description=(
                f"For {2 * rounds_min} minutes warming reached fewer than "
                f"{settings.coverage_target_percent} % of the instances asked for."
            ),
        )
        yield alarm(
            self,
            "WarmerErrors",
            warming.warmer.metric_errors(statistic="Sum", period=_FIVE_MIN),
            threshold=1,
            description="A warming round failed; the warmer's log says why.",
        )
        yield alarm(
            self,
            "DeadLetters",
            warming.dead_letters.metric_approximate_number_of_messages_visible(),
            threshold=1,
            description=(
                "A warming run could not be delivered, or failed twice; the message in the queue "
                "names the error."
            ),
        )

    def _copies_alarm(self, files: FilesStack) -> cloudwatch.Alarm:
        return alarm(
            self,
            "UnsyncedModels",
            files.model_store.dead_letters.metric_approximate_number_of_messages_visible(),
            threshold=1,
            description="A published model version was not copied to the file system.",
        )

    def _notify_of_rollbacks(self, settings: Settings, topic: sns.Topic) -> None:
        """Notify about failed and rolled-back deployments; canary alarms also fire at other times.

        Source: AWS CodeDeploy user guide, "Monitoring deployments with Amazon EventBridge".
        """
        # By a role, as the topic's policy cannot limit EventBridge to this account: "You can't use
        # Condition blocks in Amazon SNS topic policies for EventBridge", EventBridge user guide.
        role = iam.Role(
            self,
            "RollbacksRole",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com", conditions=for_this_account(self)
            ),
        )
        rule = events.Rule(
            self,
            "Rollbacks",
            description="A deployment of the classifier failed or was stopped.",
            event_pattern=events.EventPattern(
                source=["aws.codedeploy"],
                detail_type=["CodeDeploy Deployment State-change Notification"],
                detail={
                    "application": [settings.physical_name("classifier")],
                    "state": ["FAILURE", "STOP"],
                },
            ),
            targets=[targets.SnsTopic(topic, role=role)],
        )
        acknowledge(rule, {"Serverless-EventBusDLQ": _NO_QUEUE})
