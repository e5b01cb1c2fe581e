"""The HTTP API of the running local cloud: the paper's requests, and everything bad."""

import base64
import dataclasses
import hashlib
import io
import json
import re
import time
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from lab.products.samples import SAMPLES as GALLERY
from lab.products.samples import GalleryPhoto
from stacks import api_schema
from tests.conftest import SAMPLE, SAMPLE_LABEL, Cloud
from warmlens.paths import WEB
from warmlens_client import Client, WarmlensApiError

SAMPLES = WEB / "samples"


@pytest.fixture(scope="module")
def instance_ids(cloud: Cloud) -> list[str]:
    """The instances before the module's requests; none of them may be gone afterwards."""
    cloud.post("wakeup", {"method": "wakeup"})
    return [instance["id"] for instance in cloud.status()["instances"]]


def upload(cloud: Cloud, data: bytes, content_type: str = "image/jpeg") -> str:
    """Upload through a presigned POST, as the page does; return the image's path."""
    grant = cloud.post("uploads", {"content_type": content_type, "bytes": len(data)}).json()
    files = {"file": ("photo", data)}
    stored = httpx.post(grant["url"], data=grant["fields"], files=files, timeout=60)
    assert stored.is_success, stored.text
    return str(grant["file_path"])


def classify(cloud: Cloud, file_path: str) -> httpx.Response:
    return cloud.post("classification", {"method": "classification", "file_path": file_path})


def assert_error(answer: httpx.Response, status: int, code: str) -> str:
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), answer.text
    Draft202012Validator(api_schema.ERROR_ANSWER).validate(body)
    assert "Traceback" not in answer.text
    return str(body["error"]["message"])


def assert_malformed(answer: httpx.Response) -> None:
    """Refused by API Gateway's validator (invalid_request) or, if it let it pass, by the code."""
    code = answer.json()["error"]["code"]
    assert code == "invalid_request" or code.startswith(("invalid_", "empty_")), code
    assert len(assert_error(answer, 400, code)) > 10


def test_the_papers_classification_request_is_answered_with_its_keys_in_its_order(
    cloud: Cloud,
) -> None:
    text = '{"method": "classification", "file_path": "test/20200118.jpg"}'
    begun_s = time.monotonic()
    answer = cloud.post("classification", content=text)
    elapsed_s = time.monotonic() - begun_s
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body)[:12] == [
        "method",
        "TOP1_ID",
        "TOP1_softmax",
        "TOP2_ID",
        "TOP2_softmax",
        "TOP3_ID",
        "TOP3_softmax",
        "TOP4_ID",
        "TOP4_softmax",
        "TOP5_ID",
        "TOP5_softmax",
        "time",
    ]
    assert body["method"] == "classification"
    assert all(isinstance(body[f"TOP{rank}_ID"], str) for rank in range(1, 6))
    softmax = [body[f"TOP{rank}_softmax"] for rank in range(1, 6)]
    assert softmax == sorted(softmax, reverse=True)
    assert sum(softmax) <= 1
    assert 0 < body["time"] < elapsed_s


def test_the_papers_wakeup_request_is_answered_with_its_keys_in_its_order(cloud: Cloud) -> None:
    begun_s = time.monotonic()
    answer = cloud.post("wakeup", content='{"method": "wakeup", "sleep_time": "800"}')
    elapsed_s = time.monotonic() - begun_s
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body)[:2] == ["method", "time"]
    assert body["method"] == "wakeup"
    assert 0.8 <= body["time"] < elapsed_s


def test_a_photo_is_deleted_with_its_own_token_alone_and_stays_deleted(cloud: Cloud) -> None:
    data = SAMPLE.read_bytes()
    mine, other = (
        cloud.post("uploads", {"content_type": "image/jpeg", "bytes": len(data)}).json()
        for _ in range(2)
    )
    for each in (mine, other):
        files = {"file": ("photo", data)}
        assert httpx.post(each["url"], data=each["fields"], files=files, timeout=60).is_success

    def delete(file_path: str, token: str | None) -> httpx.Response:
        headers = {} if token is None else {"X-Delete-Token": token}
        query = {"file_path": file_path}
        return httpx.delete(f"{cloud.url}/uploads", params=query, headers=headers, timeout=60)

    assert_error(delete(mine["file_path"], other["delete_token"]), 403, "wrong_delete_token")
    assert_error(delete(mine["file_path"], None), 400, "invalid_request")
    assert_error(delete("", mine["delete_token"]), 400, "invalid_request")
    assert classify(cloud, mine["file_path"]).status_code == 200
    for _ in range(2):  # the second time there is nothing to delete
        answer = delete(mine["file_path"], mine["delete_token"])
        assert answer.status_code == 200, answer.text
        Draft202012Validator(api_schema.DELETION_ANSWER).validate(answer.json())
        assert_error(classify(cloud, mine["file_path"]), 404, "image_not_found")
    assert classify(cloud, other["file_path"]).status_code == 200


@pytest.mark.parametrize(
    ("sample", "label"),
    [
        ("coffee.jpg", "espresso"),
        ("flower.jpg", "daisy"),
        ("cat.jpg", "tiger cat"),
        ("rocket.jpg", "missile"),
    ],
)
def test_a_photo_gets_its_class_in_the_top_five(
    imagenet_cloud: Cloud, sample: str, label: str
) -> None:
    file_path = upload(imagenet_cloud, (SAMPLES / sample).read_bytes())
    body = classify(imagenet_cloud, file_path).json()
    assert label in [body[f"TOP{rank}_label"] for rank in range(1, 6)]


@pytest.mark.parametrize("sample", GALLERY, ids=lambda sample: sample.file)
def test_a_sample_photo_of_a_product_is_that_product(cloud: Cloud, sample: GalleryPhoto) -> None:
    body = classify(cloud, upload(cloud, (SAMPLES / sample.file).read_bytes())).json()
    assert body["TOP1_ID"] == sample.class_id
    assert body["model"] == "products-resnet50"


def test_every_answer_fits_the_published_contract(cloud: Cloud) -> None:
    data = (SAMPLES / "cat.jpg").read_bytes()
    grant = cloud.post("uploads", {"content_type": "image/jpeg", "bytes": len(data)}).json()
    Draft202012Validator(api_schema.UPLOADS_ANSWER).validate(grant)
    answer = classify(cloud, "test/cat.jpg").json()
    Draft202012Validator(api_schema.CLASSIFICATION_ANSWER).validate(answer)
    answer = cloud.post("wakeup", {"method": "wakeup"}).json()
    Draft202012Validator(api_schema.WAKEUP_ANSWER).validate(answer)


@pytest.mark.parametrize("file_path", ["test/cat.jpg", "test/nothing.jpg"])
def test_no_answer_is_kept_by_a_cache(cloud: Cloud, file_path: str) -> None:
    for call, body in (
        ("classification", {"method": "classification", "file_path": file_path}),
        ("wakeup", {"method": "wakeup"}),
        ("uploads", {"content_type": "image/jpeg", "bytes": 5}),
    ):
        for url in (cloud.url, cloud.api_url):
            answer = httpx.post(f"{url}/{call}", json=body, timeout=60)
            assert answer.headers["cache-control"] == "no-store"


def test_the_stages_of_a_call_are_a_part_of_its_time(cloud: Cloud) -> None:
    answer = classify(cloud, "test/cat.jpg").json()
    assert list(answer["stages_ms"]) == ["fetch", "decode", "inference"]
    assert sum(answer["stages_ms"].values()) <= answer["time"] * 1000


def test_only_the_first_call_of_an_instance_is_a_cold_start(cloud: Cloud) -> None:
    answers = [cloud.post("wakeup", {"method": "wakeup"}).json() for _ in range(3)]
    assert len({answer["instance_id"] for answer in answers}) == 1
    assert [answer["cold_start"] for answer in answers[1:]] == [False, False]
    assert all(answer["init_ms"] > 0 for answer in answers)


@pytest.mark.parametrize(
    ("content_type", "size_bytes", "status", "code"),
    [
        ("image/heic", 1000, 415, "unsupported_type"),
        ("text/html", 1000, 415, "unsupported_type"),
        ("image/jpeg", 64 * 2**20 + 1, 413, "image_too_large"),
    ],
)
def test_an_upload_of_a_wrong_type_or_size_is_not_signed(
    cloud: Cloud, content_type: str, size_bytes: int, status: int, code: str
) -> None:
    answer = cloud.post("uploads", {"content_type": content_type, "bytes": size_bytes})
    assert_error(answer, status, code)


@pytest.mark.parametrize(("size_bytes", "code"), [(101, "EntityTooLarge"), (99, "EntityTooSmall")])
def test_an_upload_of_another_size_than_signed_is_refused_by_s3(
    cloud: Cloud, size_bytes: int, code: str
) -> None:
    grant = cloud.post("uploads", {"content_type": "image/jpeg", "bytes": 100}).json()
    files = {"file": ("x", b"a" * size_bytes)}
    stored = httpx.post(grant["url"], data=grant["fields"], files=files, timeout=60)
    assert stored.status_code == 400
    assert code in stored.text
    assert_error(classify(cloud, grant["file_path"]), 404, "image_not_found")


def test_an_upload_of_another_type_than_signed_is_refused_by_s3(cloud: Cloud) -> None:
    grant = cloud.post("uploads", {"content_type": "image/jpeg", "bytes": 4}).json()
    fields = {**grant["fields"], "Content-Type": "text/html"}
    files = {"file": ("x", b"<p/>")}
    stored = httpx.post(grant["url"], data=fields, files=files, timeout=60)
    assert stored.status_code == 403
    assert_error(classify(cloud, grant["file_path"]), 404, "image_not_found")


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [
        ("image/jpeg", "jpg"),
        ("image/png", "png"),
        ("image/webp", "webp"),
        ("image/gif", "gif"),
        ("image/pjpeg", "jpg"),
        ("IMAGE/JPG; charset=binary", "jpg"),
        ("", "bin"),
    ],
)
def test_each_upload_has_a_path_of_its_own_that_nobody_can_guess(
    cloud: Cloud, content_type: str, extension: str
) -> None:
    grants = [
        cloud.post("uploads", {"content_type": content_type, "bytes": 4}).json() for _ in range(2)
    ]
    assert len({grant["file_path"] for grant in grants}) == 2
    assert len({grant["delete_token"] for grant in grants}) == 2
    for grant in grants:
        # The digest of 256 random bits: docs/decisions/0120.
        token, path = grant["delete_token"], grant["file_path"]
        name = hashlib.sha256(token.encode()).hexdigest()[:32]
        assert re.fullmatch("[0-9a-f]{64}", token)
        assert re.fullmatch(rf"uploads/\d{{4}}/\d\d/\d\d/{name}\.{extension}", path)


def test_a_signed_upload_is_valid_for_one_key_one_type_one_size_and_a_short_time(
    cloud: Cloud,
) -> None:
    grant = cloud.post("uploads", {"content_type": "image/png", "bytes": 123}).json()
    policy = json.loads(base64.b64decode(grant["fields"]["policy"]))
    conditions = policy["conditions"]
    assert {"key": grant["file_path"]} in conditions
    assert {"Content-Type": "image/png"} in conditions
    assert ["content-length-range", 123, 123] in conditions
    assert not [each for each in conditions if "starts-with" in each]
    signed = datetime.strptime(grant["fields"]["x-amz-date"], "%Y%m%dT%H%M%S%z")
    valid = datetime.fromisoformat(policy["expiration"]) - signed
    assert grant["expires_in"] == 300
    assert abs(valid.total_seconds() - 300) <= 60  # the two are read from the clock one by one


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (None, 400, "empty_body"),
        ("", 400, "empty_body"),
        ("{", 400, "invalid_json"),
        ("[" * 2000, 400, "invalid_json"),
        ("[]", 400, "invalid_json"),
        (" " * 2049, 413, "request_too_large"),
        ('{"content_type": ["image/png"], "bytes": 5}', 400, "invalid_content_type"),
        ('{"content_type": "image/svg+xml", "bytes": 5}', 415, "unsupported_type"),
        ('{"content_type": "image/png"}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": 0}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": -5}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": true}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": "5"}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": 5.0}', 400, "invalid_bytes"),
        ('{"content_type": "image/png", "bytes": 67108865}', 413, "image_too_large"),
    ],
)
def test_the_uploads_function_does_not_rely_on_the_gateways_validator(
    cloud: Cloud, body: str | None, status: int, code: str
) -> None:
    payload = json.dumps({"body": body}).encode()
    answer = cloud.client("lambda").invoke(FunctionName="warmlens-local-uploads", Payload=payload)
    answered = json.loads(answer["Payload"].read())
    error = json.loads(answered["body"])["error"]
    assert (answered["statusCode"], error["code"]) == (status, code)
    assert len(error["message"]) > 10


def test_an_unknown_file_is_not_found(cloud: Cloud) -> None:
    message = assert_error(classify(cloud, "test/nothing.jpg"), 404, "image_not_found")
    assert "test/nothing.jpg" in message


@pytest.mark.parametrize("file_path", ["../models/x", "test/../models/x", "models/x"])
def test_a_path_that_escapes_its_prefix_is_not_allowed(cloud: Cloud, file_path: str) -> None:
    assert_error(classify(cloud, file_path), 403, "path_not_allowed")


def test_a_text_named_jpg_is_an_unsupported_type(cloud: Cloud, instance_ids: list[str]) -> None:
    file_path = upload(cloud, b"This is no photo, whatever its name says.")
    assert file_path.endswith(".jpg")
    assert_error(classify(cloud, file_path), 415, "unsupported_type")


def test_a_truncated_jpeg_is_not_decodable(cloud: Cloud) -> None:
    data = (SAMPLES / "coffee.jpg").read_bytes()
    file_path = upload(cloud, data[: len(data) // 2])
    assert_error(classify(cloud, file_path), 422, "image_not_decodable")


def test_a_png_of_30000_by_30000_pixels_has_too_many(cloud: Cloud, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((30_000, 30_000), bool)).save(buffer, "PNG")
    file_path = upload(cloud, buffer.getvalue(), "image/png")
    message = assert_error(classify(cloud, file_path), 422, "too_many_pixels")
    assert "30000 x 30000" in message


@pytest.mark.parametrize(
    "content_type", ["image/jpg", "Image/JPEG; q=1", "application/octet-stream", "image/png", None]
)
def test_a_photo_is_read_by_its_bytes_whatever_type_was_named(
    cloud: Cloud, content_type: str | None
) -> None:
    data = (WEB / "samples" / "coffee.jpg").read_bytes()
    request = {"bytes": len(data)} | ({"content_type": content_type} if content_type else {})
    grant = cloud.post("uploads", request).json()
    files = {"file": ("photo", data)}
    assert httpx.post(grant["url"], data=grant["fields"], files=files, timeout=60).is_success
    answer = classify(cloud, grant["file_path"])
    assert answer.status_code == 200, answer.text


def test_a_heic_photo_gets_a_sentence_of_its_own(cloud: Cloud) -> None:
    answer = cloud.post("uploads", {"content_type": "image/heic", "bytes": 9})
    assert "HEIC photos are not read" in assert_error(answer, 415, "unsupported_type")
    file_path = upload(cloud, b"\0\0\0\x18ftypheic" + bytes(50), "image/jpeg")
    message = assert_error(classify(cloud, file_path), 415, "unsupported_type")
    assert "a HEIC photo" in message
    assert "as JPEG" in message


CALLS = ["classification", "wakeup", "uploads"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("text", ["{}", "[]", "{"])
def test_a_body_without_what_the_call_needs_does_not_reach_a_function(
    cloud: Cloud, call: str, text: str
) -> None:
    answer = cloud.post(call, content=text, headers={"Content-Type": "application/json"})
    message = assert_error(answer, 400, "invalid_request")
    assert "$" not in message  # no variable that nobody filled in
    assert f"for /{call}" in message


CLASSIFY = {"method": "classification"}


@pytest.mark.parametrize(
    ("call", "body", "code", "sentence"),
    [
        (
            "classification",
            {**CLASSIFY, "file_path": "test/my cat.jpg"},
            "invalid_file_path",
            "may have",
        ),
        (
            "classification",
            {**CLASSIFY, "file_path": "test/ä.jpg"},
            "invalid_file_path",
            "may have",
        ),
        ("classification", {**CLASSIFY, "file_path": "test//a.jpg"}, "invalid_file_path", "single"),
        (
            "classification",
            {**CLASSIFY, "file_path": "test/" + "a" * 1100},
            "invalid_file_path",
            "1024",
        ),
        ("classification", {**CLASSIFY, "file_path": ""}, "invalid_file_path", "non-empty"),
        ("classification", {**CLASSIFY, "file_path": 5}, "invalid_file_path", "a non-empty string"),
        (
            "classification",
            {**CLASSIFY, "file_path": "cat.jpg"},
            "path_not_allowed",
            "must begin with",
        ),
        (
            "classification",
            {"method": "Classify", "file_path": "test/a"},
            "invalid_method",
            '"method"',
        ),
        ("wakeup", {"method": "wakeup", "sleep_time": "1 s"}, "invalid_sleep_time", "milliseconds"),
        ("wakeup", {"method": "wakeup", "sleep_time": -1}, "invalid_sleep_time", "from 0 to"),
        ("wakeup", {"method": "wakeup", "hold_until": "soon"}, "invalid_hold_until", "Unix time"),
        ("wakeup", {"method": "wakeup", "hold_until": 1.5}, "invalid_hold_until", "Unix time"),
        ("uploads", {"content_type": "image/png", "bytes": "5"}, "invalid_bytes", "whole number"),
        ("uploads", {"content_type": "image/png", "bytes": 0}, "invalid_bytes", "above 0"),
        ("uploads", {"content_type": 5, "bytes": 5}, "invalid_content_type", '"image/jpeg"'),
    ],
)
def test_a_wrong_value_is_named_by_the_functions_own_sentence(
    cloud: Cloud, call: str, body: dict[str, object], code: str, sentence: str
) -> None:
    answer = cloud.post(call, body)
    status = 403 if code == "path_not_allowed" else 400
    assert sentence in assert_error(answer, status, code)


@pytest.mark.parametrize("call", CALLS)
def test_an_empty_body_is_refused(cloud: Cloud, call: str) -> None:
    answer = cloud.post(call, content=b"", headers={"Content-Type": "application/json"})
    assert_malformed(answer)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("text", ["{", "method=wakeup", "[]", '"wakeup"', "null", "[" * 5000])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_a_body_that_is_no_json_object_is_refused(
    cloud: Cloud, call: str, text: str, content_type: str
) -> None:
    answer = cloud.post(call, content=text, headers={"Content-Type": content_type})
    assert_malformed(answer)


@pytest.mark.parametrize("method", ["wakeup", "Classification", "", None, 5])
def test_a_wrong_method_is_refused(cloud: Cloud, method: object) -> None:
    body = {"method": method, "file_path": "test/cat.jpg"}
    answer = cloud.post("classification", body)
    assert_malformed(answer)


@pytest.mark.parametrize("sleep_time", ["-1", -1, "99999999", 10**12, "soon", "", 0.5, True])
def test_a_sleep_time_that_is_negative_huge_or_a_word_is_refused(
    cloud: Cloud, sleep_time: object
) -> None:
    answer = cloud.post("wakeup", {"method": "wakeup", "sleep_time": sleep_time})
    assert_malformed(answer)


def test_a_request_larger_than_the_gateway_takes_is_refused(cloud: Cloud) -> None:
    answer = cloud.post("classification", content=b" " * (6 * 2**20 + 1))
    assert_error(answer, 413, "request_too_large")


def test_a_call_that_does_not_exist_is_an_error_in_the_same_form(cloud: Cloud) -> None:
    answer = httpx.post(f"{cloud.api_url}/nothing", json={}, timeout=60)
    assert_error(answer, 404, "no_such_call")


def test_none_of_it_took_an_instance_down(cloud: Cloud, instance_ids: list[str]) -> None:
    alive = [instance["id"] for instance in cloud.status()["instances"]]
    assert set(instance_ids) <= set(alive)
    assert classify(cloud, f"test/{SAMPLE.name}").json()["TOP1_label"] == SAMPLE_LABEL
    assert "unexpected" not in [
        json.loads(line)["message"] for line in re.findall(r"\{.*\}", cloud.log())
    ]


def test_the_client_wakes_uploads_classifies_and_deletes(cloud: Cloud) -> None:
    with Client(cloud.url) as client, Image.open(SAMPLE) as image:
        assert client.wake().instance_id
        in_the_call = client.classify(SAMPLE, top=2)
        assert in_the_call.best.label == client.classify(image).best.label == SAMPLE_LABEL
        assert len(in_the_call.predictions) == 2
        upload = client.upload(SAMPLE)
        assert client.classify_path(upload.file_path, top=2).predictions == in_the_call.predictions
        client.delete(upload)
        client.delete(upload)
        with pytest.raises(WarmlensApiError) as refused:
            client.classify_path(upload.file_path)
        assert (refused.value.code, refused.value.status) == ("image_not_found", 404)
        another = dataclasses.replace(upload, delete_token=upload.delete_token[::-1])
        with pytest.raises(WarmlensApiError) as refused:
            client.delete(another)
        assert (refused.value.code, refused.value.status) == ("wrong_delete_token", 403)
