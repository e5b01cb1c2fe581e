"""The real CDK CLI deploys the app into the emulator, by the README's own commands."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.emulator_with_pool import emulator_with_pool
from tests.conftest import SAMPLE_LABEL
from tests.integration.test_readme import BLOCKS
from warmlens.local.aws import LocalAws
from warmlens.local.command import run_command
from warmlens.paths import ROOT

FUNCTION = "warmlens-local-classifier"


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[LocalAws]:
    """An emulator with nothing in it, and the pool behind its container-image function."""
    functions = [FUNCTION]
    # How fast this machine starts an instance decides nothing.
    async with emulator_with_pool(tmp_path, functions, log=lambda _: None, init_limit_s=120) as (
        aws,
        _,
    ):
        yield aws


async def run_in_shell(command: str, aws: LocalAws, folder: Path) -> str:
    """Run one of the README's commands as written, in a shell whose AWS is the emulator."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CDK_HOME": str(folder),
        "CI": "true",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        **aws.environment,
    }
    if command.startswith("npx cdk"):
        command += f" --output {folder}/cdk.out --context env=local"
    exit_code, output = await run_command(
        ["bash", "-c", command], cwd=ROOT, environment=environment
    )
    assert exit_code == 0, output
    return output


async def test_the_commands_of_the_readme_deploy_and_destroy(aws: LocalAws, tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if "cdk deploy" in block)
    synth, activate, doctor, bootstrap, deploy, publish, classify, page = block.splitlines()
    (destroy,) = (block.strip() for block in BLOCKS if "cdk destroy" in block)
    # Synthesis is the templates' tests', and what `doctor` says here depends on the machine.
    assert (synth, activate) == ("make synth", ". .venv/bin/activate")
    assert doctor == "warmlens doctor --deploy"

    await run_in_shell(f"{bootstrap} aws://000000000000/us-east-1", aws, tmp_path)
    await run_in_shell(f"{for_local(deploy)} --require-approval never", aws, tmp_path)
    stacks = aws.cloudformation.describe_stacks()["Stacks"]
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for stack in stacks
        for output in stack.get("Outputs", [])
    }
    await asyncio.to_thread(find_local_as_dev, aws)
    assert "Published" in await run_in_shell(publish, aws, tmp_path)

    # The output ApiUrl names amazonaws.com, which the emulator does not serve.
    assert outputs["ApiUrl"].endswith(".amazonaws.com/v1")
    url = f"{aws.endpoint_url}/restapis/{outputs['ApiId']}/v1/_user_request_/"
    assert classify.endswith(" --env dev")
    answer = await run_in_shell(classify.replace("--env dev", f"--url {url}"), aws, tmp_path)
    assert SAMPLE_LABEL in answer
    assert page == "warmlens page --env dev"  # `local` has no page; see test_variants_deploy.py

    for bucket in (outputs["ImagesBucket"], outputs["ModelsBucket"]):
        await asyncio.to_thread(empty, aws, bucket)
    await run_in_shell(f"{for_local(destroy)} --force", aws, tmp_path)
    left = {stack["StackName"] for stack in aws.cloudformation.describe_stacks()["Stacks"]}
    assert not {name for name in left if name.startswith("warmlens-local-")}


def for_local(command: str) -> str:
    """The command for the environment that has no custom resource; see docs/local-cloud.md."""
    assert "'dev/*'" in command
    return command.replace("'dev/*'", "'local/*'")


def find_local_as_dev(aws: LocalAws) -> None:
    """Give the parameters of `local` under the name that the README's commands ask for."""
    for parameter in aws.ssm.get_parameters_by_path(Path="/warmlens/local")["Parameters"]:
        name = parameter["Name"].replace("/local/", "/dev/")
        aws.ssm.put_parameter(Name=name, Value=parameter["Value"], Type="String")


def empty(aws: LocalAws, bucket: str) -> None:
    for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            aws.s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
