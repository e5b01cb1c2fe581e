"""Model stores: a bucket, or a folder in a file system or the container image."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from .background import Background
from .config import ClassifierConfig
from .errors import (
    BucketTimeoutError,
    BucketUnavailableError,
    ModelError,
    ObjectMissingError,
    ObjectSizeError,
)
from .manifest import ModelFile

LOAD_TIMEOUT_S = 6
"""Maximum time in seconds for fetching all files of a model from S3.

Lambda ends an init after 10 s without an error message. Starting the engine and loading the graph
need the rest, on the small share of a processor that a small function has.
"""


class ModelStore(Protocol):
    """A store of model versions, with `<name>/<version>/manifest.json` and its files."""

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Read one small file.

        Args:
            path: its path, such as `products/1.0.0/manifest.json`.
            max_bytes: maximum size; it is checked before anything is read.

        Raises:
            ModelError: the file is missing, too large, or cannot be read.
        """

    def path_of(self, folder: str, file: ModelFile) -> str:
        """Return the path of a file on disk, verified against the manifest.

        Args:
            folder: the version's folder, such as `products/1.0.0`.
            file: the file, as the manifest describes it.

        Raises:
            ModelError: the file is missing, altered, or cannot be read.
        """


class BucketStore:
    """The models bucket; large files are downloaded to the instance's temporary folder.

    Create one for each load of a model: `LOAD_TIMEOUT_S` start with it.

    Args:
        bucket: the bucket's name.
    """

    def __init__(self, bucket: str) -> None:
        from .bucket import Bucket  # imported here, since a folder needs no S3 client

        self._bucket = Bucket(bucket)
        self._end_s = time.monotonic() + LOAD_TIMEOUT_S

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """See `ModelStore.read`."""
        answer = Background(lambda: self._bucket.read(path, max_bytes=max_bytes))
        try:
            with _bucket_errors(path):
                return answer.result(timeout_s=max(0.0, self._end_s - time.monotonic()))
        except ObjectSizeError as error:
            raise _too_large(path, error.size_bytes) from None

    def path_of(self, folder: str, file: ModelFile) -> str:
        """See `ModelStore.path_of`.

        A file of an earlier attempt is used if it is complete. Otherwise it is removed, not
        overwritten: it may still be mapped.
        """
        to = os.path.join(os.environ.get("TMPDIR", "/tmp"), file.path)
        try:
            if not _holds(to, file):
                self._fetch(f"{folder}/{file.path}", file, to)
        except OSError as error:
            raise ModelError(f"{file.path} cannot be kept at {to}: {error.strerror}") from None
        return to

    def _fetch(self, key: str, file: ModelFile, to: str) -> None:
        from .download import download  # imported here, since a folder needs no download

        _remove(to)  # first, since the disk may not have room for both
        new = f"{to}.new"
        try:
            with _bucket_errors(key):
                sha256 = download(
                    self._bucket, key, size_bytes=file.size_bytes, path=new, end_s=self._end_s
                )
            file.check(file.size_bytes, sha256)
            os.replace(new, to)
        except ObjectSizeError as error:
            raise file.wrong_size(error.size_bytes) from None
        finally:
            _remove(new)


class FolderStore:
    """A folder in a mounted file system or in the container image.

    Args:
        folder: the folder's path.
        in_image: True if it is part of the image. Only sizes are checked then, since the code that
            would check hashes comes from the same image.
    """

    def __init__(self, folder: str, *, in_image: bool) -> None:
        self._folder = folder
        self._in_image = in_image

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """See `ModelStore.read`."""
        try:
            with open(os.path.join(self._folder, path), "rb") as file:
                size_bytes = file.seek(0, os.SEEK_END)
                if size_bytes > max_bytes:
                    raise _too_large(path, size_bytes)
                file.seek(0)
                return file.read()
        except OSError as error:
            raise self._unreadable(path, error) from None

    def path_of(self, folder: str, file: ModelFile) -> str:
        """See `ModelStore.path_of`."""
        path = os.path.join(self._folder, folder, file.path)
        try:
            with open(path, "rb") as opened:
                size_bytes = opened.seek(0, os.SEEK_END)
                if size_bytes != file.size_bytes:
                    raise file.wrong_size(size_bytes)
                if not self._in_image:
                    file.check(size_bytes, _sha256(opened.fileno()))
        except OSError as error:
            raise self._unreadable(f"{folder}/{file.path}", error) from None
        return path

    def _unreadable(self, path: str, error: OSError) -> ModelError:
        if isinstance(error, FileNotFoundError) and self._in_image:
            return ModelError(
                f"{path} is not in the image: set model_version, or add its model to other_models, "
                "and deploy"
            )
        if isinstance(error, FileNotFoundError):
            return ModelError(f"{path} is not in {self._folder}")
        return ModelError(f"{path} could not be read: {error.strerror}")


def open_model_store(config: ClassifierConfig) -> ModelStore:
    """Return the model store that the configuration names."""
    if config.models_folder is not None:
        return FolderStore(config.models_folder, in_image=config.models_in_image)
    assert config.models_bucket is not None  # exactly one of the two is set
    return BucketStore(config.models_bucket)


def _holds(path: str, file: ModelFile) -> bool:
    """Return True if the path has exactly the file that the manifest describes."""
    try:
        with open(path, "rb") as opened:
            has_size = opened.seek(0, os.SEEK_END) == file.size_bytes
            return has_size and _sha256(opened.fileno()) == file.sha256
    except FileNotFoundError:
        return False


def _sha256(descriptor: int) -> str:
    """Return the SHA-256 of a non-empty open file, read through a memory map."""
    import hashlib  # imported here, since a model in the image needs neither
    import mmap

    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        return hashlib.sha256(content).hexdigest()


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _too_large(path: str, size_bytes: int) -> ModelError:
    return ModelError(f"{path} has {size_bytes} bytes, more than expected")


@contextmanager
def _bucket_errors(path: str) -> Iterator[None]:
    """Turn errors of the bucket into ModelError, except ObjectSizeError."""
    try:
        yield
    except ObjectMissingError:
        raise ModelError(
            f"{path} is not in the models bucket, or may not be read: publish it, or add its model "
            "to other_models and deploy"
        ) from None
    except (TimeoutError, BucketTimeoutError):
        raise ModelError(
            f"{path} was not received within the {LOAD_TIMEOUT_S} s for a model's files"
        ) from None
    except BucketUnavailableError as error:
        raise ModelError(f"{path} could not be fetched: {error}") from None
