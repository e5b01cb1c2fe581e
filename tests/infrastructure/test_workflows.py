"""GitHub Actions workflows: pinned actions, few rights, no long-lived keys, no leftovers."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import settings_of
from warmlens.paths import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))
NEEDED = {  # what a job may do beyond reading the repository's contents
    ("deploy.yml", "deploy"): {"id-token": "write"},
    ("ephemeral.yml", "environment"): {"id-token": "write"},
    ("main.yml", "dev"): {"id-token": "write"},
    ("main.yml", "staging"): {"id-token": "write"},
    ("main.yml", "prod"): {"id-token": "write"},
    ("pull-request.yml", "diff"): {"id-token": "write"},
    ("release.yml", "release"): {
        "contents": "write",
        "id-token": "write",
        "attestations": "write",
    },
    ("sweep.yml", "sweep"): {"id-token": "write", "pull-requests": "read"},
}
READ = {"contents": "read"}


def workflow(name: str) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text())
    return content


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = workflow(name)["jobs"]
    return found


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in jobs(name).values() for step in job.get("steps", [])]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(name: str) -> None:
    used = re.findall(r"uses: (\S+)(.*)", (FOLDER / name).read_text())
    assert used
    for action, comment in used:
        if not action.startswith("$/"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_an_action_has_the_same_version_everywhere() -> None:
    text = "".join((FOLDER / name).read_text() for name in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w/-]+)@(\S+ # \S+)", text))
    assert len(pins) == len({action for action, _ in pins}), sorted(pins)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_each_job_names_its_rights_and_a_workflow_gives_none(name: str) -> None:
    content = workflow(name)
    assert content["permissions"] == {}
    assert "secrets." not in (FOLDER / name).read_text()
    for job_name, job in content["jobs"].items():
        assert job["permissions"] == READ | NEEDED.get((name, job_name), {})
        assert "uses" in job or job["timeout-minutes"] <= 90


@pytest.mark.parametrize("name", WORKFLOWS)
def test_only_a_job_that_calls_aws_or_signs_may_ask_for_a_token(name: str) -> None:
    for job in jobs(name).values():
        used = [step.get("uses", "") for step in job.get("steps", [])]
        calls_aws = any(each.startswith("aws-actions/") for each in used)
        calls_aws = calls_aws or job.get("uses", "").endswith("/deploy.yml")
        signs = any(each.startswith("actions/attest@") for each in used)
        assert ("id-token" in job["permissions"]) == (calls_aws or signs)
        assert not used or not calls_aws or job["environment"]  # AWS trusts its name alone


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_checkout_leaves_no_token_behind_and_nothing_is_cached(name: str) -> None:
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        if step.get("uses", "").startswith("actions/setup-node@"):
            assert step["with"]["package-manager-cache"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_command_that_fails_before_a_pipe_fails_its_step(name: str) -> None:
    if any("run" in step for step in steps(name)):
        shell = workflow(name)["defaults"]["run"]["shell"]
        assert shell == "bash"  # GitHub starts it with pipefail; no shell at all has none
        assert all("shell" not in step for step in steps(name))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_script_has_text_put_into_it(name: str) -> None:
    assert all("${{" not in step.get("run", "") for step in steps(name))


def test_the_workflows_and_scripts_are_linted_in_each_pull_request() -> None:
    (step,) = (each for each in steps("pull-request.yml") if each.get("run") == "make workflows")
    # So that GitHub is asked whether a pinned commit is the action's, and of the version beside it.
    assert step["env"] == {"GH_TOKEN": "${{ github.token }}"}
    assert "\nmake workflows\n" in (ROOT / ".ci" / "run").read_text()


def test_a_pull_request_is_checked_and_shows_what_it_would_change() -> None:
    commands = " ".join(step.get("run", "") for step in steps("pull-request.yml"))
    expected = (
        "make lint",
        "make policies",
        "make licences",
        "make audit",
        "make secrets",
        "make test-all",
        "cdk diff",
    )
    for command in expected:
        assert command in commands


def test_each_week_more_is_tried_than_a_pull_request_waits_for() -> None:
    commands = [step.get("run", "") for step in steps("weekly.yml")]
    assert any(each.startswith("make soak ") for each in commands)
    assert "make audit" in " ".join(commands)


def test_each_week_the_image_on_its_pinned_base_is_scanned() -> None:
    build, scan = jobs("weekly.yml")["image"]["steps"][1:]
    assert "lambda_src/classifier/base/Dockerfile" in build["run"]
    assert scan["uses"].startswith("anchore/scan-action@")
    assert scan["with"]["image"] == "warmlens-classifier"
    assert scan["with"]["fail-build"] is True


def test_a_release_lists_its_packages_and_all_its_files_have_a_provenance() -> None:
    sbom, pack, attest, publish = steps("release.yml")[-4:]
    assert sbom["run"] == "make sbom"
    assert ".warmlens/sbom/" in pack["run"]
    assert attest["with"] == {"subject-path": "release/*"}
    assert publish["run"].endswith(" release/*")


def test_main_goes_to_dev_then_staging_then_prod() -> None:
    calls = jobs("main.yml")
    assert [job["with"]["env_name"] for job in calls.values()] == ["dev", "staging", "prod"]
    assert "needs" not in calls["dev"]
    assert (calls["staging"]["needs"], calls["prod"]["needs"]) == ("dev", "staging")
    (job,) = jobs("deploy.yml").values()
    assert job["environment"] == "${{ inputs.env_name }}"  # where approval is asked for


def test_an_approval_that_waits_holds_up_its_own_environment_alone() -> None:
    assert "concurrency" not in workflow("main.yml")
    assert all("concurrency" not in job for job in jobs("main.yml").values())
    (job,) = jobs("deploy.yml").values()
    assert job["concurrency"]["group"] == "deploy-${{ inputs.env_name }}"
    assert job["concurrency"]["cancel-in-progress"] is False


def test_the_environment_of_a_pull_request_is_destroyed_whatever_happened() -> None:
    last = steps("ephemeral.yml")[-1]
    assert last["if"] == "always()"
    assert "cdk destroy" in last["run"]
    settings = settings_of("pr12")
    assert settings.env_name == "pr12"
    assert settings.empty_buckets
    assert not settings.retain_data


def test_the_environment_of_a_pull_request_waits_for_no_cloudfront() -> None:
    assert not settings_of("pr12").web


def test_pull_requests_have_an_account_that_no_environment_is_deployed_to() -> None:
    for name in ("ephemeral.yml", "sweep.yml"):
        (aws,) = [each for each in steps(name) if each.get("uses", "").startswith("aws-actions/")]
        # Without the variable no account is allowed.
        allowed = "${{ vars.EPHEMERAL_ACCOUNT_ID || 'none' }}"
        assert aws["with"]["allowed-account-ids"] == allowed
    refused, aws = (each for each in steps("deploy.yml") if "AWS_ROLE_ARN" in str(each))
    assert aws["uses"].startswith("aws-actions/")
    for account, code in (("111111111111", 1), ("222222222222", 0)):
        variables = {"ROLE": f"arn:aws:iam::{account}:role/deploy", "EPHEMERAL": "111111111111"}
        command = ["bash", "-eo", "pipefail", "-c", refused["run"]]
        result = subprocess.run(command, env=variables, capture_output=True, check=False)
        assert (result.returncode, b"::error::" in result.stdout) == (code, code == 1)


def test_each_night_the_account_of_pull_requests_is_swept() -> None:
    (job,) = jobs("sweep.yml").values()
    assert job["environment"] == jobs("ephemeral.yml")["environment"]["environment"]
    assert workflow("sweep.yml")[True]["schedule"]  # YAML reads the key `on` as true
    assert job["steps"][-1]["run"] == ".venv/bin/python .github/sweep"


def test_dependabot_renews_every_kind_of_pin() -> None:
    content = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
    updates = {each["package-ecosystem"]: each for each in content["updates"]}
    assert set(updates) == {"pip", "npm", "github-actions", "docker"}
    tracked = subprocess.run(
        ["git", "ls-files", "*requirements*.txt", ".ci/tools/*.txt", "*pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    folders = {("/" + str(Path(path).parent)).removesuffix("/.") or "/" for path in tracked}
    assert set(updates["pip"]["directories"]) == folders
    (base,) = [path.parent for path in ROOT.glob("lambda_src/*/base/Dockerfile")]
    assert updates["docker"]["directory"] == f"/{base.relative_to(ROOT)}"
    assert re.search(r"^FROM [^$]+@sha256:", (base / "Dockerfile").read_text(), re.MULTILINE)
    # A pull request for one of two files that pin the same package would fail the tests.
    assert all("groups" in each for kind, each in updates.items() if kind != "docker")
