"""A photo in the request itself, through the running API."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from stacks import api_schema
from tests.conftest import Cloud
from warmlens.paths import WEB

PHOTO = (WEB / "samples" / "mango-can.jpg").read_bytes()
LARGE = PHOTO + bytes(4_400_000 - len(PHOTO))  # what follows the picture's end is not read
TIMES = ("time", "stages_ms", "instance_id", "cold_start", "init_ms")


def send(cloud: Cloud, data: bytes, content_type: str | None, query: str = "") -> httpx.Response:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return cloud.post(f"classification{query}", content=data, headers=headers)


def send_in_json(cloud: Cloud, data: bytes, **fields: object) -> httpx.Response:
    encoded = base64.b64encode(data).decode()
    return cloud.post("classification", {"method": "classification", "image": encoded, **fields})


def error_of(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    Draft202012Validator(api_schema.ERROR_ANSWER).validate(body)
    return answer.status_code, body["error"]["code"]


def without_times(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    Draft202012Validator(api_schema.CLASSIFICATION_ANSWER).validate(body)
    asked = ["explain"] if "explanation" in body else []
    assert list(body["stages_ms"]) == ["fetch", "decode", "inference", *asked]
    return {name: value for name, value in body.items() if name not in TIMES}


@pytest.fixture(scope="module")
def by_path(cloud: Cloud) -> dict[str, Any]:
    """The answer for the photo when it was uploaded."""
    grant = cloud.post("uploads", {"bytes": len(PHOTO)}).json()
    files = {"file": ("photo", PHOTO)}
    httpx.post(grant["url"], data=grant["fields"], files=files, timeout=60).raise_for_status()
    fields = {"method": "classification", "file_path": grant["file_path"]}
    return without_times(cloud.post("classification", fields))


@pytest.fixture(scope="module", autouse=True)
def nothing_is_kept(cloud: Cloud, by_path: dict[str, Any]) -> Iterator[None]:
    """Nothing of the photos is stored or logged."""

    def stored() -> set[str]:
        s3 = cloud.client("s3")
        return {
            f"{bucket['Name']}/{entry['Key']}"
            for bucket in s3.list_buckets()["Buckets"]
            for entry in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        }

    before = stored()
    yield
    assert stored() == before
    encoded = base64.b64encode(PHOTO).decode()
    logged = cloud.log()
    assert not any(part in logged for part in (encoded[:40], encoded[5000:5040]))


@pytest.mark.parametrize(
    "content_type",
    [
        "image/jpeg",
        "image/jpeg; q=1",
        "image/png",  # the bytes decide
        "image/heic",
        "application/octet-stream",
        "application/x-www-form-urlencoded",  # curl's, where none is named
    ],
)
def test_the_body_is_classified_as_the_uploaded_photo_is(
    cloud: Cloud, by_path: dict[str, Any], content_type: str
) -> None:
    assert without_times(send(cloud, PHOTO, content_type)) == by_path


def test_a_photo_in_json_is_classified_as_the_uploaded_photo_is(
    cloud: Cloud, by_path: dict[str, Any]
) -> None:
    assert without_times(send_in_json(cloud, PHOTO)) == by_path


def test_the_predictions_are_the_papers_keys_as_a_list(by_path: dict[str, Any]) -> None:
    assert [(each["id"], each["label"], each["softmax"]) for each in by_path["predictions"]] == [
        tuple(by_path[f"TOP{rank}_{key}"] for key in ("ID", "label", "softmax"))
        for rank in range(1, 6)
    ]


def test_a_caller_chooses_how_many_classes_come_back(cloud: Cloud, by_path: dict[str, Any]) -> None:
    one = without_times(send(cloud, PHOTO, "image/jpeg", "?top=1"))
    assert one["predictions"] == by_path["predictions"][:1]
    assert "TOP2_ID" not in one
    ten = without_times(send_in_json(cloud, PHOTO, top=10))
    assert ten["predictions"][:5] == by_path["predictions"]
    assert ten["TOP10_ID"] == ten["predictions"][9]["id"]
    assert error_of(send(cloud, PHOTO, "image/jpeg", "?top=11")) == (400, "invalid_top")
    # In JSON and in the address: the field counts, and neither may be wrong.
    fields = {"method": "classification", "file_path": "test/20200118.jpg", "top": 2}
    assert len(cloud.post("classification?top=3", fields).json()["predictions"]) == 2
    assert error_of(cloud.post("classification?top=11", fields)) == (400, "invalid_top")


def test_a_caller_asks_for_the_map_of_the_first_class(
    cloud: Cloud, by_path: dict[str, Any]
) -> None:
    assert "explanation" not in by_path
    asked = without_times(send(cloud, PHOTO, "image/jpeg", "?explain=true"))
    found = asked["explanation"]
    assert {**by_path, "explanation": found} == asked
    assert (found["id"], max(found["values"])) == (by_path["TOP1_ID"], 1)
    assert len(found["values"]) == found["rows"] * found["columns"] == 16
    assert without_times(send_in_json(cloud, PHOTO, explain=True)) == asked
    assert without_times(send_in_json(cloud, PHOTO, explain=False)) == by_path
    for answer in (
        send(cloud, PHOTO, "image/jpeg", "?explain=yes"),
        send_in_json(cloud, PHOTO, explain=1),
    ):
        assert error_of(answer) == (400, "invalid_explain")


def test_a_photo_of_four_and_a_half_megabytes_is_taken_and_a_larger_one_is_to_be_uploaded(
    cloud: Cloud, by_path: dict[str, Any]
) -> None:
    assert without_times(send(cloud, LARGE, "image/jpeg")) == by_path
    assert without_times(send_in_json(cloud, LARGE)) == by_path
    for data in (LARGE + bytes(500_000), LARGE + bytes(3_000_000)):
        for answer in (send(cloud, data, "image/jpeg"), send_in_json(cloud, data)):
            assert error_of(answer) == (413, "request_too_large")
            assert "/uploads" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("data", "content_type", "status", "code"),
    [
        (PHOTO, "application/json", 400, "invalid_request"),
        (PHOTO[:4000], "image/jpeg", 422, "image_not_decodable"),
        (b"no photo", "image/jpeg", 415, "unsupported_type"),
        (b"\x00" * 100, "image/png", 415, "unsupported_type"),
        (b"", "image/jpeg", 400, "empty_body"),
        (b"[]", "image/jpeg", 400, "invalid_json"),
    ],
)
def test_what_is_no_photo_is_refused(
    cloud: Cloud, data: bytes, content_type: str, status: int, code: str
) -> None:
    assert error_of(send(cloud, data, content_type)) == (status, code)


@pytest.mark.parametrize("call", ["uploads", "wakeup"])
def test_json_is_read_whatever_type_was_named(cloud: Cloud, call: str) -> None:
    body = json.dumps({"method": "wakeup", "bytes": 5})
    for content_type in ("application/x-www-form-urlencoded", "application/octet-stream"):
        answer = cloud.post(call, content=body, headers={"Content-Type": content_type})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("call", ["uploads", "wakeup"])
def test_a_photo_is_refused_by_the_other_calls(cloud: Cloud, call: str) -> None:
    answer = cloud.post(call, content=PHOTO, headers={"Content-Type": "image/jpeg"})
    assert error_of(answer)[0] in (400, 413)
