"""Execution of the emulator's container-image functions by the instance pool."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from botocore.exceptions import ClientError

from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.local.loopback import serving
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.invocation import FunctionNotFoundError
from warmlens.runtime.lambda_proxy import Invoker, proxy_routes
from warmlens.runtime.pool import InstancePool


class ImageFunctions:
    """Reads a function's deployed configuration, as Lambda does when it starts an instance.

    Args:
        aws: clients of the emulator that the functions are deployed in.
        python: interpreter that replaces that of the container image.
        source: folder of the image's source, with its Dockerfile.
    """

    def __init__(self, *, aws: LocalAws, python: Path, source: Path) -> None:
        self._aws = aws
        self._python = python
        self._source = source
        self._handler = handler_of(source / "Dockerfile")

    async def resolve(self, name: str, version: str) -> FunctionSpec:
        """Return the specification of a deployed version.

        Raises:
            FunctionNotFoundError: no function of this name and version is deployed.
        """
        try:
            configuration = await asyncio.to_thread(
                self._aws.lambda_.get_function_configuration, FunctionName=name, Qualifier=version
            )
        except ClientError as error:
            raise FunctionNotFoundError(f"{name}:{version} is not deployed") from error
        return FunctionSpec(
            name=name,
            version=version,
            memory_mb=configuration["MemorySize"],
            timeout_s=configuration["Timeout"],
            environment=configuration.get("Environment", {}).get("Variables", {}),
            handler=self._handler,
            command=instance_command(self._python, self._handler),
            task_root=self._source.parent,
        )


def instance_command(python: Path, handler: str) -> tuple[str, ...]:
    """Return the command that starts an instance: AWS's runtime client with the handler."""
    return (str(python), "-m", "awslambdaric", handler)


def handler_of(dockerfile: Path) -> str:
    """Return the handler that a Dockerfile's CMD names.

    Raises:
        WarmlensError: it has no CMD with one handler.
    """
    for line in reversed(dockerfile.read_text(encoding="utf-8").splitlines()):
        if line.startswith("CMD"):
            command = json.loads(line.removeprefix("CMD"))
            if len(command) == 1:
                return str(command[0])
    raise WarmlensError(
        "local_cloud", f'{dockerfile} has no line such as CMD ["package.module.handler"]'
    )


@asynccontextmanager
async def serving_pool(
    pool: InstancePool, listener: socket.socket, invoker: Invoker | None = None
) -> AsyncIterator[None]:
    """Run a pool that gets the calls posted to PROXY_PATH, until the block ends.

    Args:
        pool: the pool.
        listener: listening socket for the calls, closed at the end.
        invoker: gets the calls and passes them to the pool; None to call the pool directly.
    """
    app = web.Application()
    app.add_routes(proxy_routes(invoker or pool))
    async with pool, serving(app, listener):
        yield
