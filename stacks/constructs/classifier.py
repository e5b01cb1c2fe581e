"""The classifier function, its alias, and gradual deployments of new versions."""

import hashlib

import aws_cdk as cdk
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.canary_alarms import CanaryAlarms
from stacks.constructs.function import function_role, log_group, system_logs, tracing
from stacks.constructs.model_store import ModelStore
from stacks.constructs.paths import LAMBDA_SRC
from stacks.constructs.provisioned import keep_initialized
from stacks.policies import acknowledge, objects_finding
from stacks.settings import Settings
from stacks.storage import SAMPLE_PREFIX, UPLOAD_PREFIX

_PLATFORMS = {
    "x86_64": (lambda_.Architecture.X86_64, ecr_assets.Platform.LINUX_AMD64),
    "arm64": (lambda_.Architecture.ARM_64, ecr_assets.Platform.LINUX_ARM64),
}
_DEPLOYMENTS = {
    "canary": codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
    "linear": codedeploy.LambdaDeploymentConfig.LINEAR_10_PERCENT_EVERY_1_MINUTE,
}
_PUBLISHED = lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS
_SNAPSTART_WARNING = "@aws-cdk/aws-lambda:snapStartRequirePublish"
_CODEDEPLOY_POLICY = (
    "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
)


class Classifier(Construct):
    """A container-image function with read-only access to images and its model.

    Args:
        settings: settings of the environment.
        images: bucket with the images to classify.
        model_store: store of the model.

    Attributes:
        function: the function.
        live: the alias that the API and the warmer call.
        canary_alarms: alarms that roll back a deployment; None if deployed all at once.
        fingerprint: hash of the source and of all settings; a change of either runs a warming
            round.
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
        network = model_store.network
        log = log_group(self, "Logs", settings=settings)
        role = function_role(self, "Role", settings=settings, log=log, network=network)
        with model_store.image_context() as context:
            source = cdk.FileSystem.fingerprint(str(context), exclude=["__pycache__"])
            self.function = lambda_.DockerImageFunction(
                self,
                "Function",
                function_name=settings.physical_name("classifier"),
                code=lambda_.DockerImageCode.from_image_asset(
                    str(context),
                    platform=platform,
                    exclude=["__pycache__"],
                    build_args=_build_arguments(settings),
                ),
                architecture=architecture,
                memory_size=settings.memory_mb,
                ephemeral_storage_size=cdk.Size.mebibytes(settings.ephemeral_storage_mb),
                timeout=cdk.Duration.seconds(settings.timeout_s),
                reserved_concurrent_executions=settings.reserved_concurrency,
                environment={
                    "IMAGES_BUCKET": images.bucket_name,
                    "IMAGE_PREFIXES": ",".join(prefixes),
                    "ENGINE": settings.engine,
                    "MODEL_NAME": settings.model_name,
                    "MODEL_VERSION": settings.model_version,
                    "MAX_IMAGE_BYTES": str(settings.max_image_bytes),
                    "MAX_IMAGE_PIXELS": str(settings.max_image_pixels),
                    "MAX_DECODE_MS": str(settings.max_decode_ms),
                    "MAX_HOLD_MS": str(settings.max_hold_ms),
                    "METRICS_ENVIRONMENT": settings.env_name,
                    "CORS_ORIGINS": " ".join(settings.cors_origins),
                    **model_store.environment,
                },
                snap_start=_PUBLISHED if settings.warming == "snapstart" else None,
                tracing=tracing(settings),
                logging_format=lambda_.LoggingFormat.JSON,
                system_log_level_v2=system_logs(settings),
                log_group=log,
                role=role,
                vpc=network.vpc if network else None,
                vpc_subnets=network.subnets if network else None,
                security_groups=network.security_groups if network else None,
                # A deploy keeps the version before, to go back to: docs/decisions/0083.
                current_version_options=lambda_.VersionOptions(
                    removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
                ),
            )
        if settings.warming == "snapstart":
            notes = cdk.Annotations.of(self.function)
            notes.acknowledge_warning(_SNAPSTART_WARNING, "The alias calls published versions.")
        self.fingerprint = hashlib.sha256(f"{source} {settings}".encode()).hexdigest()[:16]
        # Not grant_read: it also allows to list the bucket. Without that, S3 answers 403 for a
        # missing object, which the function reports as 404.
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[images.arn_for_objects(f"{prefix}*") for prefix in prefixes],
            )
        )
        acknowledge(
            role,
            {
                objects_finding(self, images, prefix): f"Users' photos have any name below {prefix}"
                for prefix in prefixes
            },
        )
        reason = "Callers wait for its answer, or wake an instance ahead, which may be lost."
        acknowledge(self.function, {"Serverless-LambdaDLQ": reason})
        model_store.attach(self.function)
        self.live = lambda_.Alias(
            self, "Live", alias_name="live", version=self.function.current_version
        )
        if settings.wakes_ahead:
            self._drop_late_wakeups()
        if settings.warming == "provisioned":
            keep_initialized(self, self.live, settings=settings)
        self.canary_alarms = self._shift_traffic(settings)

    def _drop_late_wakeups(self) -> None:
        """Drop asynchronous calls, which are wakeups ahead, instead of repeating them for hours.

        A minute is the shortest age that Lambda takes.
        """
        self.live.configure_async_invoke(retry_attempts=0, max_event_age=cdk.Duration.minutes(1))
        finding = "Serverless-LambdaAsyncFailureDestination"
        acknowledge(self.live, {finding: "A wakeup that comes late is worth nothing."})

    def _shift_traffic(self, settings: Settings) -> CanaryAlarms | None:
        if settings.deployment == "all_at_once":
            return None
        alarms = CanaryAlarms(self, "CanaryAlarms", settings=settings, live=self.live)
        group = codedeploy.LambdaDeploymentGroup(
            self,
            "Deployment",
            application=codedeploy.LambdaApplication(
                self, "Application", application_name=settings.physical_name("classifier")
            ),
            alias=self.live,
            deployment_config=_DEPLOYMENTS[settings.deployment],
            alarms=alarms.alarms,
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
        )
        acknowledge(
            group,
            {
                f"AwsSolutions-IAM4[Policy::{_CODEDEPLOY_POLICY}]": (
                    "What CodeDeploy needs to turn an alias is kept up to date by AWS."
                )
            },
        )
        return alarms


def base_image() -> str:
    """Return the image that the classifier's is built on, pinned by its digest."""
    file = LAMBDA_SRC / "classifier" / "base" / "Dockerfile"
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("FROM ") for line in lines if line.startswith("FROM "))


def _build_arguments(settings: Settings) -> dict[str, str]:
    arguments = {"BASE_IMAGE": base_image(), "ENGINE": settings.engine}
    if settings.torch_index is not None:
        arguments["TORCH_INDEX"] = settings.torch_index
    return arguments
