"""The model commands where the environment or the bucket cannot be reached."""

from pathlib import Path

import pytest

from tests.conftest import run_warmlens
from tests.unit.registry.version_copy import NAME, VERSION


def test_without_a_local_cloud_the_commands_say_how_to_start_one(tmp_path: Path) -> None:
    for arguments in (("list",), ("serve", NAME, VERSION), ("rollback",)):
        result = run_warmlens("model", *arguments, "--env", "local", "--folder", str(tmp_path))
        assert (result.returncode, result.stdout) == (3, "")
        assert result.stderr == "not_found: No local cloud runs. Start it with: make run\n"


NO_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""}


@pytest.mark.parametrize(
    ("without", "told"),
    [
        ({}, "aws_refused: AWS refused to describe prod: Could not connect"),
        ({"AWS_REGION": ""}, "no_region: No AWS region: "),
        (NO_CREDENTIALS, "no_credentials: No AWS credentials: "),
    ],
)
def test_an_environment_in_aws_that_cannot_be_asked_is_named(
    without: dict[str, str], told: str, tmp_path: Path
) -> None:
    shell = {
        "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1",
    }  # fmt: skip
    result = run_warmlens("model", "list", "--env", "prod", **{**shell, **without})
    assert result.returncode == 3
    assert result.stderr.startswith(told)
    assert result.stderr.count("\n") == 1


def test_publishing_to_a_bucket_that_cannot_be_asked_is_told_in_a_line(tmp_path: Path) -> None:
    result = run_warmlens(
        "model", "publish", NAME, VERSION, "--bucket", "models-of-nobody",
        HOME=str(tmp_path), AWS_REGION="no region", AWS_EC2_METADATA_DISABLED="true",
    )  # fmt: skip
    assert result.returncode == 3
    assert result.stderr.startswith("aws_refused: AWS refused the request: ")
    assert result.stderr.count("\n") == 1
