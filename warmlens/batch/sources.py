"""Where a batch's photos are: a file, a folder, or a prefix of an S3 bucket."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from warmlens.errors import WarmlensError
from warmlens_client.other_types import refusal
from warmlens_client.photos import HEAD_BYTES, type_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MAX_BYTES = 100 * 2**20
"""The largest photo that an environment can accept: `max_image_bytes` in docs/settings.md."""
_IMAGE_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".heic", ".heif", ".avif"),
        *(".tif", ".tiff", ".bmp", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".jxl"),
    )
)
# Paths that the API reads, as `_file_path` in lambda_src/classifier/request.py checks them.
_PREFIXES = ("uploads/", "test/")
_READABLE_PATH = re.compile(r"[A-Za-z0-9!_.*'()-]+(?:/[A-Za-z0-9!_.*'()-]+)*", re.ASCII)
_READABLE_BYTES = 1024


class OtherFileError(Exception):
    """The file is no photo and is not named like one."""


@dataclass(frozen=True)
class Photo:
    """A file that may be a photo.

    Attributes:
        name: its name within the source: a path, or a key.
        read: returns its bytes; raises WarmlensError if it cannot be read or is not of a supported
            type, or OtherFileError.
        file_path: its path in the environment's bucket, where the API reads it by itself.
    """

    name: str
    read: Callable[[], bytes]
    file_path: str | None = None


class Source(Protocol):
    """A place with photos.

    Attributes:
        name: what a results file names it by.
    """

    name: str

    def photos(self) -> Iterator[Photo]:
        """Yield its files one after another, without holding all of them."""

    def count(self) -> int | None:
        """Return the number of its files; None where counting takes as long as the listing."""


class FolderSource:
    """The files of a folder and of the folders in it, or one file.

    Links to files are followed. Links to folders are not, as they could lead in a circle.

    Args:
        path: the folder or the file.
        ignored: files that are left out, such as the results file.

    Raises:
        WarmlensError: `no_such_file`: there is nothing there.
    """

    def __init__(self, path: Path, ignored: frozenset[Path] = frozenset()) -> None:
        if not path.exists():
            raise WarmlensError("no_such_file", f"{path} does not exist.")
        self._root = (path if path.is_dir() else path.parent).resolve()
        self._only = None if path.is_dir() else self._root / path.name
        self._ignored = ignored
        self.name = str(self._root)

    def photos(self) -> Iterator[Photo]:
        """Yield the files, and what cannot be listed as a photo that cannot be read."""
        if self._only is not None:
            yield self._photo(self._only)
            return
        folders = [self._root]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(Path(entry.path))
                        elif not self._is_ignored(entry):
                            yield self._photo(Path(entry.path))
            except OSError as error:
                yield Photo(f"{self._name_of(folder)}/", _failure("unreadable_folder", error))

    def count(self) -> int:
        """Return the number of files."""
        return sum(1 for _ in self.photos())

    def _photo(self, path: Path) -> Photo:
        return Photo(self._name_of(path), lambda: _read_file(path))

    def _name_of(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._root)).as_posix()

    def _is_ignored(self, entry: "os.DirEntry[str]") -> bool:
        return bool(self._ignored) and Path(entry.path) in self._ignored


class BucketSource:
    """The objects below a prefix of an S3 bucket, listed page by page.

    Args:
        address: such as `s3://bucket/prefix`.
        client: client with the operator's credentials.
        own_bucket: the environment's bucket of images, whose photos the API reads by itself.

    Raises:
        WarmlensError: `invalid_address`: the address names no bucket.
    """

    def __init__(self, address: str, client: "S3Client", own_bucket: str | None = None) -> None:
        self.bucket, self.prefix = split_address(address)
        self._client = client
        self._is_own = self.bucket == own_bucket
        self.name = f"s3://{self.bucket}/{self.prefix}"

    def objects(self) -> Iterator[tuple[str, int]]:
        """Yield keys and sizes in bytes; S3's markers of empty folders are left out.

        Raises:
            WarmlensError: `unreadable_bucket`: S3 does not list it.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        paginator = self._client.get_paginator("list_objects_v2")
        try:
            for page in paginator.paginate(Bucket=self.bucket, Prefix=self.prefix):
                for each in page.get("Contents", []):
                    if not each["Key"].endswith("/"):
                        yield each["Key"], each["Size"]
        except (BotoCoreError, ClientError) as error:
            raise WarmlensError("unreadable_bucket", f"{self.name}: {error}") from error

    def photos(self) -> Iterator[Photo]:
        """Yield the objects."""
        for key, size_bytes in self.objects():
            readable = self._is_own and is_readable_path(key)
            yield Photo(key, self._reader(key, size_bytes), key if readable else None)

    def count(self) -> None:
        """Return None: a listing of a million keys is a thousand requests."""

    def _reader(self, key: str, size_bytes: int) -> Callable[[], bytes]:
        return lambda: _read_object(self._client, self.bucket, key, size_bytes)


def split_address(address: str) -> tuple[str, str]:
    """Return the bucket and the prefix of an address such as `s3://bucket/prefix`.

    Raises:
        WarmlensError: `invalid_address`: it names no bucket.
    """
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not bucket:
        raise WarmlensError(
            "invalid_address", f"{address} is not an address such as s3://bucket/prefix."
        )
    return bucket, prefix


def is_readable_path(key: str) -> bool:
    """Return True if the API reads an object of the environment's bucket by this key."""
    return (
        key.startswith(_PREFIXES)
        and len(key) <= _READABLE_BYTES
        and _READABLE_PATH.fullmatch(key) is not None
        and not {".", ".."} & set(key.split("/"))
    )


def is_named_as_photo(name: str) -> bool:
    """Return True if a file's name says that it is a picture; macOS's `._` files are none."""
    path = PurePosixPath(name)
    return path.suffix.lower() in _IMAGE_SUFFIXES and not path.name.startswith("._")


def _read_file(path: Path) -> bytes:
    try:
        # Not a pipe or a device, whose reading could never end.
        if not path.is_file():
            if path.is_symlink() and not path.exists():
                raise WarmlensError("unreadable_file", f"{path} is a broken link.")
            raise OtherFileError
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            _check(head, path.name, os.fstat(file.fileno()).st_size)
            return head + file.read()
    except OSError as error:
        raise WarmlensError("unreadable_file", f"{path}: {error.strerror or error}.") from error


def _read_object(client: "S3Client", bucket: str, key: str, size_bytes: int) -> bytes:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        try:
            head = body.read(HEAD_BYTES)
            _check(head, key, size_bytes)
            return head + body.read()
        finally:
            body.close()
    except (BotoCoreError, ClientError, OSError) as error:
        raise WarmlensError("unreadable_file", f"s3://{bucket}/{key}: {error}") from error


def _check(head: bytes, name: str, size_bytes: int) -> None:
    if type_of(head) is None:
        if not is_named_as_photo(name):
            raise OtherFileError
        if not head:
            raise WarmlensError("empty_file", f"{name} is empty.")
        raise WarmlensError("unsupported_type", refusal(head))
    if size_bytes > MAX_BYTES:
        raise WarmlensError(
            "image_too_large",
            f"The image has {size_bytes} bytes; at most {MAX_BYTES} are accepted anywhere. "
            "Send a smaller one.",
        )


def _failure(code: str, error: OSError) -> Callable[[], Any]:
    def read() -> bytes:
        raise WarmlensError(code, f"{error.filename}: {error.strerror or error}.")

    return read
