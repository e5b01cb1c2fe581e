"""Copies a published model version from the bucket to the file system, whole or not at all."""

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

MANIFEST = "manifest.json"
CHUNK_BYTES = 4 * 2**20

_s3 = boto3.client("s3", config=Config(connect_timeout=5, read_timeout=30))


class SyncFailedError(Exception):
    """A version that was not copied; the message says why."""


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Copy the version whose manifest arrived.

    Args:
        event: EventBridge's `Object Created` event of S3.
        context: Lambda's context, not used.

    Returns:
        `name`, `version`, and `outcome`: `copied`, or `present` if it was there already.

    Raises:
        SyncFailedError: a file is missing or altered, so nothing was copied; the event is tried
            again and then goes to the dead-letter queue.
    """
    key = event["detail"]["object"]["key"]
    name, version, file = [*key.split("/"), "", "", ""][:3]
    if not name or not version or key.count("/") != 2 or file != MANIFEST:
        raise SyncFailedError(f"{key} is not <name>/<version>/{MANIFEST}")
    bucket, folder = os.environ["MODELS_BUCKET"], Path(os.environ["MODELS_FOLDER"])
    outcome = sync(bucket, name, version, folder)
    print(json.dumps({"level": "INFO", "message": outcome, "name": name, "version": version}))
    return {"name": name, "version": version, "outcome": outcome}


def sync(bucket: str, name: str, version: str, folder: Path) -> str:
    """Copy one version; a reader sees all of its files or none of them.

    Args:
        bucket: the models bucket.
        name: the model.
        version: its version.
        folder: where versions lie, as `<name>/<version>/`.

    Returns:
        `copied`, or `present` if exactly this version is there already.

    Raises:
        SyncFailedError: a file is missing or not what the manifest says.
    """
    prefix, target = f"{name}/{version}", folder / name / version
    data = _s3.get_object(Bucket=bucket, Key=f"{prefix}/{MANIFEST}")["Body"].read()
    if (target / MANIFEST).is_file() and (target / MANIFEST).read_bytes() == data:
        return "present"
    partial = folder / f".{name}-{version}-{uuid.uuid4().hex}"
    partial.mkdir(parents=True)
    try:
        for file in json.loads(data)["files"].values():
            _copy(bucket, prefix, file, partial)
        (partial / MANIFEST).write_bytes(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A published version never changes, so this only clears what is no such version.
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return "copied"


def _copy(bucket: str, prefix: str, file: dict[str, Any], partial: Path) -> None:
    path = str(file["path"])
    if "/" in path or path.startswith("."):
        raise SyncFailedError(f"the path {path!r} in {prefix} is not a plain file name")
    try:
        body = _s3.get_object(Bucket=bucket, Key=f"{prefix}/{path}")["Body"]
    except _s3.exceptions.NoSuchKey:
        raise SyncFailedError(f"{prefix}/{path} is not in the bucket {bucket}") from None
    digest = hashlib.sha256()
    with (partial / path).open("wb") as copy:
        for chunk in body.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
    if digest.hexdigest() != file["sha256"]:
        raise SyncFailedError(f"{prefix}/{path} does not match the SHA-256 in its manifest")
