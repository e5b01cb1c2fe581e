"""`recognized` in the answers to photos, and the model's description of itself."""

import base64
import importlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from stacks import api_schema
from tests.unit.classifier.test_handler import MODULE, VARIABLES
from tests.unit.registry.version_copy import NAME, VERSION, edit_labels, edit_manifest, remove_field
from tests.unit.registry.version_copy import copy_version as copied
from warmlens.paths import WEB

Handler = Callable[[dict[str, Any]], dict[str, Any]]
RECOGNITION = {
    "temperature": 1.0,
    "threshold": 0.5,
    "score": "top1_softmax",
    "kept": {"share": 0.95, "images": 100, "data": "test photos"},
    "found": {"share": 0.8, "images": 100, "data": "other photos"},
    "auroc": 0.95,
}
CONTEXT = SimpleNamespace(aws_request_id="a call")
GET = {"requestContext": {}, "rawPath": "/v1/model", "headers": {}, "isBase64Encoded": False}


@contextmanager
def started(models: Path, **variables: str) -> Iterator[Handler]:
    """The function's module, whose import is an init, with the model of a folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (VARIABLES | {"MODELS_FOLDER": str(models)} | variables).items():
            patch.setenv(name, value)
        patch.delitem(sys.modules, MODULE, raising=False)
        module = importlib.import_module(MODULE)
        yield lambda event: module.handler(event, CONTEXT)
        del sys.modules[MODULE]


@pytest.fixture(scope="module")
def photos() -> tuple[dict[str, str], dict[str, str]]:
    """A cup of coffee, which the model knows, and a grey wall, which it does not."""
    with io.BytesIO() as file:
        Image.new("RGB", (300, 300), "grey").save(file, "PNG")
        wall = file.getvalue()
    cup = (WEB / "samples" / "coffee.jpg").read_bytes()
    first, second = (
        {"method": "classification", "image": base64.b64encode(data).decode()}
        for data in (cup, wall)
    )
    return first, second


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    edit_manifest(copied(root), "recognition", RECOGNITION)
    edit_manifest(root / NAME / VERSION, "title", "everyday things")
    return root


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["message"] == "request"]


def test_a_photo_of_something_else_is_answered_with_classes_and_as_not_recognized(
    models: Path, photos: tuple[Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with started(models, METRICS_ENVIRONMENT="test") as handler:
        cup, wall = (handler(photo) for photo in photos)
        handler({"method": "classification"})
        for answer in (cup, wall):
            Draft202012Validator(api_schema.CLASSIFICATION_ANSWER).validate(answer)
            assert list(answer).index("recognized") == list(answer).index("predictions") + 1
        assert (cup["recognized"], wall["recognized"]) == (True, False)
        assert wall["TOP1_softmax"] < RECOGNITION["threshold"] <= cup["TOP1_softmax"]
        of_cup, of_wall, refused = logged(capsys)
        assert (of_cup["Recognized"], of_wall["Recognized"]) == (1, 0)
        assert of_wall["Top1Softmax"] == pytest.approx(wall["TOP1_softmax"], abs=1e-4)
        (directive,) = of_cup["_aws"]["CloudWatchMetrics"]
        units = {each["Name"]: each.get("Unit", "None") for each in directive["Metrics"]}
        assert (units["Recognized"], units["Top1Softmax"]) == ("None", "None")
        # What was not classified says nothing about what users photograph.
        assert not {"Recognized", "Top1Softmax"} & set(refused)


def test_a_model_without_a_threshold_says_nothing_about_it(
    photos: tuple[Any, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = copied(tmp_path)
    for field in ("recognition", "title"):
        remove_field(folder, field)
    with started(tmp_path, METRICS_ENVIRONMENT="test") as handler:
        assert handler(photos[1])["recognized"] is None
        (line,) = logged(capsys)
        assert "Recognized" not in line
        assert 0 < line["Top1Softmax"] < 1
        answer = handler({"method": "model"})
    Draft202012Validator(api_schema.MODEL_ANSWER).validate(answer)
    assert (answer["title"], answer["threshold"]) == (None, None)


def test_the_model_describes_itself_and_that_call_is_not_counted_as_a_photo(
    models: Path, photos: tuple[Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    labels = json.loads((models / NAME / VERSION / "labels.json").read_text())["labels"]
    with started(models, METRICS_ENVIRONMENT="test", CORS_ORIGINS="https://a.example") as handler:
        asked = handler({**GET, "headers": {"origin": "https://a.example"}})
        again = handler({"method": "model"})
        handler(photos[0])
        handler({"method": "wakeup", "hold_until": int(time.time() * 1000)})
    assert asked["statusCode"] == 200
    assert asked["headers"]["Cache-Control"] == "no-store"  # another model may be served any time
    assert asked["headers"]["Access-Control-Allow-Origin"] == "https://a.example"
    answer = json.loads(asked["body"])
    for each in (answer, again):
        Draft202012Validator(api_schema.MODEL_ANSWER).validate(each)
    assert (answer["model"], answer["version"], answer["title"]) == (
        NAME,
        VERSION,
        "everyday things",
    )
    assert (answer["class_count"], answer["threshold"]) == (1000, 0.5)
    assert answer["labels"] == labels
    first, second, photo, woken = logged(capsys)
    # Billed in each hour with warming, as docs/costs.md counts it; the other metrics are not.
    assert woken["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "Fault", "Unit": "Count"}]
    # Its cold start is one that no photo met: the next photo finds a warm instance.
    assert (first["method"], first["ColdStartAhead"], second["ColdStartAhead"]) == ("model", 1, 0)
    for line in (first, second):
        assert not {"LatencyMs", "ColdStart", "InitMs", "Recognized", "Top1Softmax"} & set(line)
    assert photo["ColdStart"] == 0


@pytest.mark.parametrize("event", [GET, {**GET, "rawPath": "/v1/model/"}, {"method": "model"}])
def test_a_model_that_cannot_be_served_is_not_described(
    event: dict[str, Any], tmp_path: Path
) -> None:
    folder = copied(tmp_path)
    (folder / "labels.json").write_text("{}")
    with started(tmp_path) as handler:
        answer = handler(event)
    error = (json.loads(answer["body"]) if "body" in answer else answer)["error"]
    assert (answer.get("statusCode") or answer["status"]) == 503
    assert error["code"] == "model_unavailable"


def test_names_that_are_larger_than_an_answer_are_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit_labels(folder, lambda labels: labels.update(labels=["\u00e4" * 500] * 1000))
    with started(tmp_path) as handler:
        answer = handler(GET)
        error = json.loads(answer["body"])["error"]
        assert (answer["statusCode"], error["code"]) == (413, "answer_too_large")
        assert "1000 classes" in error["message"]
        assert "2900000 characters" in error["message"]
        assert "Read them from labels.json" in error["message"]


def test_a_model_that_loads_and_does_not_run_is_not_described_as_if_it_were_served(
    tmp_path: Path,
) -> None:
    edit_manifest(copied(tmp_path), "input.name", "another")
    with started(tmp_path) as handler:
        assert json.loads(handler(GET)["body"])["error"]["code"] == "model_unavailable"
