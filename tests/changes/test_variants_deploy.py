"""The real CDK CLI deploys, updates and destroys `dev` and variants of it in the emulator.

Each update takes a stack or a store out of the app; test_every_change.py has the others. They
differ from `dev` in what the emulator cannot do; docs/local-cloud.md lists it.
"""

import asyncio
import dataclasses
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import boto3
import pytest

from app import settings_of
from tests.conftest import SAMPLE, run_here, run_warmlens
from tests.integration.cdk_harness import (
    APP,
    POSSIBLE,
    cdk,
    check_nothing_is_left,
    classify_with_the_key,
    delete_stacks,
    empty_all,
    empty_emulator,
    stacks,
)
from tests.integration.recording import assert_role_fits, recording, run
from tests.unit.registry.version_copy import NAME as EVERYDAY
from tests.unit.registry.version_copy import edit_manifest
from warmlens.classify import classify
from warmlens.deployment import find_deployment
from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.paths import MODEL_ARTIFACTS, ROOT
from warmlens.registry.catalog import find_version
from warmlens.registry.publish import publish_model
from warmlens.registry.serving import Serving

VARIANTS: dict[str, dict[str, object]] = {
    "dev": {},
    "image": {"model_store": "image", "warming": "snapstart"},
    "efs": {"model_store": "efs", "access_logs": False},  # flow logs are unknown to the emulator
}
UPDATES: dict[str, dict[str, object]] = {
    "dev": {
        "monitoring": False,
        "warming": "ping",
        "warm_instances": 2,
        "warm_after_deploy": False,  # by a custom resource
        "other_models": [EVERYDAY],
    },
    "image": {"model_store": "s3"},
    "efs": {"model_store": "s3"},
}
LEFT_OVER = {"dev": {"observability"}, "image": set(), "efs": {"files"}}


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[LocalAws]:
    """An emulator with nothing in it, and the pool behind the variants' classifiers."""
    async with empty_emulator(tmp_path, list(VARIANTS)) as aws:
        yield aws


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
    if name == "dev":
        await asyncio.to_thread(switch_across_names, tmp_path)
    if name == "image":
        version = aws.lambda_.get_function_configuration(FunctionName=function, Qualifier=after)
        assert version["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}

    await asyncio.to_thread(empty_all, aws)
    await cdk(f"destroy {name}/* --force", aws, tmp_path)
    assert stacks(aws, name) == LEFT_OVER[name]
    await asyncio.to_thread(delete_stacks, aws, name)  # as `warmlens doctor` says
    await asyncio.to_thread(check_nothing_is_left, aws, name)


def switch_across_names(folder: Path) -> None:
    """Change to the one model that the settings name besides their own, and back."""
    settings = settings_of("dev")
    own = (settings.model_name, settings.model_version)
    _, _, version = find_version(MODEL_ARTIFACTS, EVERYDAY).partition("@")
    other, nobodys = (EVERYDAY, version), ("nobodys", version)
    shutil.copytree(MODEL_ARTIFACTS / EVERYDAY / version, folder / "nobodys" / version)
    edit_manifest(folder / "nobodys" / version, "name", "nobodys")
    environment = find_deployment("dev", local_state=folder / "none")
    url = f"{environment.s3.meta.endpoint_url}/restapis/{environment.outputs['ApiId']}/v1"

    def model(*arguments: str, refused: str | None = None) -> str:
        result = run_here("model", *arguments, "--env", "dev")
        assert result.returncode == (refused is not None), result.stderr
        assert result.stderr.startswith(refused or "")
        return result.stdout + result.stderr

    def check_served(expected: tuple[str, str]) -> None:
        """Warm two instances as the schedule does: the alias's, so users meet no cold start."""
        warmed = json.loads(run_here("warm", "--env", "dev", "--json").stdout)
        assert (warmed["requested"], warmed["coverage"]) == (2, 1.0)
        auth = environment.api_auth()
        answer = classify(SAMPLE, url=f"{url}/_user_request_", auth=auth, upload=True)
        assert (answer["model"], answer["version"]) == expected
        assert answer["cold_start"] is False

    model("publish", *other)
    model("publish", *nobodys, "--models", str(folder))
    check_served(own)
    model("serve", *other)
    check_served(other)
    said = model("serve", *nobodys, refused="model_unavailable: ")
    assert "Add nobodys to other_models in environments.py and deploy" in said
    # The role says the same, whatever the command asks.
    serving = Serving.of(
        {**environment.outputs, "ServableModels": "*"},
        environment.lambda_,
        environment.s3,
        environment.name,
    )
    with pytest.raises(WarmlensError, match=r"nobodys/.*may not be read: .* other_models") as error:
        serving.serve(*nobodys)
    assert error.value.code == "model_unavailable"
    check_served(other)
    model("serve", *own)
    check_served(own)
    model("rollback")  # to the newest older version with another model
    check_served(other)


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
        answer = await run("model_sync", event, variables, LocalAws(recorder.url, aws.keys))
    assert answer["outcome"] == "copied"
    assert_role_fits(boto3.client("iam"), deployed["Role"], recorder.needs)


def test_what_the_variants_leave_out_is_what_dev_has() -> None:
    dev = dataclasses.asdict(settings_of("dev"))
    left_out = {
        "empty_buckets": True,
        "web": True,
        "budget_usd": 75,
        "tracing": True,
        "alarm_recognized_percent": 70,
    }
    assert {key: dev[key] for key in POSSIBLE} == left_out
