"""Policy checks of all stacks with cdk-nag, and acknowledgements of their findings.

`cdk synth` fails on a finding that is not acknowledged. An acknowledgement names one finding of one
construct and the reason.
"""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import IConstruct


def add_policies(app: cdk.App) -> None:
    """Check everything in `app` with cdk-nag's packs AwsSolutions and Serverless."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))


def acknowledge(construct: IConstruct, findings: dict[str, str]) -> None:
    """Acknowledge findings on a construct and its children.

    Args:
        construct: the construct.
        findings: reasons by finding: the rule, or `rule[part]` where a rule reports several parts
            of one resource.
    """
    acknowledgements = [
        cdk.Acknowledgment(id=finding, reason=reason) for finding, reason in findings.items()
    ]
    cdk.Validations.of(construct).acknowledge(*acknowledgements)


def objects_finding(reader: IConstruct, bucket: s3.IBucket, prefix: str) -> str:
    """Return cdk-nag's finding id for a policy that allows all objects below a prefix.

    Args:
        reader: the construct with the policy.
        bucket: the bucket, in the same stack or another one.
        prefix: key prefix; empty for all objects.
    """
    here, owner = cdk.Stack.of(reader), cdk.Stack.of(bucket)
    if here.node.path == owner.node.path:
        resource = bucket.node.default_child
        assert isinstance(resource, cdk.CfnElement)
        arn = f"<{owner.get_logical_id(resource)}.Arn>"
    else:
        arn = owner.resolve(owner.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    return f"AwsSolutions-IAM5[Resource::{arn}/{prefix}*]"
