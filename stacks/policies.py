"""Policy checks of all stacks with cdk-nag, and acknowledgements of their findings.

`cdk synth` fails on a finding that is not acknowledged. An acknowledgement names one finding of one
construct and the reason.
"""

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import Construct, IConstruct


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


def for_this_account(scope: IConstruct) -> dict[str, dict[str, str]]:
    """Return the condition under which a service may act for this account, and for no other."""
    return {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}}


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
        arn = _compact(_published(owner, bucket.bucket_arn))
    return f"AwsSolutions-IAM5[Resource::{arn}/{prefix}*]"


def _published(owner: cdk.Stack, value: str) -> Any:
    """Return the reference by which another stack reads a value of `owner`.

    The CDK adds the output only at the end of the synthesis, after findings are acknowledged. An
    output that is there under its name is taken (`createGetStackOutput` in aws-cdk-lib,
    core/lib/private/refs.ts).
    """
    name = f"Output{_compact(owner.resolve(value))}"
    scope = owner.node.try_find_child("Publish")
    if not isinstance(scope, Construct):
        scope = Construct(owner, "Publish")
    output = scope.node.try_find_child(name)
    if not isinstance(output, cdk.CfnOutput):
        output = cdk.CfnOutput(scope, name, value=value)
    reference = cdk.Fn.get_stack_output(owner.stack_name, output.logical_id, owner.region)
    return owner.resolve(reference)


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))
