"""The app with an HTTP API, as `make run API=http` deploys it: the same calls and answers.

Most calls go past the local cloud's gateway to the emulator's HTTP API itself, which passes them on
in payload format 2.0 and checks no body.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stacks import api_schema
from tests.conftest import SAMPLE, SAMPLE_LABEL, Cloud, running
from warmlens.classify import classify
from warmlens_client import Client, WarmlensApiError

PHOTO = SAMPLE.read_bytes()
TYPES = [
    *("application/json", "text/plain", "image/jpeg", "image/heic", "application/octet-stream"),
    *("application/x-www-form-urlencoded", "application/json; charset=utf-16", ""),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["classification", "wakeup", "Wakeup"]) | JSON,
        "image": st.text(max_size=30) | JSON,
        "file_path": st.sampled_from(["uploads/../x", "models/x", "test/none.jpg"]) | JSON,
        "sleep_time": st.integers(-5, -1) | st.text("x-", min_size=1),
        "bytes": st.integers(max_value=0) | st.text(max_size=5),
        "top": st.integers(11) | st.text("x", min_size=1),
    },
)
BODIES = (FIELDS | JSON).map(lambda each: json.dumps(each).encode()) | st.binary(max_size=200)


@pytest.fixture(scope="module")
def http_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local cloud with an HTTP API."""
    yield from running(tmp_path_factory.mktemp("http"), "--api", "http")


def post(cloud: Cloud, call: str, data: bytes, content_type: str = "") -> httpx.Response:
    headers = {"Content-Type": content_type} if content_type else {}
    return httpx.post(f"{cloud.api_url}/{call}", content=data, headers=headers, timeout=60)


def label(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    Draft202012Validator(api_schema.CLASSIFICATION_ANSWER).validate(answer.json())
    return str(answer.json()["TOP1_label"])


def test_the_environment_has_an_http_api_and_no_rest_api(http_cloud: Cloud) -> None:
    assert http_cloud.client("apigateway").get_rest_apis()["items"] == []
    (api,) = http_cloud.client("apigatewayv2").get_apis()["Items"]
    assert api["ApiId"] in http_cloud.api_url


@pytest.mark.parametrize("upload", [False, True])
def test_a_photo_is_classified_in_the_call_and_by_its_path(http_cloud: Cloud, upload: bool) -> None:
    for url in (http_cloud.url, http_cloud.api_url):
        assert classify(SAMPLE, url=url, upload=upload)["TOP1_label"] == SAMPLE_LABEL


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream", ""])
def test_the_body_is_the_photo_whatever_its_type_is_called(
    http_cloud: Cloud, content_type: str
) -> None:
    answer = post(http_cloud, "classification?top=1", PHOTO, content_type)
    assert label(answer) == SAMPLE_LABEL
    assert len(answer.json()["predictions"]) == 1


def test_json_has_the_photo_in_base64_and_wakes_and_asks_for_uploads(http_cloud: Cloud) -> None:
    image = base64.b64encode(PHOTO).decode()
    body = json.dumps({"method": "classification", "image": image}).encode()
    assert label(post(http_cloud, "classification", body, "application/json")) == SAMPLE_LABEL
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        woken = post(http_cloud, "wakeup", b'{"method": "wakeup", "sleep_time": "5"}', content_type)
        Draft202012Validator(api_schema.WAKEUP_ANSWER).validate(woken.json())
        granted = post(http_cloud, "uploads?start", b'{"bytes": 5}', content_type)
        Draft202012Validator(api_schema.UPLOADS_ANSWER).validate(granted.json())


def test_an_upload_is_deleted_with_its_token_and_with_no_other(http_cloud: Cloud) -> None:
    grant = post(http_cloud, "uploads", json.dumps({"bytes": len(PHOTO)}).encode()).json()
    httpx.post(grant["url"], data=grant["fields"], files={"file": PHOTO}).raise_for_status()
    statuses = [
        httpx.delete(
            f"{http_cloud.api_url}/uploads",
            params={"file_path": grant["file_path"]},
            headers={"X-Delete-Token": token} if token else {},
            timeout=60,
        ).status_code
        for token in ("", "another", grant["delete_token"])
    ]
    assert statuses == [400, 403, 200]


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    call=st.sampled_from(["classification", "wakeup", "uploads"]),
    body=BODIES,
    content_type=st.sampled_from(TYPES),
)
def test_a_bad_body_of_any_kind_gets_its_4xx_from_the_function(
    http_cloud: Cloud, call: str, body: bytes, content_type: str
) -> None:
    answer = post(http_cloud, call, body, content_type)
    if answer.status_code == 200:  # such as {"method": "wakeup"}
        assert call == "wakeup"
        assert json.loads(body)["method"] == "wakeup"
        return
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    Draft202012Validator(api_schema.ERROR_ANSWER).validate(answer.json())


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (b"{}", "invalid_method"),
        (b"[]", "invalid_json"),
        (b"", "empty_body"),
        (b'{"method": "classification"}', "invalid_file_path"),
        (PHOTO, "invalid_json"),
    ],
)
def test_what_the_rest_apis_validator_refuses_is_refused_by_the_function(
    http_cloud: Cloud, fields: bytes, code: str
) -> None:
    answer = post(http_cloud, "classification", fields, "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_too_large_a_photo_is_to_be_uploaded(http_cloud: Cloud) -> None:
    large = PHOTO + bytes(4_400_000 - len(PHOTO))
    assert label(post(http_cloud, "classification", large, "image/jpeg")) == SAMPLE_LABEL
    for size_bytes in (500_000, 3_000_000):
        answer = http_cloud.post("classification", content=large + bytes(size_bytes))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(("method", "call"), [("GET", "wakeup"), ("PUT", "uploads"), ("POST", "x")])
def test_the_gateways_own_errors_have_codes_for_a_caller_of_the_client(
    http_cloud: Cloud, method: str, call: str
) -> None:
    answer = httpx.request(method, f"{http_cloud.api_url}/{call}", timeout=60)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
    client = Client(f"{http_cloud.api_url}/nothing")
    with client, pytest.raises(WarmlensApiError) as error:
        client.wake()
    assert error.value.code == "no_such_call"
    assert "address" in error.value.message


def test_a_call_without_a_token_is_refused_where_the_api_asks_for_tokens(
    http_cloud: Cloud,
) -> None:
    """The emulator checks no signatures of tokens here: it refuses all, as AWS does most."""
    v2: Any = http_cloud.client("apigatewayv2")
    (api,) = v2.get_apis()["Items"]
    authorizer = v2.create_authorizer(
        ApiId=api["ApiId"],
        AuthorizerType="JWT",
        Name="tokens",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": "https://127.0.0.1:9/", "Audience": ["an-app"]},
    )
    routes = v2.get_routes(ApiId=api["ApiId"])["Items"]
    changed = {"AuthorizationType": "JWT", "AuthorizerId": authorizer["AuthorizerId"]}
    try:
        for route in routes:
            v2.update_route(ApiId=api["ApiId"], RouteId=route["RouteId"], **changed)
        for token in (None, "a.b.c"):
            client = Client(http_cloud.api_url, token=token)
            with client, pytest.raises(WarmlensApiError) as error:
                client.classify(PHOTO)
            assert (error.value.status, error.value.code) == (401, "unauthorized")
            assert "token" in error.value.message
    finally:
        for route in routes:
            v2.update_route(ApiId=api["ApiId"], RouteId=route["RouteId"], AuthorizationType="NONE")
