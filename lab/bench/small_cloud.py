"""A small local cloud that starts in a second: emulator, warmer and instance pool."""

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.emulator_with_pool import emulator_with_pool, make_role
from warmlens.local.aws import REGION, LocalAws
from warmlens.local.image_functions import instance_command
from warmlens.local.venvs import local_venvs
from warmlens.paths import LAMBDA_SRC
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU
from warmlens.runtime.pool import InstancePool

FUNCTION = "answering"
WARMER = "warmer"
ENV_NAME = "bench"
HOLD_MS = 1000
CLAIM, STATE = "/lab/bench/claim", "/lab/bench/state"
FUNCTIONS = Path(__file__).parent / "functions"
_ACTIONS = (
    "lambda:InvokeFunction",
    "lambda:GetFunctionConcurrency",
    "lambda:GetAccountSettings",
    "ssm:GetParameter",
    "ssm:PutParameter",
    "cloudwatch:GetMetricData",
)


@dataclass(frozen=True, kw_only=True)
class WarmerAnswer:
    """The result of a warmer run.

    Attributes:
        report: its result, or None if it failed.
        error: the reason for a failure, or None.
        log: the lines that it printed.
    """

    report: dict[str, Any] | None
    error: str | None
    log: tuple[dict[str, Any], ...]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The log lines in CloudWatch's embedded metric format."""
        return [line for line in self.log if "_aws" in line]


class SmallCloud:
    """A running emulator with the warmer, and an instance pool with a function without a model.

    Attributes:
        aws: clients of the emulator.
        pool: where the function's instances are.
        spec: the function; put another one here, and instances started from then on are of it.
        lines: the log of the pool.
    """

    def __init__(
        self,
        aws: LocalAws,
        pool: InstancePool,
        lines: list[str],
        threads: ThreadPoolExecutor,
        python: Path,
    ) -> None:
        self.aws = aws
        self.pool = pool
        self.lines = lines
        self.spec = answering_function(python)
        self._threads = threads
        self._calls: Any = aws.client(
            "lambda", max_pool_connections=64, read_timeout=120, retries={"total_max_attempts": 1}
        )

    async def call(self, event: Mapping[str, Any], function: str = FUNCTION) -> dict[str, Any]:
        """Call a function through its alias, as a user's request does.

        Raises:
            ClientError: it was refused, as with 429.
        """
        answer: dict[str, Any]
        answer, _ = await self._invoke(f"{function}:live", event)
        return answer

    async def send(self, event: Mapping[str, Any]) -> None:
        """Call the function through its alias without waiting for its answer."""
        await self._run(
            self._calls.invoke,
            FunctionName=FUNCTION,
            Qualifier="live",
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )

    async def warm(self, **event: Any) -> WarmerAnswer:
        """Run the warmer with an event, as the schedule does."""
        answer, log = await self._invoke(WARMER, event)
        lines = tuple(json.loads(line) for line in log.splitlines() if line.startswith("{"))
        if "errorMessage" in answer:
            return WarmerAnswer(report=None, error=answer["errorMessage"], log=lines)
        return WarmerAnswer(report=answer, error=None, log=lines)

    async def configure(self, **variables: str) -> None:
        """Add environment variables to the warmer."""
        client = self.aws.lambda_
        configuration = await self._run(client.get_function_configuration, FunctionName=WARMER)
        present = configuration["Environment"]["Variables"]
        await self._run(
            client.update_function_configuration,
            FunctionName=WARMER,
            Environment={"Variables": {**present, **variables}},
        )

    async def _invoke(self, name: str, event: Mapping[str, Any]) -> tuple[Any, str]:
        function, _, alias = name.partition(":")
        response = await self._run(
            self._calls.invoke,
            FunctionName=function,
            Payload=json.dumps(event).encode(),
            LogType="Tail",
            **({"Qualifier": alias} if alias else {}),
        )
        log = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")
        return json.loads(response["Payload"].read()), log

    async def _run(self, call: Any, **arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: call(**arguments))


def answering_function(python: Path) -> FunctionSpec:
    """Return the specification of the function without a model."""
    handler = "answering.handler"
    return FunctionSpec(
        name=FUNCTION,
        version="1",
        memory_mb=MEMORY_MB_PER_VCPU,
        timeout_s=60,
        environment={},
        handler=handler,
        command=instance_command(python, handler),
        task_root=FUNCTIONS,
    )


@asynccontextmanager
async def small_cloud(
    folder: Path, *, concurrency: int = 64, **pool_settings: Any
) -> AsyncIterator[SmallCloud]:
    """Run a small cloud until the block ends.

    Args:
        folder: folder for its logs and temporary files.
        concurrency: the account's concurrency, and the largest number of instances.
        pool_settings: further settings of the pool, such as its clock.

    Raises:
        WarmlensError: the emulator does not start, or its environment cannot be installed.
    """
    _, instances_venv = local_venvs()
    cloud: SmallCloud

    async def resolve(name: str, version: str) -> FunctionSpec:
        return cloud.spec

    lines: list[str] = []
    with ThreadPoolExecutor(64) as threads:
        async with emulator_with_pool(
            folder,
            [FUNCTION],
            resolve=resolve,
            account_concurrency=concurrency,
            log=lines.append,
            max_instances=concurrency,
            **pool_settings,
        ) as (aws, pool):
            cloud = SmallCloud(aws, pool, lines, threads, instances_venv.python)
            await asyncio.to_thread(_deploy, aws)
            yield cloud


def _deploy(aws: LocalAws) -> None:
    role = make_role(aws, "bench", *_ACTIONS)
    aws.lambda_.create_function(
        FunctionName=FUNCTION,
        PackageType="Image",
        Code={"ImageUri": f"000000000000.dkr.ecr.{REGION}.amazonaws.com/answering:1"},
        Role=role,
        Timeout=60,
        Publish=True,
    )
    alias = aws.lambda_.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    for parameter in (CLAIM, STATE):
        aws.ssm.put_parameter(Name=parameter, Value="none", Type="String")
    aws.lambda_.create_function(
        FunctionName=WARMER,
        Runtime="python3.13",
        Role=role,
        Handler="warmer.handler.handler",
        Timeout=120,
        Code={"ZipFile": _zipped(LAMBDA_SRC / "warmer")},
        Environment={
            "Variables": {
                "ENV_NAME": ENV_NAME,
                "FUNCTION_ARN": alias["AliasArn"],
                "WARM_BY_HOUR": ",".join(["5"] * 24),
                "WARM_AUTO": "false",
                "PERIOD_MIN": "5",
                "HOLD_MS": str(HOLD_MS),
                "MAX_HOLD_MS": "10000",
                "BUDGET_S": "60",
                "USER_RESERVE": "1",
                "CLAIM_PARAMETER": CLAIM,
                "STATE_PARAMETER": STATE,
            }
        },
    )


def _zipped(folder: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.glob("*.py")):
            file.write(path, f"{folder.name}/{path.name}")
    return archive.getvalue()
