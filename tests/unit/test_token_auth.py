"""Calls of an API with `auth = "jwt"` by the command line: the token is the shell's."""

from typing import Any

import httpx
import pytest

from warmlens import deployment
from warmlens.deployment import TOKEN_VARIABLE
from warmlens.errors import WarmlensError

OUTPUTS = {"ApiAuth": "jwt"}


def headers_sent() -> httpx.Headers:
    session: Any = None  # nothing of AWS is asked for
    auth = deployment._api_auth(session, "dev", OUTPUTS)
    request = httpx.Request("POST", "https://api.example/classification")
    assert auth is not None
    return next(auth.sync_auth_flow(request)).headers


@pytest.mark.parametrize("text", ["a.b.c", " a.b.c\n", "Bearer a.b.c"])
def test_the_token_of_the_shell_is_sent(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, text)
    assert headers_sent()["authorization"] == "Bearer a.b.c"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "no_token"),
        ("", "no_token"),
        (" \n", "no_token"),
        ("a b", "bad_token"),
        ("ä", "bad_token"),
        ("a\x01", "bad_token"),
    ],
)
def test_what_is_no_token_is_refused_with_what_to_do(
    text: str | None, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(TOKEN_VARIABLE, text)
    with pytest.raises(WarmlensError) as refusal:
        headers_sent()
    assert refusal.value.code == code
    assert "WARMLENS_TOKEN" in str(refusal.value)
