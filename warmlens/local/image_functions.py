"""Container-image functions of the emulator, run by the instance pool."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from botocore.exceptions import ClientError

from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.local.emulator import running_emulator
from warmlens.local.loopback import listen, serving, url_of
from warmlens.local.venvs import local_venvs
from warmlens.paths import LAMBDA_SRC
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.invocation import FunctionNotFoundError
from warmlens.runtime.lambda_proxy import PROXY_PATH, Invoker, proxy_routes
from warmlens.runtime.pool import InstancePool


class ImageFunctions:
    """Reads a function's deployed configuration, as Lambda does when it starts an instance.

    Args:
        aws: where the functions are deployed.
        python: interpreter that stands in for the container image's.
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
            FunctionNotFoundError: nothing was deployed under this name and version.
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
    """Return the command that an instance runs: AWS's own runtime client."""
    return (str(python), "-m", "awslambdaric", handler)


def handler_of(dockerfile: Path) -> str:
    """Return the handler that a Dockerfile's CMD names.

    Raises:
        WarmlensError: it has no CMD with one handler.
    """
    for line in reversed(dockerfile.read_text().splitlines()):
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
        invoker: gets the calls instead, to pass them on to the pool.
    """
    app = web.Application()
    app.add_routes(proxy_routes(invoker or pool))
    async with pool, serving(app, listener):
        yield


@asynccontextmanager
async def emulator_with_pool(
    folder: Path,
    functions: Sequence[str],
    *,
    resolve: Callable[[str, str], Awaitable[FunctionSpec]] | None = None,
    account_concurrency: int | None = None,
    **pool_settings: Any,
) -> AsyncIterator[tuple[LocalAws, InstancePool]]:
    """Run an emulator with nothing in it, and the pool behind its container-image functions.

    Args:
        folder: folder for the emulator's log and temporary files.
        functions: names that the container-image functions will be deployed under.
        resolve: specification of a function; that of the classifier, as it is deployed, unless
            given.
        account_concurrency: as for `Emulator`.
        pool_settings: further arguments of `InstancePool`.

    Raises:
        WarmlensError: a virtual environment cannot be installed, or the emulator does not start.
    """
    emulator_venv, classifier_venv = local_venvs()
    for venv in (emulator_venv, classifier_venv):
        await venv.install()
    with listen() as listener:
        url = url_of(listener) + PROXY_PATH
        async with running_emulator(
            folder,
            python=emulator_venv.python,
            function_urls=dict.fromkeys(functions, url),
            account_concurrency=account_concurrency,
        ) as aws:
            if resolve is None:
                source = LAMBDA_SRC / "classifier"
                deployed = ImageFunctions(aws=aws, python=classifier_venv.python, source=source)
                resolve = deployed.resolve
            pool = InstancePool(resolve=resolve, extra_environment=aws.environment, **pool_settings)
            async with serving_pool(pool, listener):
                yield aws, pool
