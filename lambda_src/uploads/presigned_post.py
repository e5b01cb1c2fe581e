"""Presigned POST of one object to S3.

Source: S3 API reference, "Authenticating requests in browser-based uploads using POST".
"""

import json
import time
from binascii import b2a_base64

from .endpoints import endpoint
from .sigv4 import ALGORITHM, Signer, timestamp


def presigned_post(
    signer: Signer,
    *,
    bucket: str,
    key: str,
    content_type: str,
    size_bytes: int,
    expires_in_s: int,
    now_s: float,
) -> tuple[str, dict[str, str]]:
    """Return the address and the form's fields for an upload of one key, type and exact size.

    Args:
        signer: the keys to sign with; the upload has their permissions.
        bucket: the bucket.
        key: the object's key.
        content_type: the object's type.
        size_bytes: the object's size.
        expires_in_s: time for which it is valid.
        now_s: the Unix time now.
    """
    moment = timestamp(now_s)
    signed = {
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": f"{signer.key_id}/{signer.scope('s3', moment[:8])}",
        "x-amz-date": moment,
    }
    if signer.token is not None:
        signed["x-amz-security-token"] = signer.token
    document = {
        "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s + expires_in_s)),
        "conditions": [
            {"Content-Type": content_type},
            ["content-length-range", size_bytes, size_bytes],
            {"bucket": bucket},
            {"key": key},
            *({name: value} for name, value in signed.items()),
        ],
    }
    policy = b2a_base64(json.dumps(document).encode(), newline=False).decode()
    fields = {
        "Content-Type": content_type,
        "key": key,
        **signed,
        "policy": policy,
        "x-amz-signature": signer.signature(policy, "s3", moment[:8]),
    }
    return bucket_url(bucket, signer.region), fields


def bucket_url(bucket: str, region: str) -> str:
    """Return the bucket's address in its region.

    S3's global one redirects uploads to a new bucket for up to a day (307), and newer regions
    refuse them (400); S3 user guide, "Virtual hosting of general purpose buckets". An IP address
    takes no host name before it, nor does a certificate cover a name with dots.
    """
    s3 = endpoint("s3", region)
    if s3.is_ip_address or ("." in bucket and s3.scheme == "https"):
        return f"{s3.scheme}://{s3.netloc}{s3.path.rstrip('/')}/{bucket}"
    return f"{s3.scheme}://{bucket}.{s3.netloc}{s3.path or '/'}"
