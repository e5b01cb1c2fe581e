"""Signature Version 4 by the standard library.

boto3 would make the function's start seven times as long: docs/decisions/0098. Source: IAM user
guide, "Create a signed AWS API request"; the tests compare with botocore.
"""

import hmac
import os
import time
from hashlib import sha256

ALGORITHM = "AWS4-HMAC-SHA256"


class NoCredentialsError(Exception):
    """A variable with the region or the role's keys is missing."""


class Signer:
    """Signs with the temporary keys of the function's role.

    Args:
        region: the region.
        key_id: id of the access key.
        secret_key: the secret access key.
        token: the session token; None for keys without one, as in emulators.
    """

    def __init__(self, region: str, key_id: str, secret_key: str, token: str | None) -> None:
        self.region = region
        self.key_id = key_id
        self.token = token
        self._secret_key = secret_key

    @classmethod
    def from_environment(cls) -> "Signer":
        """Read the variables that Lambda sets.

        Raises:
            NoCredentialsError: one of them is missing.
        """
        names = ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise NoCredentialsError(f"missing: {', '.join(missing)}")
        region, key_id, secret_key = (os.environ[name] for name in names)
        return cls(region, key_id, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)

    def scope(self, service: str, day: str) -> str:
        """Return the scope of a signature.

        Args:
            service: the service's signing name, such as `s3`.
            day: the day in UTC, such as 20261130.
        """
        return f"{day}/{self.region}/{service}/aws4_request"

    def signature(self, text: str, service: str, day: str) -> str:
        """Return the signature of a text in hexadecimal; arguments as for `scope`."""
        key = f"AWS4{self._secret_key}".encode()
        for part in self.scope(service, day).split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()

    def headers(
        self,
        path: str,
        headers: dict[str, str],
        body: bytes,
        *,
        service: str,
        now_s: float,
        method: str = "POST",
    ) -> dict[str, str]:
        """Return the headers of a signed request without a query; all of them are signed.

        Args:
            path: the path, encoded for a URL.
            headers: further headers by names in lower case, among them `host`.
            body: the body.
            service: the service's signing name.
            now_s: the Unix time now.
            method: the request's method.
        """
        moment = timestamp(now_s)
        signed = {"x-amz-date": moment, **headers}
        if self.token is not None:
            signed["x-amz-security-token"] = self.token
        names = ";".join(sorted(signed))
        request = "\n".join(
            [
                method,
                # Encoded twice, for all services but S3.
                path if service == "s3" else path.replace("%", "%25"),
                "",
                *(f"{name}:{signed[name]}" for name in sorted(signed)),
                "",
                names,
                sha256(body).hexdigest(),
            ]
        )
        scope = self.scope(service, moment[:8])
        text = "\n".join([ALGORITHM, moment, scope, sha256(request.encode()).hexdigest()])
        signature = self.signature(text, service, moment[:8])
        credential = f"{ALGORITHM} Credential={self.key_id}/{scope}"
        signed["authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
        return signed


def timestamp(now_s: float) -> str:
    """Return a Unix time in the form that signatures use; its first 8 characters are the day."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
