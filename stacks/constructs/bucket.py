"""A bucket as every bucket here must be: private, encrypted, reached over TLS only."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.policies import acknowledge
from stacks.settings import Settings


def private_bucket(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    versioned: bool,
    access_logs: s3.IBucket | None = None,
) -> s3.Bucket:
    """Make a bucket that no one outside the account can read.

    Args:
        scope: the construct that it belongs to.
        construct_id: its id there.
        settings: says whether the bucket and its objects outlive the stack.
        versioned: keep what is overwritten or deleted.
        access_logs: bucket that a record of every request goes to; None keeps none.
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
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix=f"{construct_id.lower()}/" if access_logs else None,
        removal_policy=(
            cdk.RemovalPolicy.RETAIN if settings.retain_data else cdk.RemovalPolicy.DESTROY
        ),
        auto_delete_objects=settings.empty_buckets,
    )
    if access_logs is None:
        acknowledge(
            bucket, {"AwsSolutions-S1": "It holds such logs, or the settings ask for none."}
        )
    # What an upload that was cut off left behind is billed, and seen by no list.
    bucket.add_lifecycle_rule(abort_incomplete_multipart_upload_after=cdk.Duration.days(1))
    return bucket


def access_logs_bucket(
    scope: Construct, construct_id: str, *, settings: Settings
) -> s3.Bucket | None:
    """Make the bucket for other buckets' access logs, or None where the settings ask for none."""
    if not settings.access_logs:
        return None
    bucket = private_bucket(scope, construct_id, settings=settings, versioned=False)
    bucket.add_lifecycle_rule(expiration=cdk.Duration.days(settings.log_retention_days))
    return bucket
