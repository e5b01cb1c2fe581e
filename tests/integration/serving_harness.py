"""A local cloud whose served model tests change, and the commands that change it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cloud, run_here, running
from tests.unit.registry.version_copy import (
    NAME,
    SHIPPED,
    VERSION,
    copy_version,
    edit_manifest,
    replace_graph,
)
from warmlens.registry.serving import ALIAS

FUNCTION = "warmlens-local-classifier"


@pytest.fixture(scope="module")
def module_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud for these tests alone: they change which model it serves."""
    yield from running(tmp_path_factory.mktemp("serving"), "--model", NAME)


@pytest.fixture
def own_cloud(module_cloud: Cloud) -> Cloud:
    """The cloud as it was deployed: function versions and models of other tests are removed."""
    functions, s3 = module_cloud.client("lambda"), module_cloud.client("s3")
    found = functions.list_versions_by_function(FunctionName=FUNCTION)["Versions"]
    first, *others = sorted(int(each["Version"]) for each in found if each["Version"] != "$LATEST")
    functions.update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=str(first))
    for number in others:
        functions.delete_function(FunctionName=FUNCTION, Qualifier=str(number))
    deployed = functions.get_function_configuration(FunctionName=FUNCTION, Qualifier=str(first))
    functions.update_function_configuration(
        FunctionName=FUNCTION,
        MemorySize=deployed["MemorySize"],
        Environment=deployed["Environment"],
    )
    bucket = models_bucket(s3)
    for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        if not entry["Key"].startswith(f"{NAME}/{VERSION}/"):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
    return module_cloud


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A folder with two more versions of the shipped model."""
    for version in ("1.2.0", "1.3.0"):
        folder = tmp_path / "artifacts" / NAME / version
        folder.mkdir(parents=True)
        for path in SHIPPED.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        edit_manifest(folder, "version", version)
    return tmp_path / "artifacts"


def model(cloud: Cloud, *arguments: str, refused: str | None = None) -> str:
    """Run `warmlens model` for the cloud; `refused` is the error code that is expected."""
    place = ("--env", "local", "--folder", str(cloud.folder))
    result = run_here("model", *arguments, *place)
    if refused is None:
        assert result.returncode == 0, result.stderr
        return result.stdout
    assert result.returncode == 1, result.stdout
    assert result.stderr.startswith(f"{refused}: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def answer(cloud: Cloud) -> dict[str, Any]:
    request = {"method": "classification", "file_path": "test/coffee.jpg"}
    answer: dict[str, Any] = cloud.post("classification", request).json()
    return answer


def served(cloud: Cloud) -> str:
    (one,) = (
        model["version"]
        for model in json.loads(model(cloud, "list", "--json"))["models"]
        if model["served"]
    )
    return str(one)


def publish(cloud: Cloud, artifacts: Path, version: str) -> None:
    model(cloud, "publish", NAME, version, "--models", str(artifacts))


def models_bucket(s3: Any) -> str:
    (name,) = (each["Name"] for each in s3.list_buckets()["Buckets"] if "models" in each["Name"])
    return str(name)


def publish_what_is_no_model(s3: Any, folder: Path) -> None:
    """Version 6.6.6: its manifest and its files agree, but the graph is none."""
    no_model = copy_version(folder)
    replace_graph(no_model, b"this is no graph")
    edit_manifest(no_model, "version", "6.6.6")
    for path in no_model.iterdir():
        s3.put_object(
            Bucket=models_bucket(s3),
            Key=f"{NAME}/6.6.6/{path.name}",
            Body=path.read_bytes(),
            ChecksumAlgorithm="SHA256",
        )
