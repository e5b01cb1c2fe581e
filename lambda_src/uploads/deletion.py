"""Deletion of one uploaded photo, with the token that its upload got.

A photo's name is the digest of its token. So a token proves which photo it may delete, nothing is
stored for it, and a person who knows a name cannot make its token: docs/decisions/0120.
"""

import hmac
import http.client
import re
import time
from hashlib import sha256

from .endpoints import Endpoint
from .photo_name import name_of
from .presigned_post import bucket_url
from .sigv4 import Signer

TIMEOUT_S = 5
_NAME = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/([0-9a-f]{32})\.[a-z]{3,4}")


class StorageError(Exception):
    """S3 did not answer, or refused to delete."""


def proves(token: str, file_path: str, prefix: str) -> bool:
    """Return whether a token is that of a photo, whether or not the photo is stored."""
    name = _NAME.fullmatch(file_path.removeprefix(prefix))
    return (
        file_path.startswith(prefix)
        and name is not None
        and hmac.compare_digest(name[1], name_of(token))
    )


def delete(signer: Signer, *, bucket: str, key: str) -> None:
    """Delete an object; one that is not stored is no error to S3.

    Args:
        signer: the keys to sign with.
        bucket: the bucket.
        key: the object's key, of characters that need no encoding in an address.

    Raises:
        StorageError: S3 did not answer in time, or with another status than success.
    """
    place = Endpoint(bucket_url(bucket, signer.region))
    path = f"{place.path.rstrip('/')}/{key}"
    headers = {"host": place.netloc, "x-amz-content-sha256": sha256(b"").hexdigest()}
    signed = signer.headers(path, headers, b"", service="s3", now_s=time.time(), method="DELETE")
    client = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = client(place.host, place.port, timeout=TIMEOUT_S)
    try:
        connection.request("DELETE", path, headers=signed)
        answer = connection.getresponse()
        if not 200 <= answer.status < 300:
            raise StorageError(f"{answer.status} {answer.read(1000).decode(errors='replace')}")
    except (OSError, http.client.HTTPException) as error:
        raise StorageError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
