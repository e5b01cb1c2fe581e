"""The local cloud of the benchmark: the uploads function runs in the instance pool, too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from lab.bench.speed.versions import MODEL
from warmlens.local.aws import LocalAws
from warmlens.local.cloud import Steps, local_cloud
from warmlens.local.image_functions import (
    ImageFunctions,
    PoolAddress,
    instance_command,
    serving_pool,
)
from warmlens.local.venvs import Venv, local_venvs
from warmlens.paths import LAMBDA_SRC, ROOT, STATE
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.instance import State
from warmlens.runtime.pool import InstancePool
from warmlens.runtime.private_tmp import find_private_tmp

Signer = Literal["boto3", "ours"]

_BOTO3 = (ROOT / "lab" / "bench" / "functions", "uploads_boto3.handler")
_REQUIREMENTS = (
    ROOT / "warmlens" / "local" / "requirements-runtime.txt",
    Path(__file__).parent / "requirements.txt",
)


class VisitedCloud:
    """A running local cloud whose instances are all in one pool.

    Attributes:
        url: address of the page and of the API.
        storage_url: address of S3.
        platform_s: Lambda's own part of the starts from now on, in seconds.
        signer: the uploads function of the instances started from now on.
        log: the instances' log.
    """

    def __init__(self, url: str, storage_url: str) -> None:
        self.url = url
        self.storage_url = storage_url
        self.platform_s = 0.0
        self.signer: Signer = "ours"
        self.log: list[str] = []
        self.pool: InstancePool

    async def end_instances(self) -> None:
        """End all instances, as idle expiry does."""
        await self.pool.end_all("idle for too long")

    async def settle(self) -> None:
        """Wait until no instance starts or serves a call."""
        # The pool has no event for it.
        while any(each.state is not State.IDLE for each in self.pool.instances()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def visited_cloud(folder: Path) -> AsyncIterator[VisitedCloud]:
    """Run the local cloud, deployed as by `make run`, until the block ends.

    MiniStack's own executor has no platform time and no share of a processor; so the uploads
    function gets both from the pool.

    Args:
        folder: folder for its state and logs.

    Raises:
        WarmlensError: it cannot start.
    """
    uploads_venv = Venv(STATE / "environments", "first-visitor", *_REQUIREMENTS)
    await uploads_venv.install()
    _, classifier_venv = local_venvs()
    quiet = Steps(lambda name: None, lambda name, took_s: None)
    with PoolAddress() as address:
        async with local_cloud(
            folder=folder, steps=quiet, model=MODEL, image_functions_url=address.url
        ) as info:
            aws = LocalAws(info.endpoint_url, info.keys)
            cloud = VisitedCloud(info.url, info.endpoint_url)
            uploads = await asyncio.to_thread(_uploads_in_pool, aws, address.url)
            images = ImageFunctions(
                aws=aws, python=classifier_venv.python, source=LAMBDA_SRC / "classifier"
            )

            async def resolve(name: str, version: str) -> FunctionSpec:
                if name != uploads:
                    return await images.resolve(name, version)
                return await asyncio.to_thread(
                    _uploads_spec, aws, name, version, uploads_venv.python, cloud.signer
                )

            cloud.pool = InstancePool(
                resolve=resolve,
                log=cloud.log.append,
                platform_s=lambda: cloud.platform_s,
                isolation=await asyncio.to_thread(best_isolation),
                private_tmp=await asyncio.to_thread(find_private_tmp),
                extra_environment=aws.environment,
            )
            async with serving_pool(cloud.pool, address):
                yield cloud


def _uploads_in_pool(aws: LocalAws, pool_url: str) -> str:
    """Have the emulator hand the uploads function's calls to the pool; return its name."""
    for function in aws.lambda_.list_functions()["Functions"]:
        variables = function.get("Environment", {}).get("Variables", {})
        if "UPLOAD_EXPIRES_S" in variables:
            name = str(function["FunctionName"])
            aws.lambda_.update_function_configuration(
                FunctionName=name,
                Environment={"Variables": {**variables, "MINISTACK_LAMBDA_PROXY_URL": pool_url}},
            )
            return name
    raise AssertionError("no uploads function is deployed")


def _uploads_spec(
    aws: LocalAws, name: str, version: str, python: Path, signer: Signer
) -> FunctionSpec:
    configuration = aws.lambda_.get_function_configuration(FunctionName=name, Qualifier=version)
    folder, handler = _BOTO3 if signer == "boto3" else (LAMBDA_SRC, configuration["Handler"])
    return FunctionSpec(
        name=name,
        version=version,
        memory_mb=configuration["MemorySize"],
        timeout_s=configuration["Timeout"],
        environment=configuration["Environment"]["Variables"],
        handler=handler,
        command=instance_command(python, handler),
        task_root=folder,
    )
