"""Puts a model version into a store's bucket, whole or not at all.

A reader starts from the manifest, so the manifest is written last: until then the version does not
exist. Every object is written only where none is (``If-None-Match: *``), so two publishers cannot
mix their files and a published version never changes.
"""

import base64
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from warmlens.models.errors import ModelError
from warmlens.models.manifest import MANIFEST_NAME, Manifest
from warmlens.models.verify import require_verified, sha256_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Go along where they exist, so that the weights do not travel without their licence.
COMPANION_FILES = ("LICENSE", "README.md")
CONTENT_TYPES = {".json": "application/json", ".md": "text/markdown", "": "text/plain"}


@dataclasses.dataclass(frozen=True)
class UploadProgress:
    """Told before each upload: which object, its size, and that it is number ``index`` of them."""

    key: str
    bytes: int
    index: int
    count: int


@dataclasses.dataclass(frozen=True)
class PublishResult:
    """``published`` is False when the very same version was in the store already."""

    name: str
    version: str
    published: bool
    keys: tuple[str, ...]


def publish_model(
    folder: Path,
    bucket: str,
    s3_client: "S3Client",
    on_progress: Callable[[UploadProgress], None] | None = None,
) -> PublishResult:
    """Verify the version in ``folder`` and upload it as ``<name>/<version>/<file>``.

    Publishing the same manifest again changes nothing and says so. A publish that was interrupted
    is finished by running it again.

    Raises:
        ModelError: what verifying raises; ``version_exists`` when the store has this version with
            another manifest; ``leftover_differs`` when an unfinished publish left a file with
            other content; ``bucket_missing``, ``store_refused`` or ``store_unreachable``.
    """
    manifest = require_verified(folder)
    digests = _digests(folder, manifest)
    prefix = f"{manifest.name}/{manifest.version}/"
    keys = tuple(prefix + name for name in digests)
    with _store_errors(bucket):
        raw = (folder / MANIFEST_NAME).read_bytes()
        if _is_published(s3_client, bucket, prefix + MANIFEST_NAME, raw):
            return PublishResult(manifest.name, manifest.version, published=False, keys=())
        for index, (name, digest) in enumerate(digests.items(), start=1):
            path = folder / name
            if on_progress is not None:
                size = path.stat().st_size
                on_progress(UploadProgress(prefix + name, size, index, len(digests)))
            _put_where_none_is(s3_client, bucket, prefix + name, path, digest)
    return PublishResult(manifest.name, manifest.version, published=True, keys=keys)


def _digests(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Return the SHA-256 of every file to upload, in the order of upload: the manifest is last."""
    digests = {entry.path: entry.sha256 for entry in (manifest.files.model, manifest.files.labels)}
    companions = [name for name in COMPANION_FILES if (folder / name).is_file()]
    for name in (*companions, MANIFEST_NAME):
        digests[name] = sha256_of(folder / name)
    return digests


def _is_published(s3_client: "S3Client", bucket: str, key: str, manifest_raw: bytes) -> bool:
    try:
        published = s3_client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3_client.exceptions.NoSuchKey:
        return False
    if published != manifest_raw:
        raise _version_exists(bucket, key)
    return True


def _put_where_none_is(
    s3_client: "S3Client", bucket: str, key: str, path: Path, digest: str
) -> None:
    checksum = base64.b64encode(bytes.fromhex(digest)).decode()
    try:
        with path.open("rb") as body:
            s3_client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ChecksumSHA256=checksum,
                ContentType=CONTENT_TYPES.get(path.suffix, "application/octet-stream"),
                IfNoneMatch="*",
            )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        stored = s3_client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        if stored.get("ChecksumSHA256") == checksum:
            return
        if path.name == MANIFEST_NAME:
            raise _version_exists(bucket, key) from None
        raise ModelError(
            "leftover_differs",
            f"{key} is in the bucket {bucket} with other content, left by an unfinished publish; "
            "delete it, or give this version a new number.",
        ) from None


def _version_exists(bucket: str, key: str) -> ModelError:
    return ModelError(
        "version_exists",
        f"{key} is in the bucket {bucket} with other content; a published version never changes, "
        "so give this one a new number.",
    )


@contextlib.contextmanager
def _store_errors(bucket: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            raise ModelError("bucket_missing", f"There is no bucket {bucket}.") from error
        raise ModelError(
            "store_refused", f"The bucket {bucket} refused {error.operation_name}: {code}."
        ) from error
    except BotoCoreError as error:
        raise ModelError("store_unreachable", f"The bucket {bucket}: {error}") from error
