"""Classification of a photo by `warmlens_client`, reported as the command line reports errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens_client import Client, Retry, ServedModel, WarmlensClientError


def classify(
    image: Path,
    *,
    url: str,
    auth: httpx.Auth | None = None,
    upload: bool = False,
    explain: bool = False,
) -> dict[str, Any]:
    """Classify an image, in one call if it is small enough for that.

    Args:
        image: a JPEG, PNG, WebP or GIF file.
        url: root of the API, such as `http://127.0.0.1:8080`.
        auth: authentication of the API; None for an open API.
        upload: True to upload the image first, as larger ones are.
        explain: True to ask for the class-activation map.

    Returns:
        The answer of the call `classification`.

    Raises:
        WarmlensError: the file cannot be read, or the API cannot be reached or returns an error.
    """
    with client_errors(), Client(url, auth=auth, on_retry=report_retry) as client:
        return dict(client.classify(image, explain=explain, upload=upload or None).raw)


def served_model(url: str, auth: httpx.Auth | None = None) -> ServedModel:
    """Return the model that an API serves, with the names of its classes.

    Args:
        url: as for :func:`classify`, as are the others and the errors.
        auth: as there.
    """
    with client_errors(), Client(url, auth=auth, on_retry=report_retry) as client:
        return client.model()


@contextmanager
def client_errors() -> Iterator[None]:
    """Raise the client's errors as WarmlensErrors, with the same code and message."""
    try:
        yield
    except WarmlensClientError as error:
        raise WarmlensError(error.code, error.message) from error


def report_retry(retry: Retry) -> None:
    """Print why a call is tried again, and when.

    Args:
        retry: the call.
    """
    reason = f"{retry.error.message.rstrip('.')};"
    if retry.error.code == "unavailable":
        reason = "The service refused the call, as Lambda does after weeks without calls;"
    err.print(f"{reason} trying once more in {retry.wait_s:.1f} s.")
