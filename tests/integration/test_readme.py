"""The README's commands do what the README says."""

import json
import re
import shlex
import subprocess

import pytest

from tests.conftest import Cloud
from warmlens.paths import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
LABEL = "espresso"  # of the photo in the commands, by the model that `make run` serves
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


def commands(beginning: str) -> list[str]:
    found = [command for command in COMMANDS if command.startswith(beginning)]
    assert found, f"no command of the README begins with {beginning}"
    return found


def test_the_curl_command_gets_the_answer(imagenet_cloud: Cloud) -> None:
    (command,) = commands("curl")
    result = subprocess.run(
        ["sh", "-c", command.replace("local url", f"local url --folder {imagenet_cloud.folder}")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(result.stdout)
    assert answer["method"] in command
    assert answer["TOP1_label"] == LABEL


def test_warmlens_commands_work(imagenet_cloud: Cloud) -> None:
    (classify,) = commands(".venv/bin/warmlens classify")
    (status,) = commands(".venv/bin/warmlens local status")
    for command, option in (
        (classify, f"--url {imagenet_cloud.url}"),
        (status, f"--folder {imagenet_cloud.folder}"),
    ):
        arguments = shlex.split(f"{command} {option}")
        result = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert LABEL in result.stdout or imagenet_cloud.url in result.stdout


def test_every_make_target_that_is_named_exists() -> None:
    named = set(re.findall(r"make ([a-z][a-z-]*)", README)) - {"it"}
    targets = set(re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {name for line in targets for name in line.split()}
    assert {"run", "test"} <= named
    assert named <= known


def test_make_help_lists_every_target_that_a_person_calls() -> None:
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    result = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  make (\S+) ", result.stdout, re.MULTILINE)
    assert {name for names in listed for name in names.split("|")} == set(phony.split())


@pytest.mark.parametrize(
    "target", sorted({link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link})
)
def test_every_file_that_is_linked_exists(target: str) -> None:
    assert (ROOT / target).exists()
