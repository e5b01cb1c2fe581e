"""The classifier function and its alias."""

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.function import log_group
from stacks.constructs.model_store import ModelStore
from stacks.constructs.paths import LAMBDA_SRC
from stacks.settings import Settings
from stacks.storage import SAMPLE_PREFIX, UPLOAD_PREFIX

_PLATFORMS = {
    "x86_64": (lambda_.Architecture.X86_64, ecr_assets.Platform.LINUX_AMD64),
    "arm64": (lambda_.Architecture.ARM_64, ecr_assets.Platform.LINUX_ARM64),
}


class Classifier(Construct):
    """A container-image function that reads images and its model, and can write nothing.

    Args:
        settings: the environment.
        images: bucket with the images to classify.
        model_store: where the model is fetched from.

    Attributes:
        function: the function.
        live: the alias that the API and the warmer call.
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
        architecture, platform = _PLATFORMS[settings.architecture]
        prefixes = (UPLOAD_PREFIX, SAMPLE_PREFIX)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=settings.physical_name("classifier"),
            code=lambda_.DockerImageCode.from_image_asset(
                str(LAMBDA_SRC / "classifier"), platform=platform
            ),
            architecture=architecture,
            memory_size=settings.memory_mb,
            timeout=cdk.Duration.seconds(settings.timeout_s),
            reserved_concurrent_executions=settings.reserved_concurrency,
            environment={
                "IMAGES_BUCKET": images.bucket_name,
                "IMAGE_PREFIXES": ",".join(prefixes),
                "MODEL_NAME": settings.model_name,
                "MODEL_VERSION": settings.model_version,
                "MAX_IMAGE_BYTES": str(settings.max_image_bytes),
                "MAX_IMAGE_PIXELS": str(settings.max_image_pixels),
                "MAX_HOLD_MS": str(settings.max_hold_ms),
                **model_store.environment,
            },
            log_group=log_group(self, "Logs", settings=settings),
        )
        # Not grant_read: it lets the function list the whole bucket. Without the right to list, S3
        # answers 403 for an object that is missing, which the function reports as 404.
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[images.arn_for_objects(f"{prefix}*") for prefix in prefixes],
            )
        )
        model_store.grant_read(self.function)
        self.live = lambda_.Alias(
            self, "Live", alias_name="live", version=self.function.current_version
        )
