"""The uploads function: it signs uploads, wakes the classifier meanwhile, deletes photos."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.function import acknowledge_synchronous, python_function
from stacks.policies import acknowledge, objects_finding
from stacks.settings import Settings
from stacks.storage import UPLOAD_PREFIX


class UploadsFunction(Construct):
    """A function that signs uploads below one prefix, and deletes them.

    A presigned POST has the permissions of its signer, so the function itself may put objects below
    that prefix. It may delete them, and call one alias if the settings ask for waking ahead.

    Args:
        settings: settings of the environment.
        images: bucket for uploads.
        classifier: the alias whose instances it wakes.

    Attributes:
        function: the function.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        images: s3.IBucket,
        classifier: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = python_function(
            self,
            "Function",
            settings=settings,
            name="uploads",
            package=True,
            timeout_s=10,
            environment={
                "IMAGES_BUCKET": images.bucket_name,
                "UPLOAD_PREFIX": UPLOAD_PREFIX,
                "UPLOAD_EXPIRES_S": str(settings.upload_expires_s),
                "MAX_IMAGE_BYTES": str(settings.max_image_bytes),
                "CORS_ORIGINS": " ".join(settings.cors_origins),
            },
        )
        if settings.wakes_ahead:
            classifier.grant_invoke(self.function)
            self.function.add_environment("WAKE_FUNCTION_ARN", classifier.function_arn)
            self.function.add_environment("METRICS_ENVIRONMENT", settings.env_name)
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:DeleteObject"],
                resources=[images.arn_for_objects(f"{UPLOAD_PREFIX}*")],
            )
        )
        acknowledge_synchronous(self.function, "The API calls it")
        finding = objects_finding(self, images, UPLOAD_PREFIX)
        acknowledge(
            self, {finding: "Each upload has a new name, which the function makes or checks."}
        )
