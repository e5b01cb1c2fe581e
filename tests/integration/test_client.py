"""Calls of `warmlens_client` and their answers, by the blocking client and the async one."""

import asyncio
import json
import subprocess
import sys
import threading
from typing import Any

import httpx
import pytest

from tests.integration import client_harness
from tests.integration.api_stub import ANSWER, EXPLANATION, GRANT, MODEL, Service
from tests.integration.client_harness import PHOTO, Run, blocking
from warmlens_client import (
    AnswerError,
    Area,
    AsyncClient,
    Client,
    Explanation,
    PhotoError,
    Prediction,
    UnexpectedAnswerError,
    Upload,
    UploadError,
    WarmlensClientError,
    WarmlensConnectionError,
)

run = client_harness.run  # a fixture
service = client_harness.service  # a fixture


PREDICTIONS: list[Any] = [
    [], {}, ["cup"],
    [{"id": "1", "label": "cup"}],
    [{"id": 1, "label": "cup", "softmax": 1}],
    [{"id": "1", "label": "cup", "softmax": float("nan")}],
    [{"id": "1", "label": "cup", "softmax": 10**400}],
    [{"id": "1", "label": "cup", "softmax": True}],
]  # fmt: skip


async def test_an_answer_is_typed_and_has_all_that_the_api_said(run: Run, service: Service) -> None:
    answer = await run(service.url, "classify", PHOTO, top=3)
    assert answer.predictions == (Prediction("1", "cup", 1.0),)
    assert answer.best.label == "cup"
    assert (answer.cold_start, answer.time_s, answer.init_ms) == (True, 0.1, 1.0)
    assert (answer.model, answer.version, answer.instance_id) == ("cups", "1.0.0", "i-1")
    assert answer.stages_ms == {"decode": 2.0}
    assert answer.recognized is True
    assert answer.raw == ANSWER
    ((request, body),) = service.requests
    assert (request.query["top"], request.content_type, body) == ("3", "image/jpeg", PHOTO)
    with pytest.raises(AttributeError):
        answer.model = "another"


@pytest.mark.parametrize(
    ("more", "recognized"),
    [({"recognized": False}, False), ({"recognized": None}, None), ({}, None)],
    ids=["not recognized", "no threshold", "an older API"],
)
async def test_what_a_model_does_not_know_is_told_apart_from_what_it_cannot_tell(
    service: Service, more: dict[str, Any], recognized: bool | None
) -> None:
    older = {key: value for key, value in ANSWER.items() if key != "recognized"}
    service.answers["/classification"] = (200, older | more)
    answer = await blocking(service.url, "classify", PHOTO)
    assert answer.recognized is recognized


async def test_the_served_model_is_typed_and_has_the_names_of_its_classes(
    run: Run, service: Service
) -> None:
    model = await run(service.url, "model", client={"api_key": "a-key"})
    assert (model.model, model.version, model.title) == ("cups", "1.0.0", "demo cups")
    assert (model.labels, model.threshold) == (("cup", "mug"), 0.5)
    assert model.raw == MODEL
    ((request, body),) = service.requests
    assert (request.method, request.path, body) == ("GET", "/model", b"")
    assert request.headers["x-api-key"] == "a-key"


@pytest.mark.parametrize("more", [{"labels": None}, {"labels": [1, 2]}, {"threshold": "0.5"}])
async def test_a_model_of_another_form_is_named_as_such(
    service: Service, more: dict[str, Any]
) -> None:
    service.answers["/model"] = (200, MODEL | more)
    with pytest.raises(UnexpectedAnswerError, match=r"^model returned no "):
        await blocking(service.url, "model")


async def test_a_map_is_asked_for_and_typed(run: Run, service: Service) -> None:
    assert (await run(service.url, "classify", PHOTO)).explanation is None
    service.answers["/classification"] = (200, {**ANSWER, "explanation": EXPLANATION})
    wanted = Explanation("1", 1, 2, (1.0, 0.0), Area(0.25, 0.0, 0.5, 1.0))
    assert (await run(service.url, "classify", PHOTO, explain=True)).explanation == wanted
    answer = await run(service.url, "classify_path", "uploads/x.jpg", explain=True)
    assert answer.explanation == wanted
    service.answers["/classification"] = (200, {**ANSWER, "explanation": None})
    assert (await run(service.url, "classify", PHOTO, explain=True)).explanation is None
    (first, _), (second, _), (_, third), _ = service.requests
    assert "explain" not in first.query
    assert second.query["explain"] == "true"
    assert json.loads(third)["explain"] is True


@pytest.mark.parametrize(
    "changed",
    [
        {"id": 1},
        {"rows": 0, "values": []},
        {"columns": 3},
        {"values": [1, "0"]},
        {"values": None},
        {"area": {}},
        {"area": None},
    ],
)
async def test_a_map_of_another_form_is_named_as_such(
    service: Service, changed: dict[str, Any]
) -> None:
    service.answers["/classification"] = (
        200,
        {**ANSWER, "explanation": {**EXPLANATION, **changed}},
    )
    with pytest.raises(UnexpectedAnswerError, match=r"^classification returned no "):
        await blocking(service.url, "classify", PHOTO, explain=True)


async def test_a_photo_is_uploaded_and_its_path_classified_in_steps_of_their_own(
    run: Run, service: Service
) -> None:
    upload = await run(service.url, "upload", PHOTO)
    assert upload == Upload("uploads/x.jpg", "secret")
    assert "secret" not in repr(upload)
    assert (await run(service.url, "classify_path", upload.file_path, top=2)).best.label == "cup"
    assert (await run(service.url, "wake")).cold_start is False
    service.answers["/uploads"] = (200, {"file_path": "uploads/x.jpg", "deleted": True})
    await run(service.url, "delete", upload)
    assert service.asked == ["/uploads", "/storage", "/classification", "/wakeup", "/uploads"]
    deletion = service.requests[-1][0]
    assert (deletion.method, deletion.query["file_path"]) == ("DELETE", "uploads/x.jpg")
    assert deletion.headers["x-delete-token"] == "secret"
    form = service.requests[1][1]
    assert form.index(b"uploads/x.jpg") < form.index(PHOTO)  # S3 ignores fields after the file


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({"api_key": "secret"}, ("x-api-key", "secret")),
        ({"token": "secret"}, ("authorization", "Bearer secret")),
        ({"auth": httpx.BasicAuth("me", "x")}, ("authorization", "Basic bWU6eA==")),
    ],
)
async def test_credentials_go_to_the_api_and_not_to_s3(
    run: Run, service: Service, credentials: dict[str, Any], header: tuple[str, str]
) -> None:
    await run(service.url, "classify", PHOTO, upload=True, client=credentials)
    uploads, storage, classification = (request.headers for request, _ in service.requests)
    name, value = header
    assert uploads[name] == classification[name] == value
    assert not {"x-api-key", "authorization"} & {each.lower() for each in storage}


@pytest.mark.parametrize(
    "body",
    [
        "<html>", "", "[]", "null", "[" * 100_000, '"text"', "{}",
        *({**ANSWER, "predictions": each} for each in PREDICTIONS),
        {**ANSWER, "cold_start": 0}, {**ANSWER, "time": "0.1"}, {**ANSWER, "stages_ms": {"a": "b"}},
        {**ANSWER, "recognized": 1},
    ],
)  # fmt: skip
async def test_an_answer_of_another_form_is_named_as_such(
    service: Service, body: str | dict[str, Any]
) -> None:
    service.answers["/classification"] = (200, body)
    with pytest.raises(UnexpectedAnswerError, match=r"^classification returned ") as caught:
        await blocking(service.url, "classify", PHOTO)
    assert (caught.value.code, caught.value.status) == ("unexpected_answer", 200)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("url", ["", "ftp://x/y", "http://[", "nothing", None])
async def test_an_upload_goes_only_to_a_url(service: Service, url: str | None) -> None:
    service.answers["/uploads"] = (200, {**GRANT, "url": url})
    with pytest.raises(UnexpectedAnswerError, match="uploads returned no url"):
        await blocking(service.url, "upload", PHOTO)


@pytest.mark.parametrize(("status", "code"), [(403, "upload_refused"), (307, "upload_redirected")])
async def test_a_photo_that_s3_did_not_store_is_not_classified(
    run: Run, service: Service, status: int, code: str
) -> None:
    service.answers["/storage"] = (status, "<Code>AccessDenied</Code>" + "x" * 10_000)
    with pytest.raises(UploadError) as caught:
        await run(service.url, "classify", PHOTO, upload=True)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(caught.value.message) < 500
    assert service.asked == ["/uploads", "/storage"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "http://",
        "http://[",
        "https://page/#key=x",
        "http://a/?b",
    ],
)
def test_what_is_no_root_of_an_api_is_refused_at_once(url: str) -> None:
    with pytest.raises(WarmlensClientError) as caught:
        Client(url)
    assert caught.value.code == "invalid_url"


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "a", "token": "b"},
        {"api_key": ""},
        {"api_key": "key\n"},
        {"token": "schl\u00fcssel"},
        {"timeout_s": 0},
        {"timeout_s": float("inf")},
        {"timeout_s": float("nan")},
        {"max_retries": -1},
    ],
)
@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_options_that_cannot_work_are_refused_at_once(client: Any, options: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        client("http://127.0.0.1:8080", **options)


async def test_a_client_of_the_callers_own_is_used_and_left_open(service: Service) -> None:
    def call() -> None:
        with httpx.Client(headers={"x-mine": "1"}) as http:
            for _ in range(2):
                with Client(service.url, http=http) as client:
                    client.wake()

    await asyncio.to_thread(call)
    assert [request.headers["x-mine"] for request, _ in service.requests] == ["1", "1"]


async def test_one_client_serves_many_threads(service: Service) -> None:
    def call() -> set[str]:
        labels: set[str] = set()
        with Client(service.url) as client:
            threads = [
                threading.Thread(target=lambda: labels.add(client.classify(PHOTO).best.label))
                for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return labels

    assert await asyncio.to_thread(call) == {"cup"}
    assert service.asked == ["/classification"] * 8


def test_importing_it_imports_neither_pillow_nor_the_rest_of_the_project() -> None:
    script = (
        "import sys, warmlens_client\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(names & {'PIL', 'boto3', 'typer', 'warmlens', 'lambda_src'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_errors_are_of_one_family() -> None:
    for kind in (PhotoError, WarmlensConnectionError, AnswerError):
        assert issubclass(kind, WarmlensClientError)
