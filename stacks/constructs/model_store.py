"""Where the classifier fetches its model from at init."""

from typing import Protocol

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.bucket import private_bucket
from stacks.settings import Settings


class ModelStore(Protocol):
    """What the classifier needs of a model store.

    Attributes:
        environment: environment variables that tell the function where the store is.
    """

    environment: dict[str, str]

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` read the published models, and nothing else."""


class S3ModelStore(Construct):
    """A versioned bucket with `<name>/<version>/manifest.json` and the files it names.

    Args:
        settings: the environment.

    Attributes:
        bucket: the bucket, which models are published to.
        environment: as `ModelStore`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.bucket: s3.Bucket = private_bucket(self, "Models", settings=settings, versioned=True)
        self.environment = {"MODELS_BUCKET": self.bucket.bucket_name}

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` read the published models, so that another is served without a deploy."""
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["s3:GetObject"],
            resource_arns=[self.bucket.arn_for_objects("*")],
        )
