"""Deploys of the app by the real CDK CLI into an emulator, for the tests of deploys."""

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app import settings_of
from lab.emulator_with_pool import emulator_with_pool
from tests.conftest import SAMPLE, SAMPLE_LABEL
from warmlens.classify import classify
from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.local.command import run_command
from warmlens.paths import MODEL_ARTIFACTS, ROOT
from warmlens.registry.publish import publish_model

# The emulator runs no custom resource of CDK's, which empty buckets and copy the page, and knows
# neither budgets nor X-Ray's rules.
POSSIBLE = {
    "empty_buckets": False,
    "web": False,
    "budget_usd": None,
    "tracing": False,
    "alarm_recognized_percent": 0,  # by metric math
}
APP = """
import dataclasses, json, os, sys
sys.path.insert(0, {root!r})
import aws_cdk as cdk
import tests.environments_as_shipped
sys.modules["environments"] = tests.environments_as_shipped
from app import settings_of
from stacks.stage import WarmlensStage
app = cdk.App()
changes = dict({changes!r}, **json.loads(os.environ.get("CHANGES", "{{}}")))
changes = {{key: tuple(each) if isinstance(each, list) else each for key, each in changes.items()}}
settings = dataclasses.replace(settings_of("dev"), env_name={name!r}, **changes)
WarmlensStage(app, settings=settings)
app.synth()
"""


@asynccontextmanager
async def empty_emulator(folder: Path, env_names: Sequence[str]) -> AsyncIterator[LocalAws]:
    """Run an emulator with nothing in it, and the pool behind the environments' classifiers."""
    functions = [f"warmlens-{name}-classifier" for name in env_names]
    # How fast this machine starts an instance decides nothing.
    async with emulator_with_pool(folder, functions, log=lambda _: None, init_limit_s=120) as (
        aws,
        _,
    ):
        yield aws


def shell(aws: LocalAws, folder: Path) -> dict[str, str]:
    """The variables of a shell whose AWS is the emulator."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CDK_HOME": str(folder),
        "CI": "true",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        "CDK_VALIDATION": "false",  # tests/infrastructure check all rules
        **aws.environment,
    }


async def cdk(command: str, aws: LocalAws, folder: Path, **variables: str) -> None:
    """Run the CDK CLI on the `app.py` in a folder; `CHANGES` has more settings of APP."""
    assembly = f"{folder}/cdk.out"
    if command.startswith("destroy"):
        arguments = ["--app", assembly]  # what was deployed last, so nothing is synthesized again
    else:
        arguments = ["--app", f"{sys.executable} {folder}/app.py", "--output", assembly]
    exit_code, output = await run_command(
        ["npx", "--no-install", "cdk", *command.split(), *arguments],
        cwd=ROOT,
        environment={**shell(aws, folder), **variables},
    )
    assert exit_code == 0, output


def stacks(aws: LocalAws, name: str) -> set[str]:
    """The stacks of an environment, without what all their names begin with."""
    prefix = f"warmlens-{name}-"
    found = {stack["StackName"] for stack in aws.cloudformation.describe_stacks()["Stacks"]}
    return {stack.removeprefix(prefix) for stack in found if stack.startswith(prefix)}


def delete_stacks(aws: LocalAws, name: str) -> None:
    for stack in stacks(aws, name):
        aws.cloudformation.delete_stack(StackName=f"warmlens-{name}-{stack}")
        waiter = aws.cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=f"warmlens-{name}-{stack}", WaiterConfig={"Delay": 1})


def empty_all(aws: LocalAws) -> None:
    """Empty all buckets, as a custom resource does in AWS; the emulator runs none."""
    for bucket in own_buckets(aws):
        empty(aws, bucket)


def own_buckets(aws: LocalAws) -> list[str]:
    names = [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]]
    return [name for name in names if not name.startswith("cdk-")]


def check_nothing_is_left(aws: LocalAws, name: str) -> None:
    assert stacks(aws, name) == set()
    assert own_buckets(aws) == []
    assert aws.lambda_.list_functions()["Functions"] == []
    assert aws.apigateway.get_rest_apis()["items"] == []
    assert aws.ssm.get_parameters_by_path(Path="/warmlens", Recursive=True)["Parameters"] == []


def classify_with_the_key(
    aws: LocalAws, outputs: Mapping[str, str], auth: httpx.Auth | None
) -> None:
    """What `warmlens classify --env dev` does, at the address that the emulator serves."""
    settings = settings_of("dev")
    model = MODEL_ARTIFACTS / settings.model_name / settings.model_version
    publish_model(model, outputs["ModelsBucket"], aws.s3)
    url = f"{aws.endpoint_url}/restapis/{outputs['ApiId']}/v1/_user_request_"
    assert auth is not None
    assert classify(SAMPLE, url=url, auth=auth, upload=True)["TOP1_label"] == SAMPLE_LABEL
    with pytest.raises(WarmlensError):
        classify(SAMPLE, url=url)


def empty(aws: LocalAws, bucket: str) -> None:
    for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            aws.s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
