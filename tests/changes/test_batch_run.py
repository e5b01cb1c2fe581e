"""A batch of Step Functions in the emulator: the real template, commands, function and model.

The emulator passes each object to a child of its own, as it knows no ItemBatcher, and returns the
results, as it knows no ResultWriter; tests/infrastructure/test_batch_stack.py checks these two.
"""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.emulator_with_pool import emulator_with_pool
from stacks.settings import Settings
from tests.conftest import SAMPLE, SAMPLE_LABEL, run_warmlens
from tests.infrastructure.variants import BARE, synthesize
from warmlens.local.assembly import Stack, read_stacks
from warmlens.local.aws import LocalAws
from warmlens.local.deploy import deploy
from warmlens.paths import MODEL_ARTIFACTS
from warmlens.registry.publish import publish_model

NAME = "batched"
KEY = '"photo.$":"$$.Map.Item.Value.Key"'


@dataclass
class Deployed:
    aws: LocalAws
    outputs: dict[str, str]

    async def command(self, *arguments: str) -> Any:
        return await asyncio.to_thread(
            run_warmlens, "batch", *arguments, "--env", NAME, **self.aws.environment
        )


@pytest.fixture
async def deployed(tmp_path: Path) -> AsyncIterator[Deployed]:
    settings: Settings = dataclasses.replace(BARE, env_name=NAME, batch=True)
    await asyncio.to_thread(synthesize, tmp_path / "assembly", settings)
    stacks = read_stacks(tmp_path / "assembly" / f"assembly-{NAME}")
    for stack in stacks:
        give_each_child_a_list(stack)
    async with emulator_with_pool(
        tmp_path, [f"warmlens-{NAME}-classifier"], log=lambda _: None, init_limit_s=120
    ) as (aws, _):
        outputs = await asyncio.to_thread(deploy, stacks, aws)
        model = MODEL_ARTIFACTS / settings.model_name / settings.model_version
        await asyncio.to_thread(publish_model, model, outputs["ModelsBucket"], aws.s3)
        yield Deployed(aws, outputs)


def give_each_child_a_list(stack: Stack) -> None:
    """Pass each object as a list of one, as an ItemBatcher of AWS would."""
    for resource in stack.template["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            join = resource["Properties"]["DefinitionString"]["Fn::Join"]
            before = json.dumps(join)
            selector = json.dumps(f'"ItemSelector":{{{KEY}}}')[1:-1]
            listed = json.dumps(f'"ItemSelector":{{"Items":[{{{KEY}}}]}}')[1:-1]
            assert selector in before
            resource["Properties"]["DefinitionString"]["Fn::Join"] = json.loads(
                before.replace(selector, listed)
            )


async def test_a_batch_is_priced_run_and_reported(deployed: Deployed) -> None:
    s3, images = deployed.aws.s3, deployed.outputs["ImagesBucket"]
    for number in range(5):
        s3.put_object(Bucket=images, Key=f"uploads/p{number}.jpg", Body=SAMPLE.read_bytes())
    s3.put_object(Bucket=images, Key="uploads/text.jpg", Body=b"no photo")
    s3.put_object(Bucket=images, Key="uploads/odd name.jpg", Body=SAMPLE.read_bytes())
    s3.put_object(Bucket=images, Key="test/other.jpg", Body=SAMPLE.read_bytes())

    unasked = await deployed.command("start", "uploads/")
    assert unasked.returncode == 1
    assert "7 photos" in unasked.stdout
    assert "cost: about $" in unasked.stdout
    assert "odd name.jpg" in unasked.stderr
    assert "not_confirmed" in unasked.stderr

    started = await deployed.command("start", f"s3://{images}/uploads/", "--yes", "--json")
    assert started.returncode == 0, started.stderr
    run = json.loads(started.stdout)
    assert run["status"] == "SUCCEEDED"
    assert (run["total"], run["done"], run["failed"]) == (7, 7, 0)
    assert run["estimate"]["usd"]["step_functions"] > 0
    assert run["results"].startswith(f"s3://{deployed.outputs['BatchResultsBucket']}/results/")

    machine = deployed.outputs["BatchMachine"].replace(":stateMachine:", ":execution:")
    client = step_functions(deployed.aws)
    execution = client.describe_execution(executionArn=f"{machine}:{run['name']}")
    lines = {line["photo"]: line for child in json.loads(execution["output"]) for line in child}
    assert len(lines) == 7
    for photo, line in lines.items():
        assert line["source"] == f"s3://{images}/"
        if photo == "uploads/text.jpg":
            assert line["error"]["code"] == "unsupported_type"
        elif photo == "uploads/odd name.jpg":
            assert line["error"]["code"] == "invalid_file_path"
        else:
            assert line["answer"]["TOP1_label"] == SAMPLE_LABEL
            assert "recognized" in line["answer"]

    again = await deployed.command("status", run["name"], "--json")
    assert json.loads(again.stdout)["done"] == 7
    stopped = await deployed.command("stop", "another")
    assert stopped.returncode == 1
    assert "no_such_run" in stopped.stderr


async def test_a_batch_elsewhere_or_of_nothing_is_not_started(deployed: Deployed) -> None:
    for place, code in (
        ("photos/", "other_bucket"),
        ("s3://another/uploads/", "other_bucket"),
        ("uploads/", "no_photos"),
    ):
        result = await deployed.command("start", place, "--yes")
        assert result.returncode == 1
        assert code in result.stderr
        assert "Traceback" not in result.stderr
    client = step_functions(deployed.aws)
    machine = deployed.outputs["BatchMachine"]
    assert client.list_executions(stateMachineArn=machine)["executions"] == []


def step_functions(aws: LocalAws) -> Any:
    return aws.client("stepfunctions")
