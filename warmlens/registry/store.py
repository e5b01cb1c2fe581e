"""Listing and verification of the model versions in a bucket."""

import base64
import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from warmlens.errors import WarmlensError
from warmlens.registry.manifest import MANIFEST_NAME, FileEntry, Manifest
from warmlens.registry.manifest_file import parse_manifest
from warmlens.registry.verify import Finding

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


CHUNK_BYTES = 4 * 2**20


class Store:
    """The models bucket of an environment, read only.

    Every method raises WarmlensError: `bucket_missing`, `store_refused` or
    `store_unreachable` besides those it names itself.

    Args:
        s3_client: client for the bucket's region.
        bucket: its name.
        environment: name of its environment, for messages.
    """

    def __init__(self, s3_client: "S3Client", bucket: str, environment: str) -> None:
        self._s3 = s3_client
        self._environment = environment
        self.bucket = bucket

    def versions(self) -> list[tuple[str, str]]:
        """Return name and version of all published versions, ordered by name, then by number."""
        found = []
        with store_errors(self.bucket):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
            for entry in (entry for page in pages for entry in page.get("Contents", [])):
                match entry["Key"].split("/"):
                    case [name, version, file] if file == MANIFEST_NAME:
                        found.append((name, version))
        return sorted(found, key=lambda each: (each[0], _numbers(each[1])))

    def manifest(self, name: str, version: str) -> Manifest:
        """Read a published manifest.

        Raises:
            WarmlensError: `not_published`, `wrong_folder`, or what reading a manifest raises.
        """
        key = f"{name}/{version}/{MANIFEST_NAME}"
        with store_errors(self.bucket):
            try:
                raw = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except self._s3.exceptions.NoSuchKey:
                raise WarmlensError(
                    "not_published",
                    f"{name} {version} is not in {self.bucket}; publish it first: "
                    f"warmlens model publish {name} {version} --env {self._environment}",
                ) from None
        manifest = parse_manifest(raw, key)
        if (manifest.name, manifest.version) != (name, version):
            raise WarmlensError(
                "wrong_folder", f"{key} is the manifest of {manifest.name} {manifest.version}."
            )
        return manifest

    def verify(self, manifest: Manifest) -> list[Finding]:
        """Return the problems of a published version's files.

        The codes are `file_missing`, `wrong_bytes` and `wrong_sha256`.
        """
        prefix = f"{manifest.name}/{manifest.version}/"
        findings = [self._finding(prefix, entry) for entry in manifest.files.entries]
        return [finding for finding in findings if finding is not None]

    def _finding(self, prefix: str, entry: FileEntry) -> Finding | None:
        key = prefix + entry.path
        with store_errors(self.bucket):
            stored = find_object(self._s3, self.bucket, key)
            if stored is None:
                message = f"{key} is not in {self.bucket}; the manifest lists it."
                return Finding("file_missing", entry.path, message)
            if stored.bytes != entry.bytes:
                message = f"{key} has {stored.bytes} bytes; the manifest says {entry.bytes}."
                return Finding("wrong_bytes", entry.path, message)
            sha256 = stored.sha256()
            if sha256 != entry.sha256:
                message = f"{key} has SHA-256 {sha256}; the manifest says {entry.sha256}."
                return Finding("wrong_sha256", entry.path, message)
        return None


class StoredObject:
    """An object in a bucket at the time of the request.

    Attributes:
        bytes: its size.
        etag: S3's ETag of this content, for conditional requests.
    """

    def __init__(self, s3_client: "S3Client", bucket: str, key: str) -> None:
        self._s3 = s3_client
        self._bucket = bucket
        self._key = key
        head = s3_client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        self.bytes = head["ContentLength"]
        self.etag = head["ETag"]
        # The checksum of a multipart upload is not that of the content.
        whole = head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        self._checksum = head.get("ChecksumSHA256") if whole else None

    def sha256(self) -> str:
        """Return the SHA-256 in hexadecimal, from S3 or by reading the object."""
        if self._checksum is not None:
            return base64.b64decode(self._checksum).hex()
        digest = hashlib.sha256()
        body = self._s3.get_object(Bucket=self._bucket, Key=self._key, IfMatch=self.etag)["Body"]
        for chunk in body.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()


def find_object(s3_client: "S3Client", bucket: str, key: str) -> StoredObject | None:
    """Return an object, or None where it does not exist.

    Raises:
        ClientError: S3 refused for another reason.
        BotoCoreError: S3 could not be reached.
    """
    try:
        return StoredObject(s3_client, bucket, key)
    except ClientError as error:
        # Without the right to list, S3 answers 403 for a missing object.
        if error.response["Error"]["Code"] not in ("404", "403"):
            raise
        return None


@contextlib.contextmanager
def store_errors(bucket: str) -> Iterator[None]:
    """Turn exceptions of the AWS library into WarmlensError."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            raise WarmlensError("bucket_missing", f"There is no bucket {bucket}.") from error
        raise WarmlensError(
            "store_refused", f"The bucket {bucket} refused {error.operation_name}: {code}."
        ) from error
    except BotoCoreError as error:
        raise WarmlensError("store_unreachable", f"The bucket {bucket}: {error}") from error


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
