"""Local clouds that tests share; with pytest-xdist each worker starts its own."""

import contextlib
import ctypes
import functools
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import environments_as_shipped
from warmlens.cli import app
from warmlens.command_line import run
from warmlens.local.assembly import synthesize
from warmlens.local.aws import ENV_NAME, Keys, LocalAws
from warmlens.local.state import StateFile
from warmlens.paths import MODEL_ARTIFACTS, ROOT, STATE, STATE_FILE, WEB
from warmlens.registry.catalog import find_version

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # for tests that use ONNX Runtime themselves
# The AWS account and profile of the person who runs the tests decide nothing.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
# Nor what a user wrote into environments.py: the tests and the docs are of those that come along.
sys.modules["environments"] = environments_as_shipped

WARMLENS = str(Path(sys.executable).parent / "warmlens")
PRODUCTS = "products-resnet50"
START_TIMEOUT_S = 600  # the first start installs the emulator's and the classifier's environments


def run_warmlens(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, with further variables in its environment."""
    return subprocess.run(
        [WARMLENS, *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def run_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, which takes a second less: for tests with many."""
    with io.StringIO() as stdout, io.StringIO() as stderr:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            exit_code = run(app, arguments)
        return subprocess.CompletedProcess(
            arguments, exit_code, stdout.getvalue(), stderr.getvalue()
        )


@dataclass(frozen=True)
class Cloud:
    """A local cloud that was started by `warmlens local up`."""

    folder: Path
    url: str
    endpoint_url: str
    api_url: str

    def status(self) -> dict[str, Any]:
        result = run_warmlens("local", "status", "--json", "--folder", str(self.folder))
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def get(self, call: str) -> httpx.Response:
        return httpx.get(f"{self.url}/{call}", timeout=60)

    def post(self, call: str, body: object = None, **options: Any) -> httpx.Response:
        if body is not None:
            options["json"] = body
        return httpx.post(f"{self.url}/{call}", timeout=60, **options)

    @property
    def keys(self) -> Keys:
        """The keys that its emulator trusts."""
        running = StateFile(self.folder / STATE_FILE).read()
        assert running is not None
        return running.keys

    def aws(self, endpoint_url: str | None = None) -> LocalAws:
        """Clients for its emulator, or for a proxy in front of it."""
        return _aws(endpoint_url or self.endpoint_url, self.keys)

    def client(self, service: Any) -> Any:
        return self.aws().client(service)

    def log(self) -> str:
        return (self.folder / "instances.log").read_text()


@functools.cache
def _aws(endpoint_url: str, keys: Keys) -> LocalAws:
    return LocalAws(endpoint_url, keys)


def start_cloud(folder: Path, *options: str) -> tuple[Cloud, subprocess.Popen[str]]:
    """Start a local cloud in `folder` and wait until it is ready.

    It serves products unless the options name a model; an empty one is what `make run` serves.
    """
    if "--model" not in options:
        options = ("--model", PRODUCTS, *options)
    output = folder / "up.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [WARMLENS, "local", "up", "--port", "0", "--folder", str(folder), *options],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_end_with_the_tests if sys.platform == "linux" else None,
        )
    try:
        _wait_until_ready(process, output)
    except BaseException:
        process.terminate()
        raise
    status = json.loads(run_warmlens("local", "status", "--json", "--folder", str(folder)).stdout)
    return Cloud(folder, status["url"], status["aws_endpoint_url"], status["api_url"]), process


async def assembly_of_the_clouds() -> Path:
    """The CDK assembly of the clouds that serve products, as they synthesize it."""
    model = find_version(MODEL_ARTIFACTS, PRODUCTS)
    return await synthesize(ENV_NAME, STATE / "assemblies", model=model, engine="onnxruntime")


def _end_with_the_tests() -> None:
    """Have the kernel end this process when the tests are killed, as pytest-xdist kills workers."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _wait_until_ready(process: subprocess.Popen[str], output: Path) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while "Ready after" not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline_s, output.read_text()
        time.sleep(0.1)


# A sample photo, and the default model's answer.
SAMPLE = WEB / "samples" / "mango-can.jpg"
SAMPLE_ID = "00002"
SAMPLE_LABEL = "Sola Mango 330 ml can"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local cloud for the whole session, as `make run` starts it."""
    yield from running(tmp_path_factory.mktemp("cloud"))


@pytest.fixture(scope="session")
def imagenet_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local cloud for the whole session, as `make run MODEL=...` starts it."""
    folder = tmp_path_factory.mktemp("imagenet")
    yield from running(folder, "--model", "imagenet-efficientnet-lite0")


@pytest.fixture(scope="session")
def narrow_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local cloud with room for two calls at once."""
    yield from running(tmp_path_factory.mktemp("narrow"), "--concurrency", "2")


def running(folder: Path, *options: str) -> Iterator[Cloud]:
    """Run a local cloud without schedules, idle expiry and limit of requests, for a fixture."""
    limits = ("--idle-expiry-min", "600", "--per-environment-limit", "off")
    cloud, process = start_cloud(folder, *limits, *options)
    stop_schedules(cloud)
    yield cloud
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0


def stop_schedules(cloud: Cloud) -> None:
    """Disable the schedules that wake instances every few minutes; some tests count instances."""
    scheduler = cloud.client("scheduler")
    for each in scheduler.list_schedules()["Schedules"]:
        deployed = scheduler.get_schedule(Name=each["Name"])
        kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        scheduler.update_schedule(**{key: deployed[key] for key in kept}, State="DISABLED")
