"""Parts of the local cloud: their error messages, and that nothing stale is used."""

import asyncio
import json
import os
import shutil
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.emulator_with_pool import make_role
from tests import environments_as_shipped
from tests.conftest import Cloud, assembly_of_the_clouds
from warmlens.errors import WarmlensError
from warmlens.local import assembly
from warmlens.local.assembly import KEPT, Stack, read_stacks, synthesize
from warmlens.local.deploy import deploy
from warmlens.local.emulator import running_emulator
from warmlens.local.image_functions import ImageFunctions
from warmlens.local.loopback import HOST
from warmlens.local.state import StateFile
from warmlens.local.venvs import Venv
from warmlens.paths import LAMBDA_SRC, ROOT, STATE_FILE
from warmlens.runtime.invocation import FunctionNotFoundError


def test_the_whole_cloud_listens_on_loopback_only(cloud: Cloud) -> None:
    running = StateFile(cloud.folder / STATE_FILE).read()
    assert running is not None
    process = psutil.Process(running.pid)
    listening = [
        connection.laddr.ip
        for each in (process, *process.children(recursive=True))
        for connection in each.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3  # the page, the pool and the emulator
    assert set(listening) == {HOST}


# The synthesized app


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the app's source, which the tests may change."""
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("app.py", "cdk.json", "requirements.txt"):
        shutil.copy(ROOT / name, copy)
    shutil.copy(environments_as_shipped.__file__, copy / "environments.py")
    for name in ("stacks", "lambda_src", "warmlens/prices"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(assembly, "ROOT", copy)
    return copy


@pytest.mark.slow
async def test_only_a_changed_source_is_synthesized_again_and_old_assemblies_go(
    source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "assemblies"
    first = await synthesize("local", folder)
    manifest = first / "manifest.json"
    made_ns = manifest.stat().st_mtime_ns
    assert await synthesize("local", folder) == first
    assert manifest.stat().st_mtime_ns == made_ns

    prices = source / "warmlens" / "prices" / "us-east-1.json"
    whole = prices.read_text()
    prices.write_text("{")
    with pytest.raises(WarmlensError, match="could not be synthesized"):
        await synthesize("local", folder)
    prices.write_text(whole)

    for age_min in range(1, KEPT):
        old = folder / f"old-{age_min}"
        old.mkdir()
        os.utime(old, (time.time() - 60 * age_min,) * 2)
    app = source / "app.py"
    text = app.read_text()
    assert "throttle_burst=200" in text
    app.write_text(text.replace("throttle_burst=200", "throttle_burst=201"))  # as long as before
    second = await synthesize("local", folder)
    assert second != first
    templates = [str(stack.template) for stack in read_stacks(second)]
    assert any("'ThrottlingBurstLimit': 201" in template for template in templates)
    kept = {f"old-{age_min}" for age_min in range(1, KEPT - 1)}
    assert {path.name for path in folder.iterdir()} == {
        first.parent.name,
        second.parent.name,
        *kept,
    }


def test_an_assembly_is_stale_when_an_environment_was_changed(source: Path) -> None:
    before = assembly._source_digest({"env": "dev"})
    file = source / "environments.py"
    file.write_text(file.read_text().replace("budget_usd=75", "budget_usd=76"))
    assert assembly._source_digest({"env": "dev"}) != before


async def test_an_app_that_fails_is_an_error_with_its_output(source: Path, tmp_path: Path) -> None:
    app = source / "app.py"
    app.write_text(app.read_text().replace("warm_instances=2", "warm_instances=0"))
    with pytest.raises(WarmlensError, match=r"could not be synthesized.*warm_instances = 0"):
        await synthesize("local", tmp_path / "assemblies")
    assert not list((tmp_path / "assemblies").glob("*"))


async def test_a_stack_comes_after_the_stacks_it_needs(cloud: Cloud, tmp_path: Path) -> None:
    of_the_cloud = await assembly_of_the_clouds()  # it was made, so nothing runs here
    folder = shutil.copytree(of_the_cloud, tmp_path / "assembly")
    manifest = folder / "manifest.json"
    names = [stack.name for stack in read_stacks(folder)]
    manifest.write_text(reversed_artifacts(manifest.read_text()))
    for order in (names, [stack.name for stack in read_stacks(folder)]):
        assert set(order) == {
            "warmlens-local-storage",
            "warmlens-local-inference",
            "warmlens-local-api",
            "warmlens-local-warming",
        }
        assert order[:2] == ["warmlens-local-storage", "warmlens-local-inference"]


def reversed_artifacts(text: str) -> str:
    document: dict[str, Any] = json.loads(text)
    document["artifacts"] = dict(reversed(document["artifacts"].items()))
    return json.dumps(document)


# Python environments


def test_other_requirements_are_another_environment(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1\n")
    first = Venv(tmp_path, "test", requirements)
    assert Venv(tmp_path, "test", requirements).python == first.python
    requirements.write_text("a==2\n")
    assert Venv(tmp_path, "test", requirements).python != first.python


async def test_an_environment_that_could_not_be_installed_is_an_error_and_not_kept(
    tmp_path: Path,
) -> None:
    package = tmp_path / "package"
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{package}\n")
    environment = Venv(tmp_path / "environments", "test", requirements)
    with pytest.raises(WarmlensError, match="The test's Python environment"):
        await environment.install()
    assert environment.python.exists()
    assert not environment.is_installed


# The emulator


async def test_an_emulator_that_does_not_start_is_an_error_with_its_log(tmp_path: Path) -> None:
    python = Path(sys.executable)  # whose environment has no emulator
    started: list[int] = []
    with pytest.raises(WarmlensError, match=r"(?s)did not start.*No module named 'ministack"):
        async with running_emulator(tmp_path, python=python, on_started=started.append):
            raise AssertionError("it started")
    assert not psutil.pid_exists(started[0])


# CloudFormation


async def test_a_stack_that_cannot_be_deployed_is_an_error_with_the_reason(cloud: Cloud) -> None:
    name = f"test-{uuid.uuid4().hex}"
    properties = {"FunctionName": {"Fn::ImportValue": "nobody-exports-this"}}
    template = {"Resources": {"Broken": {"Type": "AWS::Lambda::Alias", "Properties": properties}}}
    with pytest.raises(WarmlensError, match=f"{name}.*nobody-exports-this"):
        await asyncio.to_thread(deploy, [Stack(name, template, ())], cloud.aws())


async def test_a_stack_that_exists_is_refused_by_name(cloud: Cloud) -> None:
    name = f"test-{uuid.uuid4().hex}"
    stack = Stack(name, {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}, ())
    aws = cloud.aws()
    assert await asyncio.to_thread(deploy, [stack], aws) == {}
    with pytest.raises(WarmlensError, match=f"CloudFormation refused {name}"):
        await asyncio.to_thread(deploy, [stack], aws)


# Functions


async def test_a_function_has_the_size_and_the_time_that_it_was_deployed_with(
    cloud: Cloud,
) -> None:
    name = f"test-{uuid.uuid4().hex}"
    cloud.client("lambda").create_function(
        FunctionName=name,
        PackageType="Image",
        Code={"ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/test:1"},
        Role=make_role(cloud.aws(), name),
        MemorySize=512,
        Timeout=7,
        Environment={"Variables": {"COLOR": "blue"}},
    )
    functions = ImageFunctions(
        aws=cloud.aws(),
        python=Path(sys.executable),
        source=LAMBDA_SRC / "classifier",
    )
    spec = await functions.resolve(name, "$LATEST")
    assert (spec.memory_mb, spec.timeout_s, spec.environment) == (512, 7, {"COLOR": "blue"})
    with pytest.raises(FunctionNotFoundError, match="nothing:1 is not deployed"):
        await functions.resolve("nothing", "1")
