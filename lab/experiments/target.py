"""The API that experiments measure: a new local cloud, a running API, or one in AWS."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from lab.bench.speed.versions import MODEL
from warmlens.deployment import ApiKeyAuth, Deployment, find_deployment
from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.local.buckets import PAPER_PATH
from warmlens.local.loopback import HOST
from warmlens.local.state import STATUS_PATH, RunningCloud, StateFile
from warmlens.paths import LOCAL_CLOUD, STATE_FILE
from warmlens.registry.serving import ALIAS

START_TIMEOUT_S = 600
STOP_TIMEOUT_S = 120
LOCAL = "local"
CLASSIFICATION = {"method": "classification", "file_path": PAPER_PATH}
"""The paper's own request (Fig. 6)."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """An API to measure.

    Attributes:
        name: `local` for a local cloud that is started for each experiment, else the address or
            the environment's name.
        url: root of the API; None for `local`.
        headers: sent with each call.
        option: the options of the command that named it.
        kept_warm: True if a schedule wakes its instances, or some are provisioned.
    """

    name: str = LOCAL
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    option: str = ""
    kept_warm: bool = False

    @property
    def is_local(self) -> bool:
        """True if a local cloud is started."""
        return self.url is None


@dataclass(frozen=True, kw_only=True)
class RunningApi:
    """A running API.

    Attributes:
        url: its root.
        headers: sent with each call.
        aws: the emulator behind it, with which a local cloud's function is changed; else None.
        function: name of the classifier there.
    """

    url: str
    headers: Mapping[str, str]
    aws: LocalAws | None = None
    function: str = ""

    def renew(self, *, memory_mb: int, note: str) -> None:
        """Point the alias at a new version, which has no instances yet.

        Args:
            memory_mb: the new version's memory size.
            note: its description; two versions must not be equal.
        """
        assert self.aws is not None  # only a local cloud is ever changed
        client = self.aws.lambda_
        client.update_function_configuration(
            FunctionName=self.function, MemorySize=memory_mb, Description=note
        )
        version = client.publish_version(FunctionName=self.function)["Version"]
        client.update_alias(FunctionName=self.function, Name=ALIAS, FunctionVersion=version)


def find_target(url: str | None, env: str | None) -> Target:
    """Return the target named by `--url` or `--env`, else a local cloud.

    Raises:
        WarmlensError: ``usage``: both are given; ``not_on_this_api``: the API asks for signatures;
            or the environment does not exist.
    """
    if url is not None and env is not None:
        raise WarmlensError("usage", "Give --url or --env, not both.")
    if url is not None:
        return Target(name=url, url=url.rstrip("/"), option=f" --url {url}")
    if env is None:
        return Target()
    environment = find_deployment(env, local_state=LOCAL_CLOUD / STATE_FILE)
    auth = environment.api_auth()
    if auth is not None and not isinstance(auth, ApiKeyAuth):
        message = f"{env} asks for signed requests, which the load clients do not make."
        raise WarmlensError("not_on_this_api", message)
    headers = {"x-api-key": auth.key} if auth else {}
    return Target(
        name=env,
        url=environment.api_url.rstrip("/"),
        headers=headers,
        option=f" --env {env}",
        kept_warm=_kept_warm(environment),
    )


def _kept_warm(environment: Deployment) -> bool:
    if "WarmerFunction" in environment.outputs:
        return True
    try:
        configs = environment.lambda_.list_provisioned_concurrency_configs(
            FunctionName=environment.outputs["ClassifierFunction"]
        )
    except (BotoCoreError, ClientError) as error:
        message = f"The provisioned concurrency of {environment.name} cannot be read: {error}"
        raise WarmlensError("aws_error", message) from error
    return bool(configs["ProvisionedConcurrencyConfigs"])


@contextmanager
def running_api(target: Target, *options: str) -> Iterator[RunningApi]:
    """Yield the target's API; a local cloud runs until the block ends.

    Args:
        target: the API to measure.
        options: of `warmlens local up`, for a local cloud.

    Raises:
        WarmlensError: ``not_started``, with the end of the local cloud's output.
    """
    if target.url is not None:
        yield RunningApi(url=target.url, headers=target.headers)
        return
    with tempfile.TemporaryDirectory(prefix="warmlens-experiment-") as folder:
        command = (
            sys.executable, "-m", "warmlens.cli", "local", "up",
            "--folder", folder, "--port", "0", "--model", MODEL, *options,
        )  # fmt: skip
        log_path = Path(folder) / "up.log"
        with log_path.open("w", encoding="utf-8") as log, _process(command, log) as process:
            running, status = _wait_for(StateFile(Path(folder) / STATE_FILE), process, log_path)
            aws = LocalAws(status["aws_endpoint_url"], running.keys)
            name = aws.ssm.get_parameter(Name="/warmlens/local/ClassifierFunction")
            yield RunningApi(
                url=status["api_url"],
                headers={},
                aws=aws,
                function=name["Parameter"]["Value"],
            )


@contextmanager
def _process(command: tuple[str, ...], log: Any) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(
    state: StateFile, process: "subprocess.Popen[bytes]", log_path: Path
) -> tuple[RunningCloud, dict[str, Any]]:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        running = state.read()
        if running and running.url:
            answer = httpx.get(running.url + STATUS_PATH, timeout=60, trust_env=False)
            status: dict[str, Any] = answer.json()
            if status["instances"]:  # ready: its first call was answered
                return running, status
        time.sleep(0.1)
    log = log_path.read_text(encoding="utf-8", errors="replace")[-800:].strip()
    raise WarmlensError("not_started", f"The local cloud did not start: {log}")


@contextmanager
def running_fake_lambda(concurrency: int) -> Iterator[dict[str, str]]:
    """Run the app with simulated instances behind its API, and yield its addresses.

    Args:
        concurrency: the account's concurrency.

    Raises:
        WarmlensError: ``not_started``.
    """
    with tempfile.TemporaryDirectory(prefix="warmlens-experiment-") as folder:
        settings = json.dumps({"folder": folder, "concurrency": concurrency})
        process = subprocess.Popen(
            (sys.executable, "-m", "lab.experiments.fake_lambda", settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            encoding="utf-8",
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                message = f"The simulated Lambda did not start on {HOST}; see standard error."
                raise WarmlensError("not_started", message)
            about: dict[str, str] = json.loads(line)
            yield about
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
