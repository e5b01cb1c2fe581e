"""The HTTP API of the running local cloud: the paper's requests, and photos of all kinds."""

import dataclasses
import time

import httpx
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from lab.products.samples import SAMPLES as GALLERY
from lab.products.samples import GalleryPhoto
from stacks import api_schema
from tests.conftest import SAMPLE, SAMPLE_LABEL, Cloud
from tests.integration.api_calls import SAMPLES, classify, upload
from warmlens_client import Client, WarmlensApiError


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
    for url in (cloud.url, cloud.api_url):
        answer = httpx.get(f"{url}/model", timeout=60).json()
        Draft202012Validator(api_schema.MODEL_ANSWER).validate(answer)
        assert answer["model"] == "products-resnet50"
        assert SAMPLE_LABEL in answer["labels"]
        assert len(answer["labels"]) == answer["class_count"] == 30


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
    for url in (cloud.url, cloud.api_url):
        assert httpx.get(f"{url}/model", timeout=60).headers["cache-control"] == "no-store"


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
    "content_type", ["image/jpg", "Image/JPEG; q=1", "application/octet-stream", "image/png", None]
)
def test_a_photo_is_read_by_its_bytes_whatever_type_was_named(
    cloud: Cloud, content_type: str | None
) -> None:
    data = (SAMPLES / "coffee.jpg").read_bytes()
    request = {"bytes": len(data)} | ({"content_type": content_type} if content_type else {})
    grant = cloud.post("uploads", request).json()
    files = {"file": ("photo", data)}
    assert httpx.post(grant["url"], data=grant["fields"], files=files, timeout=60).is_success
    answer = classify(cloud, grant["file_path"])
    assert answer.status_code == 200, answer.text


def test_the_client_wakes_uploads_classifies_and_deletes(cloud: Cloud) -> None:
    with Client(cloud.url) as client, Image.open(SAMPLE) as image:
        assert client.wake().instance_id
        model = client.model()
        assert model.model == "products-resnet50"
        assert SAMPLE_LABEL in model.labels
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
