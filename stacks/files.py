"""The files stack: the file system with copies of models, for the model store `efs`."""

import aws_cdk as cdk
import jsii
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.efs_model_store import EfsModelStore
from stacks.settings import Settings


class FilesStack(cdk.Stack):
    """A stack with the model store `efs`: network, file system, and the function that fills it.

    A stack of its own, so that nothing of it is deleted before the classifier has left it: when the
    settings name another store, the stack stays in the account until a person deletes it.

    Args:
        settings: settings of the environment.
        images: bucket that the classifier reads.
        models: bucket that models are published to.

    Attributes:
        model_store: store that the classifier reads its model from.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        images: s3.IBucket,
        models: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self.model_store = EfsModelStore(
            self, "ModelStore", settings=settings, images=images, models=models
        )

    @property
    @jsii.member(jsii_name="availabilityZones")
    def availability_zones(self) -> list[str]:
        """The region's first two zones, by index, so that synth needs no call to AWS."""
        return [cdk.Fn.select(index, cdk.Fn.get_azs()) for index in (0, 1)]
