"""A bucket as every bucket here must be: private, encrypted, reached over TLS only."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.settings import Settings


def private_bucket(
    scope: Construct, construct_id: str, *, settings: Settings, versioned: bool
) -> s3.Bucket:
    """Make a bucket that no one outside the account can read.

    Args:
        scope: the construct that it belongs to.
        construct_id: its id there.
        settings: says whether the bucket and its objects outlive the stack.
        versioned: keep what is overwritten or deleted.
    """
    return s3.Bucket(
        scope,
        construct_id,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=versioned,
        removal_policy=(
            cdk.RemovalPolicy.RETAIN if settings.retain_data else cdk.RemovalPolicy.DESTROY
        ),
        auto_delete_objects=settings.empty_buckets,
    )
