"""The rules that every stack is held against when it is synthesized, and what they do not apply to.

`cdk synth` fails on a finding that is not acknowledged. An acknowledgement names one finding of one
construct, with the reason.
"""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import IConstruct


def add_policies(app: cdk.App) -> None:
    """Hold everything below `app` against cdk-nag's packs AwsSolutions and Serverless."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))


def acknowledge(construct: IConstruct, findings: dict[str, str]) -> None:
    """Say why findings do not apply to a construct and what belongs to it.

    Args:
        construct: what was found.
        findings: the reason for each finding: the rule, or `rule[part]` where a rule finds several
            parts of one resource.
    """
    acknowledgements = [
        cdk.Acknowledgment(id=finding, reason=reason) for finding, reason in findings.items()
    ]
    cdk.Validations.of(construct).acknowledge(*acknowledgements)


def objects_finding(reader: IConstruct, bucket: s3.IBucket, prefix: str) -> str:
    """Return the finding that a policy names all objects below a prefix.

    Args:
        reader: what the policy belongs to.
        bucket: the bucket, of the same stack or another one.
        prefix: begin of the objects' keys; empty for all objects.
    """
    here, owner = cdk.Stack.of(reader), cdk.Stack.of(bucket)
    if here.node.path == owner.node.path:
        resource = bucket.node.default_child
        assert isinstance(resource, cdk.CfnElement)
        arn = f"<{owner.get_logical_id(resource)}.Arn>"
    else:
        arn = owner.resolve(owner.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    return f"AwsSolutions-IAM5[Resource::{arn}/{prefix}*]"
