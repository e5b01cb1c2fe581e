"""What is published in a store's bucket: which versions, and whether they are what they say."""

import base64
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from warmlens.models.errors import ModelError
from warmlens.models.manifest import MANIFEST_NAME, FileEntry, Manifest, parse_manifest
from warmlens.models.verify import Finding

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class Store:
    """The models bucket of an environment, read only.

    Every method raises ModelError: ``bucket_missing``, ``store_refused`` or ``store_unreachable``
    besides what it names itself.

    Args:
        s3_client: client for the bucket's region.
        bucket: its name.
    """

    def __init__(self, s3_client: "S3Client", bucket: str) -> None:
        self._s3 = s3_client
        self.bucket = bucket

    def versions(self) -> list[tuple[str, str]]:
        """Return name and version of everything published, ordered by name, then by number."""
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
            ModelError: ``not_published``, ``wrong_folder``, or what reading a manifest raises.
        """
        key = f"{name}/{version}/{MANIFEST_NAME}"
        with store_errors(self.bucket):
            try:
                raw = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except self._s3.exceptions.NoSuchKey:
                raise ModelError(
                    "not_published",
                    f"{name} {version} is not in {self.bucket}; publish it first: "
                    f"warmlens model publish {name} {version} ...",
                ) from None
        manifest = parse_manifest(raw, key)
        if (manifest.name, manifest.version) != (name, version):
            raise ModelError(
                "wrong_folder", f"{key} is the manifest of {manifest.name} {manifest.version}."
            )
        return manifest

    def verify(self, manifest: Manifest) -> list[Finding]:
        """Return what is wrong with a published version's files, by the checksums S3 keeps.

        The codes are ``file_missing``, ``wrong_bytes`` and ``wrong_sha256``; the last one also for
        a file that was stored without a checksum.
        """
        prefix = f"{manifest.name}/{manifest.version}/"
        findings = [self._finding(prefix, entry) for entry in manifest.files.entries]
        return [finding for finding in findings if finding is not None]

    def _finding(self, prefix: str, entry: FileEntry) -> Finding | None:
        key = prefix + entry.path
        with store_errors(self.bucket):
            try:
                head = self._s3.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
            except ClientError as error:
                # Without the right to list, S3 says 403 of an object that is missing.
                if error.response["Error"]["Code"] not in ("404", "403"):
                    raise
                message = f"{key} is not in {self.bucket}; the manifest lists it."
                return Finding("file_missing", entry.path, message)
        if head["ContentLength"] != entry.bytes:
            message = f"{key} has {head['ContentLength']} bytes; the manifest says {entry.bytes}."
            return Finding("wrong_bytes", entry.path, message)
        stored = base64.b64decode(head.get("ChecksumSHA256", "")).hex()
        if stored != entry.sha256:
            message = f"{key} has SHA-256 {stored or 'unknown'}; the manifest says {entry.sha256}."
            return Finding("wrong_sha256", entry.path, message)
        return None


@contextlib.contextmanager
def store_errors(bucket: str) -> Iterator[None]:
    """Turn what the AWS library raises into ModelError, in plain words."""
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


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
