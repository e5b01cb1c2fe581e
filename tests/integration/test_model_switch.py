"""The models that a start publishes, what it serves, and the local page's switch between them."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import LOCAL_MODEL
from tests.conftest import Cloud, run_here, running
from tests.unit.registry.version_copy import NAME as EVERYDAY
from tests.unit.registry.version_copy import (
    SHIPPED,
    VERSION,
    edit_manifest,
    replace_graph,
    serve_by_torch,
)
from warmlens.local.buckets import GALLERIES, PAPER_PATH
from warmlens.local.model_switch import MODELS_PATH, SERVE_PATH
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.catalog import find_version, list_models
from warmlens.registry.manifest_file import read_manifest

PRODUCTS, PRODUCTS_VERSION = find_version(MODEL_ARTIFACTS, "products-resnet50").split("@")
DEFAULT, DEFAULT_VERSION = LOCAL_MODEL.split("@")


def write(folder: Path, name: str, version: str) -> Path:
    """A copy of a shipped version under another name; returns its folder."""
    shutil.copytree(SHIPPED, folder / name / version)
    edit_manifest(folder / name / version, "name", name)
    edit_manifest(folder / name / version, "version", version)
    return folder / name / version


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud whose folder of models has the shipped ones, some of a user's, and faulty ones."""
    models = tmp_path_factory.mktemp("models")
    for name in {each.name for each in list_models(MODEL_ARTIFACTS).versions}:
        (models / name).symlink_to(MODEL_ARTIFACTS / name)
    for version in ("1.0.0", "1.10.0", "1.9.0"):
        write(models, "mine", version)
    edit_manifest(models / "mine" / "1.10.0", "title", "cups of mine")
    serve_by_torch(write(models, "of-torch", "1.0.0"))
    (write(models, "cut", "1.0.0") / "model.onnx").write_bytes(b"cut")
    (write(models, "unreadable", "1.0.0") / "manifest.json").write_text("{")
    graph = write(models, "no-graph", "1.0.0")  # its hashes are right, so that it is published
    replace_graph(graph, b"this is no graph")
    folder = tmp_path_factory.mktemp("switch")
    yield from running(folder, "--model", "", "--models", str(models))


def listed(cloud: Cloud) -> list[dict[str, Any]]:
    answer = httpx.get(cloud.url + MODELS_PATH, timeout=60)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return rows


def served(cloud: Cloud) -> list[tuple[str, str]]:
    return [(each["name"], each["version"]) for each in listed(cloud) if each["served"]]


def serve(cloud: Cloud, name: str, version: str) -> httpx.Response:
    return cloud.post(SERVE_PATH[1:], {"name": name, "version": version})


def answer(cloud: Cloud) -> dict[str, Any]:
    request = {"method": "classification", "file_path": PAPER_PATH}
    body: dict[str, Any] = cloud.post("classification", request).json()
    return body


def test_a_start_publishes_the_newest_version_of_each_model_that_its_engine_runs(
    own_cloud: Cloud,
) -> None:
    shipped = {
        each.name: read_manifest(each.folder) for each in list_models(MODEL_ARTIFACTS).versions
    }
    own = shipped[EVERYDAY].title
    expected = [
        (each.name, each.version, each.title, each.class_count) for each in shipped.values()
    ]
    expected += [("mine", "1.10.0", "cups of mine", 1000), ("no-graph", "1.0.0", own, 1000)]
    rows = listed(own_cloud)
    keys = ("name", "version", "title", "class_count")
    assert [tuple(row[key] for key in keys) for row in rows] == sorted(
        expected, key=lambda each: (each[3], each[0])
    )
    assert served(own_cloud) == [(DEFAULT, DEFAULT_VERSION)]
    said = (own_cloud.folder / "up.txt").read_text()
    assert "mine 1.10.0, no-graph 1.0.0" in said
    assert "cut 1.0.0 cannot be published: model.onnx has 3 bytes" in said
    assert "unreadable/1.0.0/manifest.json cannot be published" in said
    assert "Traceback" not in said


def test_each_answer_names_the_model_that_was_switched_to_and_the_warmer_warms_it(
    own_cloud: Cloud,
) -> None:
    assert answer(own_cloud)["model"] == DEFAULT
    change = serve(own_cloud, PRODUCTS, PRODUCTS_VERSION).json()
    assert (change["before"]["name"], change["after"]["name"]) == (DEFAULT, PRODUCTS)
    first = answer(own_cloud)
    assert (first["model"], first["version"]) == (PRODUCTS, PRODUCTS_VERSION)
    assert first["cold_start"] is False  # the instance that tried the model out
    assert served(own_cloud) == [(PRODUCTS, PRODUCTS_VERSION)]
    configuration = httpx.get(f"{own_cloud.url}/configuration.json", timeout=60).json()
    assert configuration["model_name"] == PRODUCTS
    report = own_cloud.post("_local/warm", {"instances": 2}).json()
    assert (report["distinct"], report["coverage"]) == (2, 1.0)
    versions = [each["version"] for each in own_cloud.status()["instances"]]
    assert versions.count(change["after"]["function_version"]) == 2

    result = run_here("model", "rollback", "--env", "local", "--folder", str(own_cloud.folder))
    assert result.returncode == 0, result.stderr
    assert served(own_cloud) == [(DEFAULT, DEFAULT_VERSION)]
    assert answer(own_cloud)["model"] == DEFAULT


def test_each_sample_photo_of_a_shipped_model_gets_its_right_class_first(own_cloud: Cloud) -> None:
    galleries = json.loads(GALLERIES.read_text())
    shipped = {each.name: each.version for each in list_models(MODEL_ARTIFACTS).versions}
    assert {PRODUCTS, EVERYDAY, DEFAULT} <= set(galleries)
    for name in set(galleries) & set(shipped):
        assert serve(own_cloud, name, shipped[name]).status_code == 200
        assert len(galleries[name]) >= 4
        for sample in galleries[name]:
            request = {"method": "classification", "file_path": f"test/{sample['file']}"}
            body = own_cloud.post("classification", request).json()
            assert (body["model"], body["TOP1_label"]) == (name, sample["label"])


def test_of_two_switches_at_once_one_follows_the_other(own_cloud: Cloud) -> None:
    known = {(PRODUCTS, PRODUCTS_VERSION), (EVERYDAY, VERSION), ("mine", "1.10.0")}
    others = sorted(known - set(served(own_cloud)))
    with ThreadPoolExecutor() as threads:
        calls = [threads.submit(serve, own_cloud, *each) for each in others[:2]]
        changes = [call.result().json() for call in calls]
    changes.sort(key=lambda change: int(change["after"]["function_version"]))
    assert changes[1]["before"] == changes[0]["after"]
    last = changes[1]["after"]
    assert served(own_cloud) == [(last["name"], last["version"])]
    assert answer(own_cloud)["model"] == last["name"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "nobodys", "version": "1.0.0"}, 404, "not_published"),
        ({"name": "mine", "version": "1.0.0"}, 404, "not_published"),
        ({"name": "../mine", "version": "1.10.0"}, 404, "not_published"),
        ({"name": "no-graph", "version": "1.0.0"}, 503, "model_unavailable"),
        ({"name": "mine"}, 400, "invalid_model"),
        ({"name": "mine", "version": 1}, 400, "invalid_model"),
        ([], 400, "invalid_model"),
    ],
)
def test_what_cannot_be_served_is_refused_and_the_model_before_goes_on(
    own_cloud: Cloud, body: object, status: int, code: str
) -> None:
    before = served(own_cloud)
    refused = own_cloud.post(SERVE_PATH[1:], body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert served(own_cloud) == before
    assert (answer(own_cloud)["model"], answer(own_cloud)["version"]) == before[0]


def test_the_switch_has_the_gates_of_the_other_local_calls(own_cloud: Cloud) -> None:
    url, body = own_cloud.url + SERVE_PATH, {"name": EVERYDAY, "version": VERSION}
    before = served(own_cloud)
    for status, options in (
        (403, {"json": body, "headers": {"Origin": "https://a.example"}}),
        (403, {"json": body, "headers": {"Host": "a.example"}}),
        (415, {"data": body}),
        (413, {"content": b" " * (7 * 2**20), "headers": {"Content-Type": "application/json"}}),
    ):
        refused = httpx.post(url, timeout=60, **options)
        assert refused.status_code == status, refused.text
        assert set(refused.json()["error"]) == {"code", "message"}
    foreign = {"Origin": "https://a.example"}
    assert httpx.get(own_cloud.url + MODELS_PATH, headers=foreign).status_code == 403
    assert served(own_cloud) == before
