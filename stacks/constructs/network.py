"""The private network of functions that reach a file system."""

from dataclasses import dataclass, field

from aws_cdk import aws_ec2 as ec2


@dataclass(frozen=True, kw_only=True)
class Network:
    """Where a function must run to reach its model store.

    Attributes:
        vpc: the network.
        security_groups: what the function may reach in it.
        subnets: its subnets.
    """

    vpc: ec2.IVpc
    security_groups: list[ec2.ISecurityGroup]
    subnets: ec2.SubnetSelection = field(
        default_factory=lambda: ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    )
