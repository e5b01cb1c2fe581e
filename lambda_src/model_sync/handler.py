"""Lambda handler that atomically copies a published model version from S3 to the file system."""

import hashlib
import json
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MANIFEST = "manifest.json"
CHUNK_BYTES = 4 * 2**20
# As in the settings and the manifest's schema, so that no path leaves the folder.
KEY = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([0-9]+\.[0-9]+\.[0-9]+)/manifest\.json")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,126}")

_s3 = boto3.client("s3", config=Config(connect_timeout=5, read_timeout=30))


class SyncFailedError(Exception):
    """The version was not copied; the message says why."""


class File(NamedTuple):
    """A file of a model version: its name, size and SHA-256."""

    path: str
    size_bytes: int
    sha256: str

    def is_in(self, folder: Path) -> bool:
        """Return True if the folder has exactly this file."""
        path = folder / self.path
        if not path.is_file() or path.stat().st_size != self.size_bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Copy the version of a newly uploaded manifest.

    Args:
        event: EventBridge's `Object Created` event of S3.
        context: Lambda's context, not used.

    Returns:
        `name`, `version`, and `outcome`: `copied`, or `present` if it was there already.

    Raises:
        SyncFailedError: a file is missing or altered, so nothing was copied; the event is retried
            and then sent to the dead-letter queue.
    """
    key = event["detail"]["object"]["key"]
    match = KEY.fullmatch(key)
    if match is None:
        raise SyncFailedError(f"{key!r} is not <name>/<version>/{MANIFEST}")
    name, version = match.groups()
    bucket, folder = os.environ["MODELS_BUCKET"], Path(os.environ["MODELS_FOLDER"])
    outcome = sync(bucket, name, version, folder)
    print(json.dumps({"level": "INFO", "message": outcome, "name": name, "version": version}))
    return {"name": name, "version": version, "outcome": outcome}


def sync(bucket: str, name: str, version: str, folder: Path) -> str:
    """Copy one version; readers see all of its files or none.

    Args:
        bucket: the models bucket.
        name: the model's name, checked by the caller.
        version: the model's version, checked by the caller.
        folder: parent of `<name>/<version>/`.

    Returns:
        `copied`, or `present` if the folder has exactly this version already.

    Raises:
        SyncFailedError: a file is missing or differs from the manifest.
    """
    prefix, target = f"{name}/{version}", folder / name / version
    data = _get(bucket, f"{prefix}/{MANIFEST}").read()
    files = _files(data, prefix)
    if _is_present(target, data, files):
        return "present"
    partial = folder / f".{name}-{version}-{uuid.uuid4().hex}"
    partial.mkdir(parents=True)
    try:
        for file in files:
            _copy(bucket, prefix, file, partial)
        (partial / MANIFEST).write_bytes(data)
        return _place(partial, target, data, files)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _place(partial: Path, target: Path, manifest: bytes, files: list[File]) -> str:
    """Rename a whole copy to its place, unless another run was faster."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remains = partial.with_name(f"{partial.name}-remains")
    try:
        try:
            partial.rename(target)
        except OSError:  # a folder is there already
            if _is_present(target, manifest, files):
                return "present"
            # Published versions never change, so these are incomplete remains.
            target.rename(remains)
            partial.rename(target)
    finally:
        shutil.rmtree(remains, ignore_errors=True)
    return "copied"


def _files(manifest: bytes, prefix: str) -> list[File]:
    try:
        # Decoded here: of bytes, json would guess the encoding, and the classifier reads UTF-8.
        entries = json.loads(manifest.decode())["files"].values()
        files = [File(each["path"], each["bytes"], each["sha256"]) for each in entries]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise SyncFailedError(f"{prefix}/{MANIFEST} is not the manifest of a model") from None
    for path, _, _ in files:
        if not isinstance(path, str) or not FILE_NAME.fullmatch(path):
            raise SyncFailedError(f"the path {path!r} in {prefix} is not a plain file name")
    return files


def _is_present(target: Path, manifest: bytes, files: list[File]) -> bool:
    there = target / MANIFEST
    if not there.is_file() or there.read_bytes() != manifest:
        return False
    return all(file.is_in(target) for file in files)


def _get(bucket: str, key: str) -> Any:
    """Return the body of an object."""
    try:
        return _s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        # Without the right to list, S3 answers AccessDenied for a missing object.
        if error.response["Error"]["Code"] not in ("NoSuchKey", "AccessDenied"):
            raise
        raise SyncFailedError(f"{key} is not in the bucket {bucket}, or may not be read") from None


def _copy(bucket: str, prefix: str, file: File, partial: Path) -> None:
    digest = hashlib.sha256()
    with (partial / file.path).open("wb") as copy:
        for chunk in _get(bucket, f"{prefix}/{file.path}").iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
    if digest.hexdigest() != file.sha256:
        raise SyncFailedError(f"{prefix}/{file.path} does not match the SHA-256 in its manifest")
