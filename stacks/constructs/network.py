"""Network configuration of functions with a file system."""

from dataclasses import dataclass, field

from aws_cdk import aws_ec2 as ec2


@dataclass(frozen=True, kw_only=True)
class Network:
    """VPC, security groups and subnets of a function.

    Attributes:
        vpc: the VPC.
        security_groups: the function's security groups.
        subnets: the function's subnets.
    """

    vpc: ec2.IVpc
    security_groups: list[ec2.ISecurityGroup]
    subnets: ec2.SubnetSelection = field(
        default_factory=lambda: ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    )
