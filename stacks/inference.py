"""The inference stack: the classifier function and its alias."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.classifier import Classifier
from stacks.constructs.model_store import ModelStore
from stacks.constructs.output import output
from stacks.settings import Settings


class InferenceStack(cdk.Stack):
    """A stack with the classifier function.

    Args:
        settings: settings of the environment.
        images: bucket with the images to classify.
        model_store: store of the model.

    Attributes:
        classifier: the function and its alias `live`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        images: s3.IBucket,
        model_store: ModelStore,
    ) -> None:
        super().__init__(scope, construct_id)
        self.classifier = Classifier(
            self, "Classifier", settings=settings, images=images, model_store=model_store
        )
        output(
            self, "ClassifierFunction", self.classifier.function.function_name, settings=settings
        )
        output(self, "ServableModels", " ".join(settings.servable_models), settings=settings)
