"""`warmlens doctor`, on this machine and with the account of a running emulator."""

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.settings import Settings
from tests import environments_as_shipped
from tests.conftest import Cloud, run_here, run_warmlens
from warmlens.doctor import environment, machine
from warmlens.doctor.environment import limit_checks
from warmlens.doctor.machine import machine_checks
from warmlens.local.loopback import listen, port_of
from warmlens.paths import ROOT


def doctor(*options: str, **variables: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
    return read(run_warmlens("doctor", "--json", *options, **variables))


def read(
    result: subprocess.CompletedProcess[str],
) -> tuple[int, dict[str, Any], dict[str, Any]]:
    assert result.stderr == ""
    answer = json.loads(result.stdout)
    return result.returncode, answer, {check["name"]: check for check in answer["checks"]}


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder that comes first on the PATH."""
    return tmp_path, {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_this_machine_is_ready_to_run(cloud: Cloud, shell: dict[str, str]) -> None:
    exit_code, answer, checks = doctor("--folder", str(cloud.folder), **shell)
    assert exit_code == 0
    assert answer["ready_to_run"] is True
    assert checks["Python"]["state"] == "ok"
    assert checks["Node"]["state"] in ("ok", "warning")
    assert cloud.url in checks["Port"]["found"]
    assert checks["CDK command"]["found"].startswith("2.1148.1")


@pytest.fixture
def bootstrap(cloud: Cloud) -> Iterator[Callable[[str | None], None]]:
    """Sets the version of the emulator's bootstrap, None for no bootstrap; it is put back."""
    ssm, name = cloud.client("ssm"), "/cdk-bootstrap/hnb659fds/version"
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]

    def change(version: str | None) -> None:
        if version is None:
            ssm.delete_parameter(Name=name)
        else:
            ssm.put_parameter(Name=name, Value=version, Type="String", Overwrite=True)

    yield change
    change(before)


def test_an_account_is_checked(shell: dict[str, str]) -> None:
    _, _, checks = doctor(**shell)
    assert checks["AWS credentials"]["found"].startswith("account 000000000000, us-east-1")
    assert checks["CDK bootstrap"]["state"] == "ok"
    assert checks["Lambda concurrency"]["state"] == "warning"
    assert "10 calls at once" in checks["Lambda concurrency"]["found"]


@pytest.fixture
def environments_file(
    shell: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The shipped environments, whatever a user wrote into the checkout's, in this process."""
    for name in ("app.py", "stacks", "warmlens"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    return Path(shutil.copy(environments_as_shipped.__file__, tmp_path / "environments.py"))


@pytest.mark.usefixtures("environments_file")
def test_the_settings_of_an_environment_are_compared_with_the_account() -> None:
    result = run_here("doctor", "--json", "--deploy", "--env", "prod")
    exit_code, answer, checks = read(result)
    assert (exit_code, answer["ready_to_deploy"]) == (1, False)
    concurrency = checks["Concurrency for prod"]
    assert concurrency["state"] == "problem"
    assert "reserved_concurrency = 100" in concurrency["found"]
    mend = "In environments.py: reserved_concurrency = None. Or ask for 200 calls"
    assert mend in concurrency["mend"]
    assert checks["Memory for prod"]["state"] == "ok"
    assert "AWS Support" in checks["CloudFront for prod"]["mend"]


def test_the_zones_of_a_file_system_are_compared_with_the_regions(cloud: Cloud) -> None:
    chosen = Settings(env_name="files", region="us-east-1", model_store="efs", web=False)
    derived = {"warm_by_hour": chosen.warm_by_hour, "warm_setting": chosen.warm_setting}
    document = {**dataclasses.asdict(chosen), **derived}
    checks = {check.name: check for check in limit_checks(document, cloud.client)}
    # The emulator has these zones, and does not list EFS in any.
    assert checks["EFS for files"].state == "warning"
    assert "would be in us-east-1a and us-east-1b" in checks["EFS for files"].found


def test_an_environment_that_the_app_does_not_have_is_a_problem(environments_file: Path) -> None:
    _, answer, checks = read(run_here("doctor", "--json", "--env", "nowhere"))
    assert answer["ready_to_deploy"] is False
    assert "allowed are dev, staging, prod" in checks["Settings of nowhere"]["found"]

    environments_file.write_text("ENVIRONMENTS = (")
    _, _, checks = read(run_here("doctor", "--json", "--env", "prod"))
    assert (
        "environments.py: SyntaxError: '(' was never closed" in checks["Settings of prod"]["found"]
    )
    assert checks["Settings of prod"]["mend"] == "Change it in environments.py"


@pytest.mark.parametrize("version", [None, "5"])
def test_an_account_without_a_recent_bootstrap_gets_the_command_for_it(
    bootstrap: Callable[[str | None], None], shell: dict[str, str], version: str | None
) -> None:
    bootstrap(version)
    _, answer, checks = doctor(**shell)
    assert checks["CDK bootstrap"]["state"] == "problem"
    assert "npx cdk bootstrap" in checks["CDK bootstrap"]["mend"]
    assert answer["ready_to_deploy"] is False


def test_a_shell_without_credentials_or_region_can_run_and_not_deploy(tmp_path: Path) -> None:
    nothing = {
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    exit_code, answer, checks = doctor(**nothing)
    assert exit_code == 0
    assert (answer["ready_to_run"], answer["ready_to_deploy"]) == (True, False)
    assert "AWS_REGION" in checks["AWS credentials"]["mend"]
    exit_code, _, checks = doctor("--deploy", AWS_REGION="eu-west-1", **nothing)
    assert exit_code == 1
    assert "aws sso login" in checks["AWS credentials"]["mend"]


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ("echo v24.1.0", "ok", ""),
        ("echo v20.9.0", "warning", "gets no more fixes"),
        ("echo v18.1.0", "problem", "needs Node 20"),
        ("exit 127", "problem", "Install Node 22"),
    ],
)
def test_node_is_checked(
    tools: tuple[Path, dict[str, str]], script: str, state: str, words: str
) -> None:
    folder, variables = tools
    program(folder, "node", script)
    exit_code, answer, checks = doctor(**variables)
    assert checks["Node"]["state"] == state
    assert words in checks["Node"]["mend"]
    assert answer["ready_to_run"] is (state != "problem")
    assert exit_code == (1 if state == "problem" else 0)


def test_a_node_without_npm_is_a_problem_before_the_first_start(
    tools: tuple[Path, dict[str, str]],
) -> None:
    folder, _ = tools
    for name in ("python3", "sh"):
        (folder / name).symlink_to(shutil.which(name) or name)
    program(folder, "node", "echo v24.1.0")
    exit_code, _, checks = doctor(PATH=str(folder))
    assert exit_code == 1
    assert checks["Node"]["found"] == "Node v24.1.0, without npm"
    assert "apt install npm" in checks["Node"]["mend"]


@pytest.mark.parametrize(
    ("script", "found", "mend"),
    [
        (None, "is not on the PATH", "CDK_DOCKER"),
        ("exit 1", "not running", "Start Docker"),
        ("exit 0", "runs", ""),
    ],
)
def test_the_image_builder_is_checked(
    tools: tuple[Path, dict[str, str]], script: str | None, found: str, mend: str
) -> None:
    folder, variables = tools
    if script is not None:
        program(folder, "my-builder", script)
    _, _, checks = doctor(**variables, CDK_DOCKER="my-builder")
    assert found in checks["Image builder"]["found"]
    assert mend in checks["Image builder"]["mend"]


def test_a_taken_port_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen() as taken:
        monkeypatch.setattr(machine, "PAGE_PORT", port_of(taken))
        (port,) = [check for check in machine_checks(None) if check.name == "Port"]
    assert port.state == "warning"
    assert "PORT=" in port.mend


def test_a_missing_cdk_names_the_command_that_installs_it(tmp_path: Path) -> None:
    (cdk,) = [check for check in machine_checks(None, tmp_path) if check.name == "CDK command"]
    assert (cdk.state, cdk.goal) == ("problem", "deploy")
    assert "make synth" in cdk.mend


def test_in_a_pipe_it_is_plain_lines_that_end_with_what_to_do() -> None:
    result = run_warmlens("doctor", CDK_DOCKER="no-such-builder")
    lines = result.stdout.splitlines()
    assert lines[0].split("\t") == ["check", "for", "state", "found"]
    assert "Image builder: Install Docker" in result.stdout
    assert lines[-1].startswith("Ready to deploy it to AWS: ")
    assert "\x1b" not in result.stdout
