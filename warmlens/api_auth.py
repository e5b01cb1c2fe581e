"""How a request to an environment's API shows that it may be made."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

if TYPE_CHECKING:
    from botocore.credentials import Credentials


class ApiKeyAuth(httpx.Auth):
    """Sends the environment's API key.

    Args:
        key: the key's value.

    Attributes:
        key: the same.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header that API Gateway asks for."""
        request.headers["x-api-key"] = self.key
        yield request


class SignedAuth(httpx.Auth):
    """Signs with AWS Signature Version 4, for an API that IAM guards.

    Args:
        credentials: the caller's.
        region: the API's region.
    """

    requires_request_body = True

    def __init__(self, credentials: "Credentials", region: str) -> None:
        self._signer = SigV4Auth(credentials, "execute-api", region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers of the signature."""
        signed = AWSRequest(
            method=request.method,
            url=str(request.url),
            data=request.content,
            headers={"Content-Type": request.headers["content-type"]},
        )
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers))
        yield request
