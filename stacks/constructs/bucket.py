"""Private, encrypted S3 buckets that require TLS."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.policies import acknowledge, for_this_account
from stacks.settings import Settings


def data_policy(settings: Settings) -> cdk.RemovalPolicy:
    """Return the removal policy of a resource with data.

    Retained data outlive their stack, but a first deploy that fails leaves none behind.
    """
    if settings.retain_data:
        return cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    return cdk.RemovalPolicy.DESTROY


def private_bucket(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    versioned: bool,
    access_logs: s3.IBucket | None = None,
) -> s3.Bucket:
    """Create a private bucket.

    Args:
        settings: settings of the environment.
        versioned: True keeps overwritten and deleted objects.
        access_logs: bucket for access logs; None keeps none.
    """
    bucket = s3.Bucket(
        scope,
        construct_id,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=versioned,
        removal_policy=data_policy(settings),
        auto_delete_objects=settings.empty_buckets,
    )
    if access_logs is None:
        acknowledge(
            bucket, {"AwsSolutions-S1": "It holds such logs, or the settings ask for none."}
        )
    else:
        _log_access(bucket, access_logs, prefix=f"{construct_id.lower()}/")
    # Parts of interrupted uploads are billed, and no listing shows them.
    bucket.add_lifecycle_rule(abort_incomplete_multipart_upload_after=cdk.Duration.days(1))
    return bucket


def access_logs_bucket(
    scope: Construct, construct_id: str, *, settings: Settings
) -> s3.Bucket | None:
    """Create the bucket for access logs; return None if the settings disable them."""
    if not settings.access_logs:
        return None
    bucket = private_bucket(scope, construct_id, settings=settings, versioned=False)
    bucket.add_lifecycle_rule(expiration=cdk.Duration.days(settings.log_retention_days))
    return bucket


def _log_access(bucket: s3.Bucket, access_logs: s3.IBucket, *, prefix: str) -> None:
    """Have S3 log requests to `bucket`, for buckets of this account only.

    Not by the bucket's own property: CDK then limits the permission only within one stack.
    """
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)
    resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
        destination_bucket_name=access_logs.bucket_name, log_file_prefix=prefix
    )
    stack, owner = cdk.Stack.of(bucket), cdk.Stack.of(access_logs)
    conditions = for_this_account(access_logs)
    if stack.node.path == owner.node.path:  # else the stacks would need each other
        conditions["ArnLike"] = {"aws:SourceArn": bucket.bucket_arn}
    access_logs.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
            actions=["s3:PutObject"],
            resources=[access_logs.arn_for_objects(f"{prefix}*")],
            conditions=conditions,
        )
    )
