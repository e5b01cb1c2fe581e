"""The EFS model store: a file system with copies of published models."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_efs as efs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.bucket import data_policy
from stacks.constructs.dead_letters import dead_letter_queue
from stacks.constructs.function import keep_failures, log_group, python_function
from stacks.constructs.network import Network
from stacks.constructs.output import output
from stacks.constructs.paths import LAMBDA_SRC
from stacks.policies import acknowledge, for_this_account, objects_finding
from stacks.settings import Settings

MOUNT_PATH = "/mnt/models"
_ADDRESSES = "10.0.0.0/16"
_NFS_PORT = 2049
_HTTPS_PORT = 443
_USER_ID = "1000"
_SYNC_TIMEOUT_S = 300


class EfsModelStore(Construct):
    """A model store in an encrypted file system with copies of published models.

    The network has isolated subnets only, without NAT or internet access. Functions reach S3
    through a gateway endpoint, which is free, and call nothing else. A function copies a version
    when its manifest, the last file of a publish, arrives in the bucket.

    Args:
        settings: settings of the environment.
        images: bucket that the classifier reads through the endpoint.
        models: bucket that models are published to; it notifies EventBridge.

    Attributes:
        environment: see `ModelStore`.
        network: network of the classifier.
        dead_letters: queue of publishes that could not be copied.
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
        self._settings = settings
        vpc = self._vpc(readable=[models, images])
        clients = ec2.SecurityGroup(
            self,
            "Clients",
            vpc=vpc,
            description="Functions that read or fill the file system of models.",
            allow_all_outbound=False,
        )
        inside = ec2.Peer.ipv4(_ADDRESSES)
        clients.add_egress_rule(inside, ec2.Port.tcp(_NFS_PORT), "The file system")
        clients.add_egress_rule(
            # The subnets only have a route to the endpoint, so this is S3.
            ec2.Peer.any_ipv4(),
            ec2.Port.tcp(_HTTPS_PORT),
            "S3 through the gateway endpoint",
        )
        self._access_point = self._file_system(vpc, clients)
        self.network: Network | None = Network(vpc=vpc, security_groups=[clients])
        self.environment = {"MODELS_FOLDER": MOUNT_PATH}
        self.dead_letters = dead_letter_queue(self, "SyncDeadLetters")
        self._sync(models, self.network, self.dead_letters)

    def image_context(self) -> AbstractContextManager[Path]:
        """Return the classifier's source folder, without a model."""
        return nullcontext(LAMBDA_SRC / "classifier")

    def attach(self, function: lambda_.Function) -> None:
        """Mount the file system read-only into `function`."""
        self._mount(function, "elasticfilesystem:ClientMount")

    def _vpc(self, *, readable: list[s3.IBucket]) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Network",
            ip_addresses=ec2.IpAddresses.cidr(_ADDRESSES),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="models", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                )
            ],
            restrict_default_security_group=False,
        )
        if self._settings.access_logs:
            group = log_group(self, "Flows", settings=self._settings)
            role = iam.Role(
                self,
                "FlowsRole",
                assumed_by=iam.ServicePrincipal(
                    "vpc-flow-logs.amazonaws.com", conditions=for_this_account(self)
                ),
            )
            vpc.add_flow_log(
                "FlowLog",
                destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role),
                traffic_type=ec2.FlowLogTrafficType.REJECT,
            )
        else:
            acknowledge(vpc, {"AwsSolutions-VPC7": "The settings ask for no such logs."})
        endpoint = vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        endpoint.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects("*") for bucket in readable],
            )
        )
        return vpc

    def _file_system(self, vpc: ec2.IVpc, clients: ec2.ISecurityGroup) -> efs.AccessPoint:
        settings = self._settings
        server = ec2.SecurityGroup(
            self,
            "Server",
            vpc=vpc,
            description="The file system of models.",
            allow_all_outbound=False,
        )
        server.add_ingress_rule(
            ec2.Peer.security_group_id(clients.security_group_id),
            ec2.Port.tcp(_NFS_PORT),
            "Functions that read or fill it",
        )
        file_system = efs.FileSystem(
            self,
            "Files",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_group=server,
            encrypted=True,
            throughput_mode=efs.ThroughputMode.ELASTIC,
            enable_automatic_backups=settings.retain_data,
            # Not CDK's policy against anonymous access: it allows all clients to write.
            allow_anonymous_access=True,
            file_system_policy=_mount_only_policy(),
            removal_policy=data_policy(settings),
        )
        self._mount_targets = file_system.mount_targets_available
        self._file_system_arn = file_system.file_system_arn
        return file_system.add_access_point(
            "Models",
            path="/models",
            create_acl=efs.Acl(owner_uid=_USER_ID, owner_gid=_USER_ID, permissions="755"),
            posix_user=efs.PosixUser(uid=_USER_ID, gid=_USER_ID),
        )

    def _mount(self, function: lambda_.Function, *actions: str) -> None:
        access_point_arn = self._access_point.access_point_arn
        cfn = function.node.default_child
        assert isinstance(cfn, lambda_.CfnFunction)
        cfn.file_system_configs = [
            lambda_.CfnFunction.FileSystemConfigProperty(
                arn=access_point_arn, local_mount_path=MOUNT_PATH
            )
        ]
        # Not FileSystem.from_efs_access_point: it always allows writing.
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=list(actions),
                resources=[self._file_system_arn],
                conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": access_point_arn}},
            )
        )
        function.node.add_dependency(self._mount_targets)

    def _sync(self, models: s3.IBucket, network: Network, dead_letters: sqs.IQueue) -> None:
        sync = python_function(
            self,
            "Sync",
            settings=self._settings,
            name="model_sync",
            timeout_s=_SYNC_TIMEOUT_S,
            environment={"MODELS_BUCKET": models.bucket_name, "MODELS_FOLDER": MOUNT_PATH},
            network=network,
        )
        output(cdk.Stack.of(self), "ModelSyncFunction", sync.function_name, settings=self._settings)
        keep_failures(sync, dead_letters, retries=2, max_age_min=60)
        self._mount(sync, "elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")
        sync.add_to_role_policy(
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[models.arn_for_objects("*")])
        )
        finding = objects_finding(self, models, "")
        acknowledge(self, {finding: "It copies whatever model is published."})
        events.Rule(
            self,
            "Published",
            description="Copies a model version to the file system when its manifest arrives.",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [models.bucket_name]},
                    "object": {"key": [{"suffix": "/manifest.json"}]},
                },
            ),
            targets=[
                targets.LambdaFunction(
                    sync,
                    dead_letter_queue=dead_letters,
                    retry_attempts=3,
                    max_event_age=cdk.Duration.hours(1),
                )
            ],
        )


def _mount_only_policy() -> iam.PolicyDocument:
    """Return a policy that replaces EFS's default, under which any client may mount and write.

    A role's rights are the sum of this policy and its own, so writing is left to the roles.
    """
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                principals=[iam.AccountRootPrincipal()],
                actions=["elasticfilesystem:ClientMount"],
            )
        ]
    )
