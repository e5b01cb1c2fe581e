"""The uploads function: deletion of one photo with the token that its upload got."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src.uploads import handler
from lambda_src.uploads.deletion import proves
from lambda_src.uploads.photo_name import name_of, new_token

OWN = ("image/jpeg", "image/png", "image/webp", "image/gif", "application/octet-stream")


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The function's environment, with an S3 that accepts a connection and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as s3:
        for name, value in {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{s3.getsockname()[1]}",
            "MAX_IMAGE_BYTES": "1000",
            "UPLOAD_PREFIX": "uploads/",
            "UPLOAD_EXPIRES_S": "300",
            "IMAGES_BUCKET": "images",
        }.items():
            monkeypatch.setenv(name, value)
        yield s3


def uploaded(content_type: str = "image/jpeg") -> tuple[str, str]:
    answer = handler.handler({"body": json.dumps({"content_type": content_type, "bytes": 5})}, None)
    grant = json.loads(answer["body"])
    assert grant["delete_token"] not in json.dumps(grant["fields"])  # else S3's log had it
    return grant["file_path"], grant["delete_token"]


def delete(query: object, headers: object, **event: object) -> tuple[int, dict[str, Any]]:
    event = {"httpMethod": "DELETE", "queryStringParameters": query, "headers": headers, **event}
    answer = handler.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("content_type", OWN)
def test_a_token_proves_its_own_photo(content_type: str) -> None:
    file_path, token = uploaded(content_type)
    assert proves(token, file_path, "uploads/")


def test_no_other_token_deletes_a_photo_and_the_answer_is_the_same_whether_it_exists(
    deployed: socket.socket,
) -> None:
    (mine, my_token), (other, other_token) = uploaded(), uploaded()
    stem = mine.rpartition("/")[2].partition(".")[0]
    answers = [
        delete({"file_path": file_path}, {"x-delete-token": token})
        for file_path, token in (
            (mine, other_token),
            (other, my_token),
            (mine, stem),  # what the name itself tells
            (mine, my_token[:-1]),
            (mine, f"{my_token}0"),
            (mine, my_token.upper()),
            (mine, "\u00fc\ud800"),
            (mine.replace("uploads/", "test/"), my_token),
            (f"uploads/{mine}", my_token),
            (f"/{mine}", my_token),
            (mine.removeprefix("uploads/"), my_token),
            (mine.replace("uploads/", "uploads/../"), my_token),
            (f"{mine}/", my_token),
            (f"{mine}\n", my_token),
            (f"uploads/\u0662026/11/30/{name_of(my_token)}.jpg", my_token),  # a digit, not of ours
            ("test/20200118.jpg", my_token),
            ("uploads/2026/01/01/0123456789abcdef0123456789abcdef.jpg", my_token),  # never there
        )
    ]
    assert {status for status, _ in answers} == {403}
    assert {json.dumps(body) for _, body in answers} == {json.dumps(answers[0][1])}
    assert answers[0][1]["error"]["code"] == "wrong_delete_token"
    deployed.setblocking(False)
    with pytest.raises(BlockingIOError):  # S3 was not asked
        deployed.accept()


@pytest.mark.parametrize("query", [None, {}, {"file_path": ""}, {"file": "uploads/x"}])
@pytest.mark.parametrize("headers", [None, {}, {"X-Delete-Token": ""}, {"x-delete-token": "0"}])
def test_a_deletion_without_its_parts_is_refused_with_what_to_send(
    query: object, headers: object
) -> None:
    status, body = delete(query, headers)
    assert (status, body["error"]["code"]) == (400, "invalid_request")
    assert "?file_path=" in body["error"]["message"]
    assert "x-delete-token" in body["error"]["message"]


def test_the_other_format_of_calls_is_a_deletion_too() -> None:
    context = {"http": {"method": "DELETE"}}
    status, _ = delete(None, None, httpMethod=None, requestContext=context)
    assert status == 400


def test_a_storage_that_does_not_answer_is_reported_and_logged(
    deployed: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    file_path, token = uploaded()
    deployed.close()
    capsys.readouterr()
    status, body = delete({"file_path": file_path}, {"X-Delete-Token": token})
    assert (status, body["error"]["code"]) == (503, "storage_unavailable")
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["message"], line["file_path"]) == ("ERROR", "deletion", file_path)
    assert "Refused" in line["reason"]
    assert token not in json.dumps(line)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.text(), st.text())
def test_no_text_proves_a_photo_that_it_is_not_the_token_of(token: str, file_path: str) -> None:
    assert not proves(token, file_path, "uploads/")
    assert not proves(token, f"uploads/2026/11/30/{name_of(new_token())}.jpg", "uploads/")
