"""The storage stack: the images bucket and the model store."""

import aws_cdk as cdk
import jsii
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.bucket import access_logs_bucket, private_bucket
from stacks.constructs.efs_model_store import EfsModelStore
from stacks.constructs.model_store import ImageModelStore, ModelStore, S3ModelStore
from stacks.constructs.output import output
from stacks.settings import Settings

UPLOAD_PREFIX = "uploads/"
SAMPLE_PREFIX = "test/"  # the prefix of the paper's own request, test/20200118.jpg


class StorageStack(cdk.Stack):
    """A stack with the buckets for images, models and access logs.

    Attributes:
        images: bucket for uploads, read by the classifier.
        access_logs: bucket with the other buckets' access logs; None without access logs.
        model_store: store that the classifier reads its model from.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.access_logs = access_logs_bucket(self, "AccessLogs", settings=settings)
        self.images = private_bucket(
            self, "Images", settings=settings, versioned=False, access_logs=self.access_logs
        )
        if settings.image_expiry_days is not None:
            self.images.add_lifecycle_rule(
                prefix=UPLOAD_PREFIX, expiration=cdk.Duration.days(settings.image_expiry_days)
            )
        origins = _page_origins(settings)
        if origins:
            self.images.add_cors_rule(
                allowed_methods=[s3.HttpMethods.POST],
                allowed_origins=origins,
                allowed_headers=["*"],
                max_age=3600,
            )
        self.model_store = self._model_store(settings)
        output(self, "ImagesBucket", self.images.bucket_name, settings=settings)
        if self.model_store.bucket is not None:
            output(self, "ModelsBucket", self.model_store.bucket.bucket_name, settings=settings)

    @property
    @jsii.member(jsii_name="availabilityZones")
    def availability_zones(self) -> list[str]:
        """The region's first two zones, by index, so that synth needs no call to AWS."""
        return [cdk.Fn.select(index, cdk.Fn.get_azs()) for index in (0, 1)]

    def _model_store(self, settings: Settings) -> ModelStore:
        if settings.model_store == "image":
            return ImageModelStore(self, "ModelStore", settings=settings)
        if settings.model_store == "efs":
            return EfsModelStore(
                self,
                "ModelStore",
                settings=settings,
                images=self.images,
                access_logs=self.access_logs,
            )
        return S3ModelStore(self, "ModelStore", settings=settings, access_logs=self.access_logs)


def _page_origins(settings: Settings) -> list[str]:
    """Return the origins of pages that may upload.

    CloudFront's domain is known only after the bucket is created. Without `web_domain`, any page at
    CloudFront may therefore send uploads, if the API has signed them.
    """
    if not settings.web:
        page = []
    elif settings.web_domain is None:
        page = ["https://*.cloudfront.net"]
    else:
        page = [f"https://{settings.web_domain}"]
    return list(dict.fromkeys([*page, *settings.cors_origins, *settings.upload_origins]))
