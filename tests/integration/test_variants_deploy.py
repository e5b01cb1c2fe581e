"""The real CDK CLI deploys, updates and destroys `dev` and variants of it in the emulator.

Each update takes a stack or a store out of the app; tests/changes has the other changes. They
differ from `dev` in what the emulator cannot do; docs/local-cloud.md lists it.
"""

import asyncio
import dataclasses
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import boto3
import httpx
import pytest

from app import settings_of
from lab.emulator_with_pool import emulator_with_pool
from tests.conftest import SAMPLE, SAMPLE_LABEL, run_warmlens
from tests.integration.recording import assert_role_fits, recording, run
from tests.integration.test_cdk_deploy import empty
from warmlens.classify import classify
from warmlens.deployment import find_deployment
from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.local.command import run_command
from warmlens.paths import MODEL_ARTIFACTS, ROOT
from warmlens.registry.publish import publish_model

# The emulator runs no custom resource of CDK's: what empties buckets and what copies the page.
POSSIBLE = {"empty_buckets": False, "web": False}
VARIANTS: dict[str, dict[str, object]] = {
    "dev": {},
    "image": {"model_store": "image", "warming": "snapstart"},
    "efs": {"model_store": "efs", "access_logs": False},  # flow logs are unknown to the emulator
}
UPDATES: dict[str, dict[str, object]] = {
    "dev": {"monitoring": False},
    "image": {"model_store": "s3"},
    "efs": {"model_store": "s3"},
}
LEFT_OVER = {"dev": {"observability"}, "image": set(), "efs": {"files"}}
APP = """
import dataclasses, json, os, sys
sys.path.insert(0, {root!r})
import aws_cdk as cdk
from app import settings_of
from stacks.stage import WarmlensStage
app = cdk.App()
changes = dict({changes!r}, **json.loads(os.environ.get("CHANGES", "{{}}")))
settings = dataclasses.replace(settings_of("dev"), env_name={name!r}, **changes)
WarmlensStage(app, settings=settings)
app.synth()
"""


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[LocalAws]:
    """An emulator with nothing in it, and the pool behind the variants' classifiers."""
    functions = [f"warmlens-{name}-classifier" for name in VARIANTS]
    # How fast this machine starts an instance decides nothing.
    async with emulator_with_pool(tmp_path, functions, log=lambda _: None, init_limit_s=120) as (
        aws,
        _,
    ):
        yield aws


async def cdk(command: str, aws: LocalAws, folder: Path, **variables: str) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CDK_HOME": str(folder),
        "CI": "true",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        "CDK_VALIDATION": "false",  # tests/infrastructure hold the variants to all rules
        **aws.environment,
        **variables,
    }
    assembly = f"{folder}/cdk.out"
    if command.startswith("destroy"):
        arguments = ["--app", assembly]  # what was deployed last, so nothing is synthesized again
    else:
        arguments = ["--app", f"{sys.executable} {folder}/app.py", "--output", assembly]
    exit_code, output = await run_command(
        ["npx", "--no-install", "cdk", *command.split(), *arguments],
        cwd=ROOT,
        environment=environment,
    )
    assert exit_code == 0, output


@pytest.mark.parametrize("name", list(VARIANTS))
async def test_a_variant_is_deployed_updated_in_place_and_destroyed(
    name: str, aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {**POSSIBLE, **VARIANTS[name]}
    (tmp_path / "app.py").write_text(APP.format(root=str(ROOT), changes=changes, name=name))
    for key, value in aws.environment.items():
        monkeypatch.setenv(key, value)

    await cdk("bootstrap aws://000000000000/us-east-1", aws, tmp_path)
    await cdk(f"deploy {name}/* --require-approval never", aws, tmp_path)
    function = f"warmlens-{name}-classifier"
    before = aws.lambda_.get_alias(FunctionName=function, Name="live")["FunctionVersion"]

    environment = await asyncio.to_thread(find_deployment, name, local_state=tmp_path / "none")
    outputs = environment.outputs
    if name == "dev":
        await asyncio.to_thread(classify_with_the_key, aws, outputs, environment.api_auth())
    if name == "efs":
        await asyncio.to_thread(publish_and_wait_for_the_copy, aws, tmp_path / "mounted")
        await check_the_role_that_copies_models(aws, outputs["ModelsBucket"], tmp_path / "files")

    update = json.dumps({"memory_mb": 2048, **UPDATES[name]})
    await cdk(f"deploy {name}/* --require-approval never", aws, tmp_path, CHANGES=update)
    configuration = aws.lambda_.get_function_configuration(FunctionName=function)
    assert configuration["MemorySize"] == 2048
    after = aws.lambda_.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    assert int(after) > int(before)
    # What the alias can be pointed back to.
    kept = aws.lambda_.get_function_configuration(FunctionName=function, Qualifier=before)
    assert kept["Version"] == before
    if name == "image":
        version = aws.lambda_.get_function_configuration(FunctionName=function, Qualifier=after)
        assert version["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}

    await asyncio.to_thread(empty_all, aws)
    await cdk(f"destroy {name}/* --force", aws, tmp_path)
    assert stacks(aws, name) == LEFT_OVER[name]
    await asyncio.to_thread(delete_stacks, aws, name)  # as `warmlens doctor` says
    await asyncio.to_thread(check_nothing_is_left, aws, name)


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
    assert classify(SAMPLE, url=url, auth=auth)["TOP1_label"] == SAMPLE_LABEL
    with pytest.raises(WarmlensError):
        classify(SAMPLE, url=url)


def publish_and_wait_for_the_copy(aws: LocalAws, mounted: Path) -> None:
    """Publish with `--wait`; the emulator mounts nothing, so a folder stands for the files."""
    settings = settings_of("dev")
    model = (settings.model_name, settings.model_version)
    command = ("model", "publish", *model, "--env", "efs", "--wait")
    mount(aws, Path("/dev/null"))
    failed = run_warmlens(*command, **aws.environment)
    assert failed.returncode == 1
    assert failed.stderr.startswith("not_copied: ")
    assert "Not a directory" in failed.stderr
    mount(aws, mounted)
    for document in ({"published": False, "copied": True},) * 2:
        published = json.loads(run_warmlens(*command, "--json", **aws.environment).stdout)
        assert document.items() <= published.items()
    assert (mounted / settings.model_name / settings.model_version / "manifest.json").is_file()


def mount(aws: LocalAws, folder: Path) -> None:
    """Have the function that copies models write to a folder."""
    function = "warmlens-efs-model_sync"
    deployed = aws.lambda_.get_function_configuration(FunctionName=function)
    variables = {**deployed["Environment"]["Variables"], "MODELS_FOLDER": str(folder)}
    aws.lambda_.update_function_configuration(
        FunctionName=function, Environment={"Variables": variables}
    )


async def check_the_role_that_copies_models(aws: LocalAws, bucket: str, folder: Path) -> None:
    """Let the function copy a published model, and hold its role against the calls it makes."""
    settings = settings_of("dev")
    model = MODEL_ARTIFACTS / settings.model_name / settings.model_version
    await asyncio.to_thread(publish_model, model, bucket, aws.s3)
    deployed = aws.lambda_.get_function_configuration(FunctionName="warmlens-efs-model_sync")
    variables = {**deployed["Environment"]["Variables"], "MODELS_FOLDER": str(folder)}
    key = f"{settings.model_name}/{settings.model_version}/manifest.json"
    async with recording(aws.endpoint_url) as recorder:
        event = {"detail": {"object": {"key": key}}}
        answer = await run("model_sync", event, variables, recorder.url)
    assert answer["outcome"] == "copied"
    assert_role_fits(boto3.client("iam"), deployed["Role"], recorder.needs)


def test_what_the_variants_leave_out_is_what_dev_has() -> None:
    dev = dataclasses.asdict(settings_of("dev"))
    assert {key: dev[key] for key in POSSIBLE} == {"empty_buckets": True, "web": True}
