"""Stacks that the settings took out of the app: `warmlens doctor` says how to remove each."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Cloud, run_warmlens

TEMPLATE = json.dumps(
    {
        "Resources": {
            "Left": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}
        }
    }
)


@pytest.fixture
def cloudformation(cloud: Cloud) -> Any:
    return cloud.client("cloudformation")


@pytest.fixture
def leftovers(cloudformation: Any) -> Iterator[list[str]]:
    """A part of `local` that is switched off, and one of an environment that the app lacks."""
    names = ["warmlens-local-web", "warmlens-retired-api"]
    for name, protected in zip(names, (True, False), strict=True):
        cloudformation.create_stack(
            StackName=name, TemplateBody=TEMPLATE, EnableTerminationProtection=protected
        )
    yield names
    for name in deployed(cloudformation) & set(names):
        cloudformation.update_termination_protection(
            StackName=name, EnableTerminationProtection=False
        )
        cloudformation.delete_stack(StackName=name)


def found(shell: dict[str, str]) -> dict[str, str]:
    checks = json.loads(run_warmlens("doctor", "--json", **shell).stdout)["checks"]
    (check,) = (each for each in checks if each["name"] == "Leftover stacks")
    return dict(check)


def deployed(cloudformation: Any) -> set[str]:
    return {each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]}


def run_for_aws(command: str, cloudformation: Any) -> None:
    """Run a command of AWS's own command line, which is not installed here, by its names."""
    aws, service, operation, *options = command.split()
    assert (aws, service, options[-2]) == ("aws", "cloudformation", "--stack-name")
    arguments: dict[str, Any] = {"StackName": options[-1]}
    if options[0] == "--no-enable-termination-protection":
        arguments["EnableTerminationProtection"] = False
    getattr(cloudformation, operation.replace("-", "_"))(**arguments)


def test_an_account_with_what_the_app_has_and_no_more_is_fine(shell: dict[str, str]) -> None:
    check = found(shell)
    assert (check["state"], check["found"]) == ("ok", "none, of 4 stacks")


def test_what_the_app_no_longer_has_is_removed_by_the_commands_that_doctor_prints(
    leftovers: list[str], cloudformation: Any, shell: dict[str, str]
) -> None:
    before = deployed(cloudformation)
    check = found(shell)
    assert check["state"] == "warning"
    assert check["found"].startswith(
        "warmlens-local-web, warmlens-retired-api: no longer in the app"
    )

    commands = re.findall(r"aws cloudformation [^;.]+", check["mend"])
    assert len(commands) == 3
    for command in commands:
        run_for_aws(command, cloudformation)
    assert deployed(cloudformation) == before - set(leftovers)
    assert found(shell)["state"] == "ok"
