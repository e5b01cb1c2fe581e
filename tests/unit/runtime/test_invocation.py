"""Invocations and their errors."""

import json

import pytest

from warmlens.runtime.invocation import FunctionError, Invocation, parse_error


@pytest.mark.parametrize("request_id", ["", "a b", "../next", "a\r\nb", "é", "x" * 129])
async def test_a_request_id_that_cannot_stand_in_a_path_is_refused(request_id: str) -> None:
    with pytest.raises(ValueError, match="is not 1 to 128 letters, digits"):
        Invocation(request_id=request_id, payload=b"", function_arn="arn")


@pytest.mark.parametrize(
    ("body", "header", "expected"),
    [
        (b'{"errorType": "E", "errorMessage": "m"}', "H", FunctionError("E", "m")),
        (b'{"errorMessage": "m"}', "H", FunctionError("H", "m")),
        (b'{"errorType": "E"}', "", FunctionError("E", "")),
        (b"{}", "", FunctionError("Runtime.Unknown", "")),
        (b"[1]", "H", FunctionError("H", "[1]")),
        (b"\xff", "", FunctionError("Runtime.Unknown", "\ufffd")),
        (b"", "H", FunctionError("H", "")),
    ],
)
def test_whatever_a_runtime_posts_as_an_error_becomes_one(
    body: bytes, header: str, expected: FunctionError
) -> None:
    assert parse_error(body, header) == expected


def test_an_error_is_given_to_callers_as_lambda_does() -> None:
    assert json.loads(FunctionError("E", "m").to_json()) == {"errorType": "E", "errorMessage": "m"}
