"""The images bucket and the model store."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.bucket import private_bucket
from stacks.constructs.model_store import S3ModelStore
from stacks.constructs.output import output
from stacks.settings import Settings

UPLOAD_PREFIX = "uploads/"
SAMPLE_PREFIX = "test/"  # the prefix of the paper's own request, test/20200118.jpg


class StorageStack(cdk.Stack):
    """Where images and models are kept.

    Attributes:
        images: the bucket that pages upload to and the classifier reads.
        model_store: where the classifier fetches its model.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.images = private_bucket(self, "Images", settings=settings, versioned=False)
        if settings.image_expiry_days is not None:
            self.images.add_lifecycle_rule(
                prefix=UPLOAD_PREFIX, expiration=cdk.Duration.days(settings.image_expiry_days)
            )
        if settings.upload_origins:
            self.images.add_cors_rule(
                allowed_methods=[s3.HttpMethods.POST],
                allowed_origins=list(settings.upload_origins),
                allowed_headers=["*"],
                max_age=3600,
            )
        self.model_store = S3ModelStore(self, "ModelStore", settings=settings)
        output(self, "ImagesBucket", self.images.bucket_name, settings=settings)
        output(self, "ModelsBucket", self.model_store.bucket.bucket_name, settings=settings)
