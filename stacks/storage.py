"""The storage stack: buckets for images, models and access logs."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.bucket import access_logs_bucket, private_bucket
from stacks.constructs.output import output
from stacks.settings import Settings

UPLOAD_PREFIX = "uploads/"
SAMPLE_PREFIX = "test/"  # the prefix of the paper's own request, test/20200118.jpg


class StorageStack(cdk.Stack):
    """A stack with the buckets for images, models and access logs.

    Attributes:
        images: bucket for uploads, read by the classifier.
        access_logs: bucket with the other buckets' access logs; None without access logs.
        models: bucket that models are published to; None if they are part of the image.
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
        self.models = None if settings.model_store == "image" else self._models(settings)
        output(self, "ImagesBucket", self.images.bucket_name, settings=settings)
        if self.models is not None:
            output(self, "ModelsBucket", self.models.bucket_name, settings=settings)

    def _models(self, settings: Settings) -> s3.Bucket:
        bucket = private_bucket(
            self, "Models", settings=settings, versioned=True, access_logs=self.access_logs
        )
        if settings.model_store == "efs":
            # On the resource itself: the construct would add a custom resource.
            resource = bucket.node.default_child
            assert isinstance(resource, s3.CfnBucket)
            resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                    event_bridge_enabled=True
                )
            )
        return bucket


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
