"""Execution of the emulator's container-image functions by the instance pool."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from aiohttp import web
from botocore.exceptions import ClientError

from warmlens.errors import WarmlensError
from warmlens.local.aws import LocalAws
from warmlens.local.loopback import listen, serving, url_of
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.gate import own_callers_only
from warmlens.runtime.invocation import FunctionNotFoundError
from warmlens.runtime.lambda_proxy import Invoker, proxy_path, proxy_routes, refused
from warmlens.runtime.pool import InstancePool

_CREDENTIALS_S = 12 * 3600


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
        self._sts = aws.client("sts")

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
            credentials=await asyncio.to_thread(self._credentials_of, configuration["Role"], name),
        )

    def _credentials_of(self, role: str, session: str) -> dict[str, str]:
        """Return new temporary credentials of a role, valid for longer than an instance lives."""
        credentials = self._sts.assume_role(
            RoleArn=role, RoleSessionName=session[:64], DurationSeconds=_CREDENTIALS_S
        )["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }


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


class PoolAddress:
    """Address of a pool for the emulator, with a secret of its own.

    Attributes:
        listener: listening socket for the calls.
        secret: secret that the calls must name.
        url: address with the secret.
    """

    def __init__(self) -> None:
        self.listener = listen()
        self.secret = secrets.token_urlsafe(32)
        self.url = url_of(self.listener) + proxy_path(self.secret)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()


@asynccontextmanager
async def serving_pool(
    pool: InstancePool, address: PoolAddress, invoker: Invoker | None = None
) -> AsyncIterator[None]:
    """Run a pool that gets the calls that come to its address, until the block ends.

    Args:
        pool: the pool.
        address: where the emulator sends the calls; closed at the end.
        invoker: gets the calls and passes them to the pool; None to call the pool directly.
    """
    app = web.Application(middlewares=[own_callers_only(refused)])
    app.add_routes(proxy_routes(invoker or pool, address.secret))
    async with pool, serving(app, address.listener):
        yield
