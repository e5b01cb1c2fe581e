"""Requests with a photo, through every front door."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src.classifier.errors import RequestError
from lambda_src.classifier.http_call import read_http_call
from lambda_src.classifier.request import Classification, image_bytes, read_request

PHOTO = b"\xff\xd8\xff\xe0 a photo of no row"
ENCODED = base64.b64encode(PHOTO).decode()
IN_JSON = json.dumps({"method": "classification", "image": ENCODED, "top": 3})


def read(event: object) -> Classification:
    request = read_request(
        event, read_http_call(event), image_prefixes=("test/",), max_hold_ms=10_000, now_ms=0
    )
    assert isinstance(request, Classification)
    return request


def refusal(event: object) -> tuple[int, str]:
    with pytest.raises(RequestError) as refused:
        read(event)
    return refused.value.status, refused.value.code


def rest(**parts: object) -> dict[str, Any]:
    headers = {"Content-Type": parts.pop("content_type", "image/jpeg")}
    context = {"resourcePath": "/classification", "stage": "v1"}
    return {"path": "/classification", "headers": headers, "requestContext": context, **parts}


def http_api(**parts: object) -> dict[str, Any]:
    headers = {"content-type": parts.pop("content_type", "image/jpeg")}
    context = {"http": {"method": "POST", "path": "/v1/classification"}, "stage": "v1"}
    return {
        "version": "2.0",
        "rawPath": "/v1/classification",
        "headers": headers,
        "requestContext": context,
        **parts,
    }


def function_url(**parts: object) -> dict[str, Any]:
    return {**http_api(**parts), "rawPath": "/"}


def load_balancer(**parts: object) -> dict[str, Any]:
    return {**rest(**parts), "requestContext": {"elb": {"targetGroupArn": "arn"}}}


def load_balancer_of_lists(**parts: object) -> dict[str, Any]:
    event = load_balancer(**parts)
    event["multiValueHeaders"] = {name: [text] for name, text in event.pop("headers").items()}
    if query := event.pop("queryStringParameters", None):
        lists = {name: [text] for name, text in query.items()}
        event["multiValueQueryStringParameters"] = lists
    return event


DOORS = pytest.mark.parametrize(
    "door", [rest, http_api, function_url, load_balancer, load_balancer_of_lists]
)


@DOORS
def test_a_photo_comes_as_the_body_or_in_json(door: Any) -> None:
    top = {"queryStringParameters": {"top": "3"}}
    json_type = {"content_type": "application/json"}
    for event in (
        door(body=ENCODED, isBase64Encoded=True, **top),
        door(body=IN_JSON, isBase64Encoded=False, **json_type),
        door(body=base64.b64encode(IN_JSON.encode()).decode(), isBase64Encoded=True, **json_type),
        door(body=base64.b64encode(IN_JSON.encode()).decode(), isBase64Encoded=True),
    ):
        request = read(event)
        assert request.file_path is None
        assert request.image_base64 is not None
        assert image_bytes(request.image_base64, max_bytes=1000) == PHOTO
        assert request.top == 3


@DOORS
def test_the_answer_has_the_form_that_the_front_door_takes(door: Any) -> None:
    call = read_http_call(door(body=ENCODED))
    assert call is not None
    answer = call.answer(200, {"Content-Type": "application/json"}, "{}")
    assert (answer["statusCode"], answer["body"]) == (200, "{}")
    if door is load_balancer_of_lists:
        assert answer["multiValueHeaders"] == {"Content-Type": ["application/json"]}
    else:
        assert answer["headers"] == {"Content-Type": "application/json"}


def test_a_direct_invoke_takes_a_photo_too() -> None:
    assert read(json.loads(IN_JSON)) == Classification(None, ENCODED, 3)


@DOORS
@pytest.mark.parametrize("body", [{"method": "classification"}, ["x"], 5, True, b"x", 0.5])
def test_a_body_that_is_no_text_is_refused(door: Any, body: object) -> None:
    assert refusal(door(body=body)) == (400, "invalid_json")


@DOORS
def test_a_photo_that_came_as_text_is_refused_with_the_types_to_send(door: Any) -> None:
    mangled = PHOTO.decode("utf-8", errors="replace")
    assert refusal(door(body=mangled, content_type="image/x-raw")) == (415, "unsupported_type")
    assert refusal(door(body=mangled, content_type="application/json")) == (400, "invalid_json")


@DOORS
def test_a_form_is_refused_with_what_to_send_instead(door: Any) -> None:
    for is_base64 in (True, False):
        form = door(
            body=ENCODED, isBase64Encoded=is_base64, content_type="multipart/form-data; x=y"
        )
        with pytest.raises(RequestError, match="photo's bytes as the body") as error:
            read(form)
        assert (error.value.status, error.value.code) == (415, "unsupported_type")


@DOORS
def test_a_photo_is_no_wakeup(door: Any) -> None:
    event = door(body=ENCODED, isBase64Encoded=True)
    event.update({name: "/wakeup" for name in ("path", "rawPath") if name in event})
    assert refusal(event) == (400, "invalid_json")


def test_an_address_that_is_no_call_is_not_found() -> None:
    for path in ("/uploads", "/classification/other"):
        event = {**rest(body=ENCODED, isBase64Encoded=True), "path": path}
        assert refusal(event) == (404, "no_such_call")


@pytest.mark.parametrize(
    "text",
    [
        ENCODED.rstrip("="),
        "\n".join(ENCODED[at : at + 7] for at in range(0, len(ENCODED), 7)),
        base64.urlsafe_b64encode(PHOTO).decode(),
        f"data:image/jpeg;base64,{ENCODED}",
    ],
)
def test_base64_is_read_as_programs_write_it(text: str) -> None:
    request = read({"method": "classification", "image": text})
    assert image_bytes(request.image_base64 or "", max_bytes=1000) == PHOTO


@pytest.mark.parametrize("text", ["*", "=", "====", "/9=j", "é", "\ud800", "a" * 5, "data:x"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as refused:
        image_bytes(text, max_bytes=1000)
    assert (refused.value.status, refused.value.code) == (400, "invalid_image")


@pytest.mark.parametrize("size_bytes", [999, 1000, 1001, 1004, 5000])
def test_a_photo_is_as_large_as_the_settings_allow(size_bytes: int) -> None:
    text = base64.b64encode(bytes(size_bytes)).decode()
    if size_bytes <= 1000:
        assert len(image_bytes(text, max_bytes=1000)) == size_bytes
        return
    with pytest.raises(RequestError) as refused:
        image_bytes(text, max_bytes=1000)
    assert (refused.value.status, refused.value.code) == (413, "image_too_large")


@pytest.mark.parametrize("image", [None, "", 5, True, ["x"], {}, 0.5])
def test_an_image_that_is_no_text_is_refused(image: object) -> None:
    assert refusal({"method": "classification", "image": image}) == (400, "invalid_image")


def test_a_request_names_one_photo() -> None:
    event = {"method": "classification", "image": ENCODED, "file_path": "test/a.jpg"}
    assert refusal(event) == (400, "invalid_image")
    assert refusal({"method": "classification"}) == (400, "invalid_file_path")


@pytest.mark.parametrize("top", [0, 11, -1, 1.0, True, None, "", "x", "0", "11", "٣", [3], 10**30])
def test_a_top_that_is_not_one_to_ten_is_refused(top: object) -> None:
    assert refusal({"method": "classification", "image": ENCODED, "top": top}) == (
        400,
        "invalid_top",
    )


@pytest.mark.parametrize(("top", "number"), [(1, 1), (10, 10), ("7", 7)])
def test_a_caller_chooses_how_many_classes_come_back(top: object, number: int) -> None:
    assert read({"method": "classification", "file_path": "test/a.jpg", "top": top}).top == number
    event = rest(
        body='{"method": "classification", "file_path": "test/a.jpg"}',
        queryStringParameters={"top": str(top)},
    )
    assert read(event).top == number


@DOORS
def test_a_caller_asks_for_the_class_activation_map(door: Any) -> None:
    query = {"queryStringParameters": {"explain": "true"}}
    assert read(door(body=ENCODED, isBase64Encoded=True, **query)).explain is True
    assert read(door(body=ENCODED, isBase64Encoded=True)).explain is False
    fields = {"method": "classification", "file_path": "test/a.jpg"}
    assert read(door(body=json.dumps({**fields, "explain": True}))).explain is True
    assert read(door(body=json.dumps(fields), **query)).explain is True
    # In JSON and in the address: the field counts, and neither may be wrong.
    assert read(door(body=json.dumps({**fields, "explain": False}), **query)).explain is False
    wrong = {"queryStringParameters": {"explain": "yes"}}
    for body in (json.dumps({**fields, "explain": True}), json.dumps(fields)):
        assert refusal(door(body=body, **wrong)) == (400, "invalid_explain")
    assert refusal(door(body=ENCODED, isBase64Encoded=True, **wrong)) == (400, "invalid_explain")


@pytest.mark.parametrize("explain", [1, 0, 1.0, None, "", "True", "1", "yes", [True], {}, 10**30])
def test_what_is_neither_true_nor_false_asks_for_no_map(explain: object) -> None:
    event = {"method": "classification", "image": ENCODED, "explain": explain}
    assert refusal(event) == (400, "invalid_explain")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"method": "classification", "file_path": "x" * 9000}),
        '{"image": [' + "[" * 9000,
        '{"image": "", "x": [' + "1," * 9000 + "1]}",
        '{"image": "", "x": ' + '{"a":' * 9000,
    ],
)
def test_only_an_image_may_make_a_body_long(body: str) -> None:
    assert refusal(rest(body=body)) == (413, "request_too_large")


@settings(deadline=None)
@given(
    st.sampled_from([rest, http_api, function_url, load_balancer, load_balancer_of_lists]),
    st.binary(min_size=1, max_size=100),
    st.sampled_from(["image/jpeg", "application/octet-stream", "application/json", "", "x"]),
)
def test_any_bytes_are_a_photo_or_refused(door: Any, data: bytes, content_type: str) -> None:
    encoded = base64.b64encode(data).decode()
    event = door(body=encoded, isBase64Encoded=True, content_type=content_type)
    if data.lstrip(b" \t\r\n")[:1] in (b"{", b"["):
        assert 400 <= refusal(event)[0] < 500
    else:
        assert image_bytes(read(event).image_base64 or "", max_bytes=1000) == data


event_parts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([ENCODED, IN_JSON]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(max_examples=500, deadline=None)
@given(
    st.fixed_dictionaries(
        {"requestContext": event_parts},
        optional=dict.fromkeys(
            (
                "path",
                "rawPath",
                "headers",
                "multiValueHeaders",
                "body",
                "isBase64Encoded",
                "queryStringParameters",
                "multiValueQueryStringParameters",
            ),
            event_parts,
        ),
    )
)
def test_any_event_is_a_request_or_refused(event: dict[str, Any]) -> None:
    try:
        status = 400 if 1 <= read(event).top <= 10 else 500
    except RequestError as error:
        status = error.status
    assert 400 <= status < 500
