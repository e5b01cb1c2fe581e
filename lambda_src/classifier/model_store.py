"""Where the model's files are read from: a bucket, or a folder that is mounted or in the image."""

import os
import time
from contextlib import suppress
from typing import Protocol

from .background import Background
from .bucket import (
    Bucket,
    BucketTimeoutError,
    BucketUnavailableError,
    ObjectMissingError,
    ObjectSizeError,
)
from .configuration import Configuration
from .errors import ModelError
from .manifest import ModelFile

LOAD_TIMEOUT_S = 6
"""All of a model's files must have come from S3 within these seconds.

Lambda ends an init after 10 s, with no word on why. The engine's start and the loading of the graph
need the rest, in processor time that a small function has little of.
"""


class ModelStore(Protocol):
    """Holds `<name>/<version>/manifest.json` and the files it names."""

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Read one small file.

        Args:
            path: its path, such as `products/1.0.0/manifest.json`.
            max_bytes: most bytes to accept; the size is known before anything is read.

        Raises:
            ModelError: there is none, it has more bytes, or it cannot be read.
        """

    def path_of(self, folder: str, file: ModelFile) -> str:
        """Return where a file lies on disk, with exactly the content that the manifest says.

        Args:
            folder: the version's folder, such as `products/1.0.0`.
            file: the file, as the manifest describes it.

        Raises:
            ModelError: it is missing, altered, or cannot be read.
        """


class BucketStore:
    """The models bucket; large files are put into the instance's temporary folder.

    It is made anew for each time that a model is loaded: `LOAD_TIMEOUT_S` begin with it.

    Args:
        bucket: its name.
    """

    def __init__(self, bucket: str) -> None:
        self._bucket = Bucket(bucket)
        self._end_s = time.monotonic() + LOAD_TIMEOUT_S

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """As `ModelStore.read`."""
        answer = Background(lambda: self._bucket.read(path, max_bytes=max_bytes))
        try:
            return answer.result(timeout_s=max(0.0, self._end_s - time.monotonic()))
        except ObjectMissingError:
            raise _not_in_bucket(path) from None
        except ObjectSizeError as error:
            raise _too_large(path, error.size_bytes) from None
        except (TimeoutError, BucketTimeoutError):
            raise _too_slow(path) from None
        except BucketUnavailableError as error:
            raise _not_fetched(path, error) from None

    def path_of(self, folder: str, file: ModelFile) -> str:
        """As `ModelStore.path_of`.

        What an earlier attempt left is taken if it is whole. Otherwise it is removed, not written
        over: it may still be mapped.
        """
        to = os.path.join(os.environ.get("TMPDIR", "/tmp"), file.path)
        try:
            if not _holds(to, file):
                self._fetch(f"{folder}/{file.path}", file, to)
        except OSError as error:
            raise ModelError(f"{file.path} cannot be kept at {to}: {error.strerror}") from None
        return to

    def _fetch(self, key: str, file: ModelFile, to: str) -> None:
        from .download import download  # here, as a folder needs none

        _remove(to)  # before, so that there need not be room for both
        new = f"{to}.new"
        try:
            sha256 = download(
                self._bucket, key, size_bytes=file.size_bytes, path=new, end_s=self._end_s
            )
            file.check(file.size_bytes, sha256)
            os.replace(new, to)
        except ObjectMissingError:
            raise _not_in_bucket(key) from None
        except ObjectSizeError as error:
            raise file.wrong_size(error.size_bytes) from None
        except BucketTimeoutError:
            raise _too_slow(key) from None
        except BucketUnavailableError as error:
            raise _not_fetched(key, error) from None
        finally:
            _remove(new)


class FolderStore:
    """A folder: a file system mounted at it, or part of the container image.

    Args:
        folder: its path.
        in_image: it is part of the image. The code that would compare hashes is part of it too, and
            is no more and no less to be trusted, so that only sizes are compared.
    """

    def __init__(self, folder: str, *, in_image: bool) -> None:
        self._folder = folder
        self._in_image = in_image

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """As `ModelStore.read`."""
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
        """As `ModelStore.path_of`: where it is, hashed through the pages that will be mapped."""
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
        if isinstance(error, FileNotFoundError):
            return ModelError(f"{path} is not in {self._folder}")
        return ModelError(f"{path} could not be read: {error.strerror}")


def open_model_store(configuration: Configuration) -> ModelStore:
    """Return the store that the function's environment names."""
    if configuration.models_folder is not None:
        return FolderStore(configuration.models_folder, in_image=configuration.models_in_image)
    assert configuration.models_bucket is not None  # the configuration has exactly one of them
    return BucketStore(configuration.models_bucket)


def _holds(path: str, file: ModelFile) -> bool:
    """Tell whether there is a file with exactly the content that the manifest says."""
    try:
        with open(path, "rb") as opened:
            has_size = opened.seek(0, os.SEEK_END) == file.size_bytes
            return has_size and _sha256(opened.fileno()) == file.sha256
    except FileNotFoundError:
        return False


def _sha256(descriptor: int) -> str:
    """Hash an open file that is not empty, through the pages that it is mapped to."""
    import hashlib  # here, as a model in the image needs neither
    import mmap

    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        return hashlib.sha256(content).hexdigest()


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _too_large(path: str, size_bytes: int) -> ModelError:
    return ModelError(f"{path} has {size_bytes} bytes, more than expected")


def _not_in_bucket(path: str) -> ModelError:
    return ModelError(f"{path} is not in the models bucket, or may not be read")


def _not_fetched(path: str, error: Exception) -> ModelError:
    return ModelError(f"{path} could not be fetched: {error}")


def _too_slow(path: str) -> ModelError:
    return ModelError(f"{path} did not come within the {LOAD_TIMEOUT_S} s for a model's files")
