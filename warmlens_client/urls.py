"""URLs that requests can be sent to."""

import httpx

_MAX_PORT = 65_535


def is_web_url(text: str) -> bool:
    """Return whether a text is a URL of HTTP or HTTPS, with a host and a port that can exist."""
    try:
        url = httpx.URL(text)
        # As the resolver does: it raises on labels that are empty or longer than DNS allows.
        host = url.host.encode("idna")
    except (httpx.InvalidURL, ValueError):
        return False
    in_range = url.port is None or 0 < url.port <= _MAX_PORT
    return url.scheme in ("http", "https") and bool(host) and b"%" not in host and in_range


def trusts_env(text: str) -> bool:
    """Return whether proxies of the environment are used for a URL: not for this machine."""
    return httpx.URL(text).host not in ("127.0.0.1", "localhost", "::1")
