"""An AWS emulator whose container-image functions run in an instance pool."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from warmlens.local.aws import LocalAws
from warmlens.local.emulator import running_emulator
from warmlens.local.image_functions import ImageFunctions, PoolAddress, serving_pool
from warmlens.local.venvs import local_venvs
from warmlens.paths import LAMBDA_SRC
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.pool import InstancePool


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
        account_concurrency: as for `running_emulator`.
        pool_settings: further arguments of `InstancePool`.

    Raises:
        WarmlensError: a virtual environment cannot be installed, or the emulator does not start.
    """
    emulator_venv, classifier_venv = local_venvs()
    for venv in (emulator_venv, classifier_venv):
        await venv.install()
    with PoolAddress() as address:
        async with running_emulator(
            folder,
            python=emulator_venv.python,
            function_urls=dict.fromkeys(functions, address.url),
            account_concurrency=account_concurrency,
        ) as aws:
            if resolve is None:
                source = LAMBDA_SRC / "classifier"
                deployed = ImageFunctions(aws=aws, python=classifier_venv.python, source=source)
                resolve = deployed.resolve
            # The credentials of a function's role, if it has one here, win over these.
            pool = InstancePool(resolve=resolve, extra_environment=aws.environment, **pool_settings)
            async with serving_pool(pool, address):
                yield aws, pool


def make_role(aws: LocalAws, name: str, *actions: str) -> str:
    """Make a role for functions in an emulator; return its ARN.

    Args:
        aws: clients of the emulator.
        name: name of the role.
        actions: what it allows, on all resources.
    """
    iam = aws.client("iam")
    trust = {"Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]
    if actions:
        allowed = {"Action": actions, "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_policy(allowed))
    return str(role["Arn"])


def _policy(statement: Mapping[str, Any]) -> str:
    statements = [{"Effect": "Allow", **statement}]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
