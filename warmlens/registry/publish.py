"""Puts a model version into a store's bucket, whole or not at all, and mends one that is damaged.

A reader starts from the manifest, so the manifest is written last: until then the version does not
exist. Every object is written on a condition: where nothing was seen only if still nothing is there
(`If-None-Match: *`), where something damaged was seen only in its place (`If-Match`). S3 checks
the SHA-256 that goes along. So two publishers cannot mix their files and a published version never
changes; of two that mend the same version, the second finds what it would have put itself.
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
from warmlens.registry.manifest import MANIFEST_NAME, Manifest, parse_manifest
from warmlens.registry.store import StoredObject, find_object, store_errors
from warmlens.registry.verify import require_verified, sha256_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Go along where they exist, so that the weights do not travel without their licence.
COMPANION_FILES = ("LICENSE", "README.md")
CONTENT_TYPES = {".json": "application/json", ".md": "text/markdown", "": "text/plain"}


@dataclasses.dataclass(frozen=True)
class UploadProgress:
    """How much of a version is in the bucket: bytes sent or found there, and files confirmed."""

    sent_bytes: int
    total_bytes: int
    files_done: int
    file_count: int


@dataclasses.dataclass(frozen=True)
class PublishResult:
    """What a publish did.

    `published` is True for a version that is new, and `keys` are its objects. `repaired` are
    those that were missing or damaged in a version that was there before.
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
    """Verify the version in `folder` and upload it as `<name>/<version>/<file>`.

    All files but the manifest travel at the same time; `on_progress` is called from the threads
    that send them, by one at a time. A publish that was interrupted is finished by running it
    again.

    Publishing the same manifest again puts what is missing or not as the manifest says, and then
    the manifest, since its arrival has the version copied to where a file system holds the models.
    A sound version is left as it is. `LICENSE` and `README.md`, for which no manifest vouches,
    are put again only where they are missing.

    A manifest in the bucket that is no sound one of this very version is damaged, and vouches for
    nothing: it is replaced, unless a file beside it has other content than the one in `folder`.

    Raises:
        WarmlensError: what verifying raises; `version_exists` when the store has this version
            with another manifest; `leftover_differs` when a file with other content is there and
            no sound manifest, as an unfinished publish leaves it; `bucket_missing`,
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
            """Put a file unless the bucket has it; tell whether it was put."""
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


class _StoredManifest(NamedTuple):
    """A manifest's bytes, and S3's tag of them."""

    raw: bytes
    etag: str


def _stored_manifest(s3_client: "S3Client", bucket: str, key: str) -> _StoredManifest | None:
    try:
        answer = s3_client.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # Without the right to list, S3 says so of an object that is missing.
        if error.response["Error"]["Code"] not in ("NoSuchKey", "AccessDenied"):
            raise
        return None
    return _StoredManifest(answer["Body"].read(), answer["ETag"])


def _is_sound(raw: bytes, expected: Manifest) -> bool:
    """Tell whether these are the bytes of a manifest of the same name and version."""
    try:
        found = parse_manifest(raw, MANIFEST_NAME)
    except WarmlensError:
        return False
    return (found.name, found.version) == (expected.name, expected.version)


def _put(
    s3_client: "S3Client", bucket: str, key: str, body: BinaryIO, digest: str, over: str | None
) -> None:
    """Put an object where none is, or over that with the tag `over`; one alike may be there."""
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
