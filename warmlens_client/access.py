"""Where an API is, and how callers prove who they are."""

import math
from collections.abc import Callable, Generator

import httpx

from .calls import Calls, Retry
from .errors import WarmlensClientError
from .urls import is_web_url


class HeaderAuth(httpx.Auth):
    """Authentication by a header.

    Args:
        name: the header's name.
        value: its value.
    """

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers[self._name] = self._value
        yield request


def auth_of(api_key: str | None, token: str | None, auth: httpx.Auth | None) -> httpx.Auth | None:
    """Return the one authentication of a client, None for an open API.

    Raises:
        ValueError: there are several, or one that no header may have.
    """
    if [api_key, token, auth].count(None) < 2:
        raise ValueError("Give one of api_key, token and auth.")
    for name, value in (("api_key", api_key), ("token", token)):
        if value is not None and not (
            value.isascii() and value.isprintable() and value.split() == [value]
        ):
            raise ValueError(f"{name} is empty, or has characters that no header may have.")
    if api_key is not None:
        return HeaderAuth("x-api-key", api_key)
    return auth if token is None else HeaderAuth("authorization", f"Bearer {token}")


def calls_of(
    url: str, timeout_s: float, max_retries: int, on_retry: Callable[[Retry], None] | None
) -> Calls:
    """Return the calls of an API with the options of its client, once they are checked.

    Raises:
        WarmlensClientError: `invalid_url`.
        ValueError: a number is out of its range.
    """
    if not is_web_url(url) or "?" in url or "#" in url:
        raise WarmlensClientError(
            "invalid_url",
            f"{url} is not the root of an API: that is a URL with http:// or https:// and a host, "
            "without ? or #.",
        )
    if not 0 < timeout_s < math.inf:
        raise ValueError("timeout_s must be a positive number of seconds.")
    if max_retries < 0:
        raise ValueError("max_retries must not be negative.")
    return Calls(url.rstrip("/"), timeout_s, max_retries, on_retry)
