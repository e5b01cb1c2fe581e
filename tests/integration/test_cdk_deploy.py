"""The real CDK CLI deploys the app into the emulator, as it would into AWS."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from warmlens.local.aws import LocalAws
from warmlens.local.cloud import environments, fill_buckets
from warmlens.local.emulator import Emulator
from warmlens.local.image_functions import ImageFunctions
from warmlens.local.lambda_proxy import PROXY_PATH, proxy_routes
from warmlens.local.pool import InstancePool
from warmlens.local.ports import HOST, free_port
from warmlens.local.server import serving
from warmlens.paths import LAMBDA_SRC, ROOT

FUNCTION = "warmlens-local-classifier"


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[LocalAws]:
    """An emulator with nothing in it, and the pool behind its container-image function."""
    emulator_env, classifier_env = environments()
    await emulator_env.install()
    await classifier_env.install()
    pool_port, emulator_port = free_port(), free_port()
    emulator = Emulator(
        python=emulator_env.python,
        port=emulator_port,
        log_path=tmp_path / "emulator.log",
        folder=tmp_path / "emulator",
        function_urls={FUNCTION: f"http://{HOST}:{pool_port}{PROXY_PATH}"},
    )
    aws = LocalAws(emulator.endpoint_url)
    functions = ImageFunctions(
        aws=aws, python=classifier_env.python, source=LAMBDA_SRC / "classifier"
    )
    app = web.Application()
    async with InstancePool(
        resolve=functions.resolve, log=lambda _: None, extra_environment=aws.environment
    ) as pool:
        app.add_routes(proxy_routes(pool))
        async with serving(app, pool_port):
            await emulator.start()
            yield aws
            await emulator.stop()


async def cdk(aws: LocalAws, folder: Path, *arguments: str) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CDK_HOME": str(folder),
        "CI": "true",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        **aws.environment,
    }
    command = ["npx", "--no-install", "cdk", *arguments]
    command += ["--context", "env=local", "--output", str(folder / "cdk.out")]
    result = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


async def test_bootstrap_deploy_classify_and_destroy(aws: LocalAws, tmp_path: Path) -> None:
    await cdk(aws, tmp_path, "bootstrap", "aws://000000000000/us-east-1")
    await cdk(aws, tmp_path, "deploy", "local/*", "--require-approval", "never")
    stacks = aws.cloudformation.describe_stacks()["Stacks"]
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for stack in stacks
        for output in stack.get("Outputs", [])
    }
    assert {"local-storage", "local-inference", "local-api", "local-warming"} <= {
        stack["StackName"] for stack in stacks
    }
    await asyncio.to_thread(fill_buckets, outputs, aws)

    url = f"{aws.endpoint_url}/restapis/{outputs['ApiId']}/v1/_user_request_/classification"
    async with httpx.AsyncClient(timeout=60) as client:
        body = {"method": "classification", "file_path": "test/20200118.jpg"}
        answer = await client.post(url, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["TOP1_label"] == "espresso"

    for bucket in (outputs["ImagesBucket"], outputs["ModelsBucket"]):
        await asyncio.to_thread(_empty, aws, bucket)
    await cdk(aws, tmp_path, "destroy", "local/*", "--force")
    left = {stack["StackName"] for stack in aws.cloudformation.describe_stacks()["Stacks"]}
    assert not {name for name in left if name.startswith("local-")}


def _empty(aws: LocalAws, bucket: str) -> None:
    for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            aws.s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
