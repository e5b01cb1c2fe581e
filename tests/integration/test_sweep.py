"""`.github/sweep` deletes what closed pull requests left behind, and nothing else."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cloud
from warmlens.paths import ROOT

# Stands in for GitHub's command line, which nobody can answer here.
GH = """#!/bin/sh
[ "$1 $2 $4 $5 $6 $7" = "pr view --json state --jq .state" ] || exit 9
case $3 in
  7) echo CLOSED;; 8) echo OPEN;; 9) echo MERGED;;
  *) echo "GraphQL: Could not resolve to a PullRequest with the number of $3." >&2; exit 1;;
esac
"""
Sweep = Callable[[], subprocess.CompletedProcess[str]]


class Stacks:
    """Stacks in the emulator, each with a parameter of its own; all are deleted at the end."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloudformation = cloud.client("cloudformation")
        self.made: list[str] = []

    def make(self, uses: str | None = None, **tags: str) -> str:
        """Make a stack, which may import what another exports; return its name."""
        name = f"sweep-{uuid.uuid4().hex[:12]}"
        value: Any = {"Fn::ImportValue": uses} if uses else "x"
        parameter = {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": value},
        }
        output = {"Value": {"Ref": "Parameter"}, "Export": {"Name": name}}
        self.cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(
                {"Resources": {"Parameter": parameter}, "Outputs": {"Name": output}}
            ),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        self.cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1}
        )
        self.made.append(name)
        return name

    def left(self) -> set[str]:
        """The names of all stacks that are there."""
        return {
            stack["StackName"]
            for page in self.cloudformation.get_paginator("describe_stacks").paginate()
            for stack in page["Stacks"]
            if stack["StackStatus"] != "DELETE_COMPLETE"
        }


@pytest.fixture
def stacks(cloud: Cloud) -> Iterator[Stacks]:
    stacks = Stacks(cloud)
    yield stacks
    for name in reversed(stacks.made):
        stacks.cloudformation.delete_stack(StackName=name)


@pytest.fixture
def sweep(shell: dict[str, str], tmp_path: Path) -> Sweep:
    """Runs the script as the workflow does, in a shell whose AWS is the emulator."""
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    command = [sys.executable, str(ROOT / ".github" / "sweep")]
    return lambda: subprocess.run(
        command,
        env={**os.environ, **shell, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_closed_pull_requests_left_is_deleted_and_nothing_else(
    stacks: Stacks, sweep: Sweep
) -> None:
    others = stacks.left()  # the local cloud's own, with the tags of the environment `local`
    assert others
    exporting = stacks.make(project="warmlens", environment="pr7")
    closed = {
        exporting,
        stacks.make(uses=exporting, project="warmlens", environment="pr7"),
        stacks.make(project="warmlens", environment="pr9"),
    }
    kept = {
        stacks.make(project="warmlens", environment="pr8"),  # open
        stacks.make(project="warmlens", environment="prod"),
        stacks.make(project="warmlens", environment="pr7x"),
        stacks.make(project="warmlens", environment="7"),
        stacks.make(project="warmlens"),
        stacks.make(project="another", environment="pr7"),
        stacks.make(environment="pr7"),
        stacks.make(),
    }
    result = sweep()
    assert result.returncode == 0, result.stdout + result.stderr
    assert stacks.left() == others | kept
    for name in closed:
        assert f": {name} deleted\n" in result.stdout
    assert "pr8: kept, OPEN\n" in result.stdout


def test_a_pull_request_that_github_does_not_know_keeps_its_stacks_and_is_reported(
    stacks: Stacks, sweep: Sweep
) -> None:
    unknown = stacks.make(project="warmlens", environment="pr404")
    forgotten = stacks.make(project="warmlens", environment="pr9")
    result = sweep()
    assert result.returncode == 1
    assert unknown in stacks.left()
    assert forgotten not in stacks.left()
    assert "pr404: kept, unknown: GraphQL: Could not resolve" in result.stdout


def test_a_stack_that_cannot_be_deleted_is_reported_and_stops_no_other(
    stacks: Stacks, sweep: Sweep
) -> None:
    forgotten = stacks.make(project="warmlens", environment="pr9")
    used = stacks.make(project="warmlens", environment="pr9")
    stacks.make(uses=used)
    result = sweep()
    assert result.returncode == 1
    assert f"pr9: {used} was not deleted: " in result.stdout
    assert used in stacks.left()
    assert forgotten not in stacks.left()


def test_a_shell_without_credentials_gets_a_sentence(
    shell: dict[str, str], sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(shell, "AWS_ACCESS_KEY_ID")
    result = sweep()
    assert result.returncode == 1
    assert result.stderr.startswith("The stacks cannot be listed: ")
    assert len(result.stderr.splitlines()) == 1
