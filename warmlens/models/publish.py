"""Puts a model version into a store's bucket, whole or not at all.

A reader starts from the manifest, so the manifest is written last: until then the version does not
exist. Every object is written only where none is (``If-None-Match: *``), so two publishers cannot
mix their files and a published version never changes.
"""

import base64
import dataclasses
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import ClientError

from warmlens.models.errors import ModelError
from warmlens.models.manifest import MANIFEST_NAME, Manifest
from warmlens.models.store import store_errors
from warmlens.models.verify import require_verified, sha256_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Go along where they exist, so that the weights do not travel without their licence.
COMPANION_FILES = ("LICENSE", "README.md")
CONTENT_TYPES = {".json": "application/json", ".md": "text/markdown", "": "text/plain"}


@dataclasses.dataclass(frozen=True)
class UploadProgress:
    """How much of a version is uploaded: bytes sent, and files that S3 has confirmed."""

    sent_bytes: int
    total_bytes: int
    files_done: int
    file_count: int


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
    on_progress: Callable[[UploadProgress], None] = lambda _: None,
) -> PublishResult:
    """Verify the version in ``folder`` and upload it as ``<name>/<version>/<file>``.

    All files but the manifest travel at the same time; ``on_progress`` is called from the threads
    that send them, by one at a time. Publishing the same manifest again changes nothing and says
    so. A publish that was interrupted is finished by running it again.

    Raises:
        ModelError: what verifying raises; ``version_exists`` when the store has this version with
            another manifest; ``leftover_differs`` when an unfinished publish left a file with
            other content; ``bucket_missing``, ``store_refused`` or ``store_unreachable``.
    """
    manifest = require_verified(folder)
    digests = _digests(folder, manifest)
    prefix = f"{manifest.name}/{manifest.version}/"
    keys = tuple(prefix + name for name in digests)
    progress = _Progress({name: (folder / name).stat().st_size for name in digests}, on_progress)

    def put(name: str) -> None:
        with _SentFile(folder / name, lambda position: progress.sent(name, position)) as body:
            _put_where_none_is(s3_client, bucket, prefix + name, body, digests[name])
        progress.confirmed(name)

    with store_errors(bucket):
        raw = (folder / MANIFEST_NAME).read_bytes()
        if _is_published(s3_client, bucket, prefix + MANIFEST_NAME, raw):
            return PublishResult(manifest.name, manifest.version, published=False, keys=())
        with ThreadPoolExecutor(len(digests)) as executor:
            files = [name for name in digests if name != MANIFEST_NAME]
            for done in as_completed([executor.submit(put, name) for name in files]):
                done.result()
        put(MANIFEST_NAME)
    return PublishResult(manifest.name, manifest.version, published=True, keys=keys)


class _Progress:
    """Adds up what several threads send."""

    def __init__(
        self, sizes: dict[str, int], on_progress: Callable[[UploadProgress], None]
    ) -> None:
        self._sizes = sizes
        self._sent = dict.fromkeys(sizes, 0)
        self._done: set[str] = set()
        self._on_progress = on_progress
        self._lock = threading.Lock()

    def sent(self, name: str, position: int) -> None:
        with self._lock:
            self._sent[name] = position
            self._tell()

    def confirmed(self, name: str) -> None:
        with self._lock:
            self._sent[name] = self._sizes[name]
            self._done.add(name)
            self._tell()

    def _tell(self) -> None:
        sent, total = sum(self._sent.values()), sum(self._sizes.values())
        self._on_progress(UploadProgress(sent, total, len(self._done), len(self._sizes)))


class _SentFile(io.FileIO):
    """A file that tells how far it was read."""

    def __init__(self, path: Path, on_position: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_position = on_position

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        self._on_position(self.tell())
        return data or b""


def _digests(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Return the SHA-256 of every file to upload, in the order of upload: the manifest is last."""
    digests = {entry.path: entry.sha256 for entry in manifest.files.entries}
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
    s3_client: "S3Client", bucket: str, key: str, body: BinaryIO, digest: str
) -> None:
    checksum = base64.b64encode(bytes.fromhex(digest)).decode()
    try:
        s3_client.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ChecksumSHA256=checksum,
            ContentType=CONTENT_TYPES.get(Path(key).suffix, "application/octet-stream"),
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        stored = s3_client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        if stored.get("ChecksumSHA256") == checksum:
            return
        if Path(key).name == MANIFEST_NAME:
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
