"""Requests to an API with IAM authorization, signed by the credentials of the shell."""

import httpx
import pytest
from botocore.credentials import Credentials

from warmlens.deployment import SignedAuth

URL = "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/v1/uploads"


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (httpx.Request("POST", URL, json={"bytes": 4}), "content-type;host;x-amz-date"),
        (
            httpx.Request(
                "DELETE",
                URL,
                params={"file_path": "uploads/2026/11/30/x.jpg"},
                headers={"x-delete-token": "0"},
            ),
            "host;x-amz-date;x-delete-token",
        ),
    ],
    ids=["with a body", "a deletion"],
)
def test_a_request_with_or_without_a_body_is_signed(request_: httpx.Request, names: str) -> None:
    auth = SignedAuth(Credentials("AKIDEXAMPLE", "secret"), "eu-west-1")
    signed = next(auth.auth_flow(request_))
    assert f"SignedHeaders={names}, Signature=" in signed.headers["authorization"]
    assert "/eu-west-1/execute-api/aws4_request" in signed.headers["authorization"]
