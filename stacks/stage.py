"""The CDK stage of one environment, with all its stacks."""

import aws_cdk as cdk
from constructs import Construct

from stacks.batch import BatchStack
from stacks.constructs.function import add_provider_logs
from stacks.constructs.model_store import ImageModelStore, ModelStore, S3ModelStore
from stacks.files import FilesStack
from stacks.http_api import HttpApiStack
from stacks.inference import InferenceStack
from stacks.observability import ObservabilityStack
from stacks.policies import acknowledge
from stacks.rest_api import RestApiStack
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.warming import WarmingStack
from stacks.web import WebStack


class WarmlensStage(cdk.Stage):
    """All stacks of one environment.

    Storage has the buckets, files the file system of the model store `efs`, inference the
    classifier; the API, the warmer and batches call the classifier; the page is served beside the
    API; observability has the dashboard and alarms for all of them.

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
        files, model_store = self._model_store(settings, storage)
        inference = InferenceStack(
            self,
            "inference",
            settings=settings,
            images=storage.images,
            model_store=model_store,
        )
        api_stack = HttpApiStack if settings.api == "http" else RestApiStack
        api = api_stack(
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
        if settings.batch:
            BatchStack(
                self,
                "batch",
                settings=settings,
                classifier=inference.classifier.live,
                images=storage.images,
                access_logs=storage.access_logs,
            )
        if settings.web:
            WebStack(
                self,
                "web",
                settings=settings,
                api=api,
                images=storage.images,
                access_logs=storage.access_logs,
            )
        if settings.monitoring:
            ObservabilityStack(
                self,
                "observability",
                settings=settings,
                files=files,
                inference=inference,
                api=api,
                warming=warming,
            )

        for stack in self.node.children:
            assert isinstance(stack, cdk.Stack)
            stack.termination_protection = settings.retain_data
            add_provider_logs(stack, settings=settings)
            # `Tags` below reach resources only (`explicitStackTags`).
            stack.add_stack_tag("project", "warmlens")
            stack.add_stack_tag("environment", settings.env_name)
        if not settings.traced_share:
            acknowledge(self, {"Serverless-LambdaTracing": "The settings ask for none."})
        cdk.Tags.of(self).add("project", "warmlens")
        cdk.Tags.of(self).add("environment", settings.env_name)

    def _model_store(
        self, settings: Settings, storage: StorageStack
    ) -> tuple[FilesStack | None, ModelStore]:
        if storage.models is None:
            return None, ImageModelStore(settings=settings)
        if settings.model_store == "s3":
            return None, S3ModelStore(settings=settings, models=storage.models)
        files = FilesStack(
            self, "files", settings=settings, images=storage.images, models=storage.models
        )
        return files, files.model_store
