"""Publishing of model versions to a bucket, atomically, and repair of damaged ones.

A reader starts from the manifest, so the manifest is written last: until then the version does not
exist. Every object is written on a condition: a new one only where none exists
(`If-None-Match: *`), a repaired one only in place of the damaged one (`If-Match`). S3 checks the
SHA-256 of each upload. So two publishers cannot mix their files, and a published version never
changes.
"""

import base64
import dataclasses
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from botocore.exceptions import ClientError

from warmlens.errors import WarmlensError
from warmlens.registry.manifest import MANIFEST_NAME, Manifest
from warmlens.registry.manifest_file import parse_manifest
from warmlens.registry.store import StoredObject, find_object, store_errors
from warmlens.registry.verify import require_verified, sha256_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Published where they exist, so that the weights are never without their licence.
COMPANION_FILES = ("LICENSE", "README.md")
CONTENT_TYPES = {".json": "application/json", ".md": "text/markdown", "": "text/plain"}


@dataclasses.dataclass(frozen=True)
class UploadProgress:
    """The progress of an upload: bytes sent or already in the bucket, and confirmed files."""

    sent_bytes: int
    total_bytes: int
    files_done: int
    file_count: int


@dataclasses.dataclass(frozen=True)
class PublishResult:
    """The result of a publish.

    `published` is True for a new version, and `keys` are its objects. `repaired` are objects of an
    existing version that were missing or damaged.
    """

    name: str
    version: str
    published: bool
    keys: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()


def publish_model(
    folder: Path,
    bucket: str,
    s3_client: "S3Client",
    on_progress: Callable[[UploadProgress], None] = lambda _: None,
) -> PublishResult:
    """Verify a version and upload it as `<name>/<version>/<file>`.

    All files but the manifest are uploaded in parallel. An interrupted publish is completed by
    publishing again.

    Publishing the same manifest again uploads missing and damaged files, and then the manifest,
    since its arrival starts the copy to a file system with models. `LICENSE` and `README.md`, which
    no manifest lists, are uploaded again only where they are missing.

    A manifest in the bucket that is not a valid one of this version is replaced, unless a file
    beside it has other content than the one in `folder`.

    Args:
        folder: the version's folder.
        bucket: name of the bucket.
        s3_client: client for the bucket's region.
        on_progress: called from the uploading threads, one at a time.

    Raises:
        WarmlensError: what verifying raises; `version_exists` when the store has this version
            with another manifest; `leftover_differs` when an unfinished publish left a file with
            other content and no valid manifest; `bucket_missing`,
            `store_refused` or `store_unreachable`.
    """
    manifest = require_verified(folder)
    digests = _digests(folder, manifest)
    sizes = {name: (folder / name).stat().st_size for name in digests}
    prefix = f"{manifest.name}/{manifest.version}/"
    progress = _Progress(sizes, on_progress)

    def put(name: str, over: str | None) -> None:
        with _SentFile(folder / name, lambda position: progress.sent(name, position)) as body:
            _put(s3_client, bucket, prefix + name, body, digests[name], over)
        progress.confirmed(name)

    with store_errors(bucket):
        raw = (folder / MANIFEST_NAME).read_bytes()
        before = _stored_manifest(s3_client, bucket, prefix + MANIFEST_NAME)
        same = before is not None and before.raw == raw
        if before and not same and _is_sound(before.raw, manifest):
            raise _version_exists(bucket, prefix + MANIFEST_NAME)

        def bring(name: str) -> bool:
            """Upload a file unless the bucket has it, and return whether it was uploaded."""
            there = find_object(s3_client, bucket, prefix + name)
            if there is None:
                put(name, None)
                return True
            if there.bytes == sizes[name] and there.sha256() == digests[name]:
                progress.confirmed(name)
                return False
            if not same:
                raise _leftover_differs(bucket, prefix + name)
            if name in COMPANION_FILES:
                progress.confirmed(name)
                return False
            put(name, there.etag)
            return True

        files = [name for name in digests if name != MANIFEST_NAME]
        with ThreadPoolExecutor(len(files)) as executor:
            brought = zip(files, executor.map(bring, files), strict=True)
            put_now = [name for name, was_put in brought if was_put]
        if put_now or not same:
            put(MANIFEST_NAME, before.etag if before else None)
    if before is None:
        keys = tuple(prefix + name for name in digests)
        return PublishResult(manifest.name, manifest.version, published=True, keys=keys)
    repaired = tuple(prefix + name for name in put_now + [MANIFEST_NAME] * (not same))
    return PublishResult(manifest.name, manifest.version, published=False, repaired=repaired)


class _Progress:
    """The progress of several uploading threads."""

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
            self._report()

    def confirmed(self, name: str) -> None:
        with self._lock:
            self._sent[name] = self._sizes[name]
            self._done.add(name)
            self._report()

    def _report(self) -> None:
        sent, total = sum(self._sent.values()), sum(self._sizes.values())
        self._on_progress(UploadProgress(sent, total, len(self._done), len(self._sizes)))


class _SentFile(io.FileIO):
    """A file that reports the position up to which it was read."""

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


class _StoredManifest(NamedTuple):
    """The bytes of a manifest, and their ETag in S3."""

    raw: bytes
    etag: str


def _stored_manifest(s3_client: "S3Client", bucket: str, key: str) -> _StoredManifest | None:
    try:
        answer = s3_client.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # Without the right to list, S3 denies access to a missing object.
        if error.response["Error"]["Code"] not in ("NoSuchKey", "AccessDenied"):
            raise
        return None
    return _StoredManifest(answer["Body"].read(), answer["ETag"])


def _is_sound(raw: bytes, expected: Manifest) -> bool:
    """Return True for the bytes of a valid manifest of the same name and version."""
    try:
        found = parse_manifest(raw, MANIFEST_NAME)
    except WarmlensError:
        return False
    return (found.name, found.version) == (expected.name, expected.version)


def _put(
    s3_client: "S3Client", bucket: str, key: str, body: BinaryIO, digest: str, over: str | None
) -> None:
    """Upload an object where none exists, or over the one with the ETag `over`."""
    condition: dict[str, Any] = {"IfMatch": over} if over else {"IfNoneMatch": "*"}
    try:
        s3_client.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ChecksumSHA256=base64.b64encode(bytes.fromhex(digest)).decode(),
            ContentType=CONTENT_TYPES.get(Path(key).suffix, "application/octet-stream"),
            **condition,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        if StoredObject(s3_client, bucket, key).sha256() == digest:
            return
        if Path(key).name == MANIFEST_NAME:
            raise _version_exists(bucket, key) from None
        raise _leftover_differs(bucket, key) from None


def _version_exists(bucket: str, key: str) -> WarmlensError:
    return WarmlensError(
        "version_exists",
        f"{key} is in the bucket {bucket} with other content; a published version never changes, "
        "so give this one a new number.",
    )


def _leftover_differs(bucket: str, key: str) -> WarmlensError:
    return WarmlensError(
        "leftover_differs",
        f"{key} is in the bucket {bucket} with other content, left by an unfinished publish; "
        "delete it, or give this version a new number.",
    )
