"""One environment: its stacks, and how they depend on each other."""

import aws_cdk as cdk
from constructs import Construct

from stacks.api import ApiStack
from stacks.inference import InferenceStack
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.warming import WarmingStack


class WarmlensStage(cdk.Stage):
    """Storage <- inference <- API and warming.

    Args:
        settings: the environment.
    """

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        env = cdk.Environment(account=settings.account, region=settings.region)
        super().__init__(scope, settings.env_name, env=env)

        storage = StorageStack(self, "storage", settings=settings)
        inference = InferenceStack(
            self,
            "inference",
            settings=settings,
            images=storage.images,
            model_store=storage.model_store,
        )
        ApiStack(
            self,
            "api",
            settings=settings,
            classifier=inference.classifier.live,
            images=storage.images,
        )
        if settings.warming == "ping":
            WarmingStack(self, "warming", settings=settings, classifier=inference.classifier.live)

        cdk.Tags.of(self).add("project", "warmlens")
        cdk.Tags.of(self).add("environment", settings.env_name)
