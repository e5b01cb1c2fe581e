"""Harness of warming: a small cloud, and gates at which calls wait until the test opens them."""

import asyncio
import dataclasses
import datetime
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.bench.small_cloud import FUNCTION, SmallCloud, WarmerAnswer, small_cloud
from tests.integration.aws_proxy import refusing
from tests.integration.pool_harness import FUNCTIONS, eventually
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.instance import State

StartCloud = Callable[..., Awaitable[SmallCloud]]

FIVE = 5


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartCloud]:
    """Starts an emulator with the warmer, and a pool with a cheap function."""
    async with AsyncExitStack() as stack:

        async def start_cloud(**settings: Any) -> SmallCloud:
            # How fast this machine starts an instance decides nothing.
            cloud = small_cloud(tmp_path, init_limit_s=120, **settings)
            return await stack.enter_async_context(cloud)

        yield start_cloud


def busy(cloud: SmallCloud) -> list[str]:
    return [each.id for each in cloud.pool.instances() if each.state is State.BUSY]


async def report_of(cloud: SmallCloud, **event: Any) -> dict[str, Any]:
    return report_in(await cloud.warm(**event))


def report_in(answer: WarmerAnswer) -> dict[str, Any]:
    assert answer.report is not None, answer.error
    return answer.report


async def user_calls(cloud: SmallCloud, count: int) -> list[dict[str, Any]]:
    return await asyncio.gather(*(cloud.call({"method": "wakeup"}) for _ in range(count)))


def with_handler(spec: FunctionSpec, handler: str, **environment: str) -> FunctionSpec:
    """The function with another handler, one of the tests' own."""
    command = (*spec.command[:-1], handler)
    return dataclasses.replace(
        spec, command=command, handler=handler, task_root=FUNCTIONS, environment=environment
    )


async def chosen_by_users(cloud: SmallCloud, count: int) -> None:
    """Let the warmer choose its number, by users who were on so many instances yesterday."""
    client = cloud.aws.client("cloudwatch")
    names = {"FunctionName": FUNCTION, "Resource": f"{FUNCTION}:live"}
    datum: Any = {
        "MetricName": "ConcurrentExecutions",
        "Timestamp": datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1),
        "Value": count,
        "Dimensions": [{"Name": name, "Value": value} for name, value in names.items()],
    }
    await asyncio.to_thread(client.put_metric_data, Namespace="AWS/Lambda", MetricData=[datum])
    await cloud.configure(WARM_AUTO="true", WARM_BY_HOUR=",".join(["10"] * 24))


class Gate:
    """Calls that wait, each on an instance that it keeps busy."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    async def reached_by(self, count: int, run: asyncio.Task[WarmerAnswer] | None = None) -> None:
        """Wait until as many calls are held, before which `run` must not end."""

        def held() -> int:
            return len(list(self.folder.iterdir()))

        await eventually(lambda: held() == count or (run is not None and run.done()))
        assert held() == count, run and run.result()

    def open(self) -> None:
        """Let all waiting calls answer."""
        for place in self.folder.iterdir():
            place.unlink()


class Wakeups(Gate):
    """Those of a cloud's rounds, from now on: they overlap, since none is answered before."""

    def __init__(self, cloud: SmallCloud, folder: Path) -> None:
        super().__init__(folder / "wakeups")
        self._cloud = cloud
        cloud.spec = with_handler(cloud.spec, "waiting.handler", WAKEUPS=str(self.folder))

    async def warm(self, instances: int, *, scheduled: bool = False) -> WarmerAnswer:
        """Run the warmer, or as the schedule does, and let its round go once all are held."""
        event = {} if scheduled else {"instances": instances}
        run = asyncio.create_task(self._cloud.warm(**event))
        await self.reached_by(instances, run)
        self.open()
        return await run


@asynccontextmanager
async def throttled_calls(cloud: SmallCloud) -> AsyncIterator[list[str]]:
    """The paths of the warmer's calls that were answered with 429, as they come."""
    paths: list[str] = []

    def note(path: str, status: int) -> bool:
        if status == 429:
            paths.append(path)
        return False

    async with refusing(cloud.aws.endpoint_url, lambda call, status: note(call.path, status)) as to:
        await cloud.configure(AWS_ENDPOINT_URL=to)
        yield paths
