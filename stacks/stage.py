"""The CDK stage of one environment, with all its stacks."""

import aws_cdk as cdk
from constructs import Construct

from stacks.api import ApiStack
from stacks.inference import InferenceStack
from stacks.observability import ObservabilityStack
from stacks.policies import acknowledge
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.warming import WarmingStack
from stacks.web import WebStack


class WarmlensStage(cdk.Stage):
    """All stacks of one environment.

    Storage has the buckets, inference the classifier; the API and the warmer call the classifier;
    the page is served beside the API; observability has the dashboard and alarms for all of them.

    Args:
        settings: settings of the environment.
    """

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        env = cdk.Environment(account=settings.account, region=settings.region)
        # The stage's name begins the stacks' names, and with them every name that AWS makes up.
        super().__init__(
            scope, settings.env_name, env=env, stage_name=f"warmlens-{settings.env_name}"
        )

        storage = StorageStack(self, "storage", settings=settings)
        inference = InferenceStack(
            self,
            "inference",
            settings=settings,
            images=storage.images,
            model_store=storage.model_store,
        )
        api = ApiStack(
            self,
            "api",
            settings=settings,
            classifier=inference.classifier.live,
            images=storage.images,
        )
        warming = None
        if settings.warming == "ping":
            warming = WarmingStack(
                self,
                "warming",
                settings=settings,
                classifier=inference.classifier.live,
                deployed=inference.classifier.fingerprint,
            )
        if settings.web:
            WebStack(
                self,
                "web",
                settings=settings,
                api=api.rest_api,
                page_token=api.page_token,
                images=storage.images,
                access_logs=storage.access_logs,
            )
        if settings.monitoring:
            ObservabilityStack(
                self,
                "observability",
                settings=settings,
                storage=storage,
                inference=inference,
                api=api,
                warming=warming,
            )

        if not settings.tracing:
            acknowledge(self, {"Serverless-LambdaTracing": "The settings ask for none."})
        cdk.Tags.of(self).add("project", "warmlens")
        cdk.Tags.of(self).add("environment", settings.env_name)
