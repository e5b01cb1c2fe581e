"""Where the model's files are read from: a bucket, or a folder that is mounted or in the image."""

from pathlib import Path
from typing import Protocol

from .bucket import Bucket, BucketUnavailableError, ObjectMissingError, ObjectTooLargeError
from .configuration import Configuration
from .errors import ModelError


class ModelStore(Protocol):
    """Holds `<name>/<version>/manifest.json` and the files it names."""

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Read one file.

        Args:
            path: its path, such as `products/1.0.0/manifest.json`.
            max_bytes: most bytes to accept; the size is known before anything is read.

        Raises:
            ModelError: there is none, it has more bytes, or it cannot be read.
        """

    def path_of(self, path: str) -> str | None:
        """Return where a file lies on disk, so that it need not be copied; None if it does not."""


class BucketStore:
    """The models bucket.

    Args:
        bucket: its name.
    """

    def __init__(self, bucket: str) -> None:
        self._bucket = Bucket(bucket)

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """As `ModelStore.read`."""
        try:
            return self._bucket.read(path, max_bytes=max_bytes)
        except ObjectMissingError:
            raise ModelError(f"{path} is not in the models bucket, or may not be read") from None
        except ObjectTooLargeError as error:
            raise _too_large(path, error.size_bytes) from None
        except BucketUnavailableError as error:
            raise ModelError(f"{path} could not be fetched: {error}") from None

    def path_of(self, path: str) -> None:
        """As `ModelStore.path_of`: nothing of a bucket is on disk."""


class FolderStore:
    """A folder: a file system mounted at it, or part of the container image.

    Args:
        folder: its path.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """As `ModelStore.read`."""
        try:
            with (self._folder / path).open("rb") as file:
                size_bytes = file.seek(0, 2)
                if size_bytes > max_bytes:
                    raise _too_large(path, size_bytes)
                file.seek(0)
                return file.read()
        except FileNotFoundError:
            raise ModelError(f"{path} is not in {self._folder}") from None
        except OSError as error:
            raise ModelError(f"{path} could not be read: {error.strerror}") from None

    def path_of(self, path: str) -> str:
        """As `ModelStore.path_of`."""
        return str(self._folder / path)


def open_model_store(configuration: Configuration) -> ModelStore:
    """Return the store that the function's environment names."""
    if configuration.models_folder is not None:
        return FolderStore(configuration.models_folder)
    assert configuration.models_bucket is not None  # the configuration has exactly one of them
    return BucketStore(configuration.models_bucket)


def _too_large(path: str, size_bytes: int) -> ModelError:
    return ModelError(f"{path} has {size_bytes} bytes, more than expected")
