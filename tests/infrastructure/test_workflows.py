"""GitHub Actions workflows: pinned actions, no long-lived keys, no leftovers."""

import re
from typing import Any

import pytest
import yaml

from app import settings_of
from warmlens.paths import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))


def workflow(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return content


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job.get("steps", [])]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(name: str) -> None:
    used = re.findall(r"uses: (\S+)(.*)", (FOLDER / name).read_text())
    assert used
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_workflow_knows_a_secret_or_takes_more_rights_than_it_needs(name: str) -> None:
    assert "secrets." not in (FOLDER / name).read_text()
    content = workflow(name)
    rights = [content["permissions"]]
    rights += [job["permissions"] for job in content["jobs"].values() if "permissions" in job]
    writes = [each for each in rights if each["contents"] != "read"]
    assert writes == ([{"contents": "write"}] if name == "release.yml" else [])
    assert all(set(each) <= {"contents", "id-token"} for each in rights)
    for job in content["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 90


def test_a_pull_request_is_checked_and_shows_what_it_would_change() -> None:
    commands = " ".join(step.get("run", "") for step in steps("pull-request.yml"))
    expected = (
        "make lint",
        "make policies",
        "make licences",
        "make audit",
        "make test-all",
        "cdk diff",
    )
    for command in expected:
        assert command in commands


def test_each_week_more_is_tried_than_a_pull_request_waits_for() -> None:
    commands = [step.get("run", "") for step in steps("weekly.yml")]
    assert any(each.startswith("make soak ") for each in commands)
    assert "make audit" in " ".join(commands)


def test_main_goes_to_dev_then_staging_then_prod() -> None:
    jobs = workflow("main.yml")["jobs"]
    assert [job["with"]["env_name"] for job in jobs.values()] == ["dev", "staging", "prod"]
    assert "needs" not in jobs["dev"]
    assert (jobs["staging"]["needs"], jobs["prod"]["needs"]) == ("dev", "staging")
    (job,) = workflow("deploy.yml")["jobs"].values()
    assert job["environment"] == "${{ inputs.env_name }}"  # where approval is asked for


def test_the_environment_of_a_pull_request_is_destroyed_whatever_happened() -> None:
    last = steps("ephemeral.yml")[-1]
    assert last["if"] == "always()"
    assert "cdk destroy" in last["run"]
    settings = settings_of("pr12")
    assert settings.env_name == "pr12"
    assert settings.empty_buckets
    assert not settings.retain_data
