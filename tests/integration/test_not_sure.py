"""The command line about a photo of something that the model does not know."""

import asyncio
import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.conftest import Cloud, run_here
from tests.integration import client_harness
from tests.integration.api_stub import ANSWER, MODEL, Service
from warmlens.answer import print_answer
from warmlens.deployment import Deployment

service = client_harness.service  # a fixture
UNKNOWN = {**ANSWER, "recognized": False}
SENTENCE = "Not sure: probably none of the {} that this model knows."


async def warmlens(*arguments: str) -> CompletedProcess[str]:
    return await asyncio.to_thread(run_here, *arguments)


@pytest.fixture
async def photo(service: Service, tmp_path: Path) -> str:
    service.answers["/classification"] = (200, UNKNOWN)
    path = tmp_path / "cat.jpg"
    path.write_bytes(b"\xff\xd8\xffa cat")
    return str(path)


async def test_a_photo_of_something_else_is_not_passed_off_as_one_of_the_classes(
    service: Service, photo: str
) -> None:
    printed = await warmlens("classify", photo, "--url", service.url)
    assert printed.returncode == 0, printed.stderr
    first, *others = printed.stdout.splitlines()
    assert first == SENTENCE.format("2 demo cups")
    assert any("cup" in line and "1.0000" in line for line in others)
    assert f"warmlens model classes --url {service.url}" in printed.stderr
    # The command that it names prints what the model knows and nothing else.
    classes = await warmlens("model", "classes", "--url", service.url)
    assert classes.stdout.splitlines() == ["cup", "mug"]
    assert "cups 1.0.0 knows 2 demo cups" in classes.stderr
    as_json = await warmlens("model", "classes", "--url", service.url, "--json")
    assert json.loads(as_json.stdout) == MODEL


@pytest.mark.parametrize("recognized", [True, None])
async def test_a_photo_that_the_model_knows_or_cannot_judge_gets_no_such_sentence(
    service: Service, photo: str, recognized: bool | None
) -> None:
    service.answers["/classification"] = (200, {**ANSWER, "recognized": recognized})
    printed = await warmlens("classify", photo, "--url", service.url)
    assert "Not sure" not in printed.stdout
    assert printed.stderr == ""
    assert "/model" not in service.asked


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, {**MODEL, "title": None}, "2 classes"),
        (404, {"error": {"code": "no_such_call", "message": "There is none."}}, "classes"),
        (200, "<html>", "classes"),
    ],
    ids=["no title", "an older API", "another server"],
)
async def test_the_sentence_does_not_need_the_title_or_the_number_of_classes(
    service: Service, photo: str, status: int, body: Any, words: str
) -> None:
    service.answers["/model"] = (status, body)
    printed = await warmlens("classify", photo, "--url", service.url)
    assert printed.stdout.splitlines()[0] == SENTENCE.format(words)
    as_json = await warmlens("classify", photo, "--url", service.url, "--json")
    assert json.loads(as_json.stdout)["recognized"] is False


async def print_unknown(url: str, outputs: dict[str, str], s3: Any, lambda_: Any) -> None:
    """Print the answer about an unknown photo as in an environment with these outputs."""
    deployment = Deployment(
        "dev", outputs, s3=s3, lambda_=lambda_, local_url=url, api_auth=lambda: None
    )
    await asyncio.to_thread(print_answer, UNKNOWN, url=url, auth=None, deployment=deployment)


@pytest.mark.parametrize(
    ("servable", "offered"),
    [
        ("*", ["dogs 2.10.0", "plants 1.0.0"]),
        ("cups plants", ["plants 1.0.0"]),
        ("cups", []),
    ],
)
async def test_the_newest_versions_of_other_models_that_may_be_served_are_offered(
    service: Service,
    cloud: Cloud,
    s3: Any,
    bucket: str,
    capsys: pytest.CaptureFixture[str],
    servable: str,
    offered: list[str],
) -> None:
    for version in ("cups/1.0.0", "dogs/2.9.0", "dogs/2.10.0", "plants/1.0.0"):
        s3.put_object(Bucket=bucket, Key=f"{version}/manifest.json", Body=b"{}")
    outputs = {"ModelsBucket": bucket, "ServableModels": servable}
    await print_unknown(service.url, outputs, s3, cloud.client("lambda"))
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == SENTENCE.format("2 demo cups")
    first, *others = printed.err.splitlines()
    assert first.endswith("warmlens model classes --env dev")
    assert [line.partition(" serve ")[2] for line in others] == [
        f"{each} --env dev" for each in offered
    ]


async def test_without_a_right_to_list_the_models_none_is_offered_and_nothing_fails(
    service: Service, s3: Any, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {"ModelsBucket": "no-such-bucket-of-models"}
    await print_unknown(service.url, outputs, s3, cloud.client("lambda"))
    printed = capsys.readouterr()
    assert "Not sure" in printed.out
    assert "serve" not in printed.err
