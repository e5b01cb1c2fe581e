"""Uploaded photos of an environment, for its operator: listing and deletion."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from warmlens.errors import WarmlensError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

PREFIX = "uploads/"
"""The prefix of uploads, as in stacks/storage.py."""
_MOST_AT_ONCE = 1000
"""Objects of one DeleteObjects call: S3 API reference."""


@dataclass(frozen=True, kw_only=True)
class StoredPhoto:
    """An uploaded photo, or an old version of one where someone has versioned the bucket.

    Attributes:
        file_path: the name that `/uploads` returned for it.
        uploaded_at: when it was stored.
        size_bytes: its size; None of a delete marker.
        version_id: its version, `null` in a bucket without versions.
    """

    file_path: str
    uploaded_at: datetime
    size_bytes: int | None
    version_id: str


def find_photos(
    s3: "S3Client",
    bucket: str,
    *,
    prefix: str = PREFIX,
    after: datetime | None = None,
    before: datetime | None = None,
) -> list[StoredPhoto]:
    """Return the photos that were stored in a time, the oldest first, old versions among them.

    Args:
        s3: client for the bucket's region.
        bucket: the images bucket.
        prefix: prefix of their names.
        after: the earliest time, inclusive; None for any.
        before: the latest time, exclusive; None for any.
    """
    found = [
        photo
        for photo in _versions(s3, bucket, prefix)
        if (after is None or photo.uploaded_at >= after)
        and (before is None or photo.uploaded_at < before)
    ]
    return sorted(found, key=lambda photo: (photo.uploaded_at, photo.file_path))


def _versions(s3: "S3Client", bucket: str, prefix: str) -> Iterator[StoredPhoto]:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for version in page.get("Versions", []):
            yield StoredPhoto(
                file_path=version["Key"],
                uploaded_at=version["LastModified"],
                size_bytes=version["Size"],
                version_id=version["VersionId"],
            )
        for marker in page.get("DeleteMarkers", []):
            yield StoredPhoto(
                file_path=marker["Key"],
                uploaded_at=marker["LastModified"],
                size_bytes=None,
                version_id=marker["VersionId"],
            )


def photos_at(s3: "S3Client", bucket: str, file_path: str) -> list[StoredPhoto]:
    """Return all versions of the photo with this name; none if it is not stored.

    Raises:
        WarmlensError: `not_an_upload`: the name is not that of an uploaded photo.
    """
    if not file_path.startswith(PREFIX) or file_path == PREFIX:
        raise WarmlensError(
            "not_an_upload",
            f"{file_path} is not an uploaded photo: their names begin with {PREFIX}",
        )
    found = find_photos(s3, bucket, prefix=file_path)
    return [photo for photo in found if photo.file_path == file_path]


def delete_photos(s3: "S3Client", bucket: str, photos: Sequence[StoredPhoto]) -> None:
    """Delete photos for good, each by its version.

    Args:
        s3: client for the bucket's region.
        bucket: the images bucket.
        photos: the photos; one that is no longer stored is no error.

    Raises:
        WarmlensError: `not_deleted`: S3 refused some; the others are deleted.
    """
    refused: list[str] = []
    for begin in range(0, len(photos), _MOST_AT_ONCE):
        objects: list[ObjectIdentifierTypeDef] = [
            {"Key": photo.file_path, "VersionId": photo.version_id}
            for photo in photos[begin : begin + _MOST_AT_ONCE]
        ]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        refused += [
            f"{error.get('Key')} ({error.get('Code')}: {error.get('Message')})"
            for error in answer.get("Errors", [])
        ]
    if refused:
        raise WarmlensError(
            "not_deleted",
            f"S3 did not delete {len(refused)} of {len(photos)} photos, the first of them "
            f"{refused[0]}. Give your role s3:DeleteObjectVersion, and delete again.",
        )
