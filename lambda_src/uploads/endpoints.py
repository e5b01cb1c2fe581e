"""Addresses of AWS's services, as AWS's SDKs find them."""

import os


class Endpoint:
    """Address of a service.

    Args:
        url: the address, such as `https://s3.eu-west-1.amazonaws.com`.

    Attributes:
        scheme: `http` or `https`.
        netloc: host and port, as in the header `Host`.
        host: the host; an IPv6 address without brackets.
        port: the port.
        path: what all paths begin with; empty or from a slash on.
    """

    def __init__(self, url: str) -> None:
        self.scheme, _, rest = url.partition("://")
        self.netloc, slash, path = rest.partition("/")
        self.path = slash + path
        host, colon, port = self.netloc.rpartition(":")
        if not colon or port.endswith("]"):
            host, port = self.netloc, "443" if self.scheme == "https" else "80"
        self.host, self.port = host.strip("[]"), int(port)

    @property
    def is_ip_address(self) -> bool:
        """True if the host is no name."""
        return ":" in self.host or self.host.replace(".", "").isdigit()


def endpoint(service: str, region: str) -> Endpoint:
    """Return a service's regional address, or the one that the SDKs' variables name instead.

    Source: AWS SDKs and tools reference guide, "Service-specific endpoints".
    """
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return Endpoint(
        os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}")
        or os.environ.get("AWS_ENDPOINT_URL")
        or f"https://{service}.{region}.{suffix}"
    )
