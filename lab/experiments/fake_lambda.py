"""A fake Lambda behind the app's API, with instances that wait instead of computing.

Two cores cannot run a model a thousand times at once, while each Lambda instance has its own
processor. So the API forwards the classifier's calls to a server that manages instances as Lambda
does (one call at a time, the one used last first, a new one when none is idle) and answers after
a measured time. Run as a program: `python -m
lab.experiments.fake_lambda SETTINGS`, until its standard input ends.
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from warmlens.local.aws import LocalAws
from warmlens.local.cloud import CloudInfo, Steps, local_cloud
from warmlens.local.loopback import serving

RESET_PATH, PEAK_PATH, INVOKE_PATH, DIRECT_PATH = "/reset", "/peak", "/invoke", "/direct"
HOLD_PATH, RELEASE_PATH = "/hold", "/release"
_BACKLOG = 4096  # with a shorter queue, clients would retry after a second


@dataclass(frozen=True, kw_only=True)
class FakeLambdaTimes:
    """Durations of answers.

    Attributes:
        service_ms: measured times of warm calls; each call draws one.
        cold_start_ms: measured times from a start to the first answer, likewise.
    """

    service_ms: Sequence[float]
    cold_start_ms: Sequence[float]


class FakeLambda:
    """Simulates Lambda's instances: each call waits for a measured time.

    Args:
        times: durations of answers.
        seed: draws the times.
    """

    def __init__(self, times: FakeLambdaTimes, seed: int = 0) -> None:
        self._times = times
        self._rng = random.Random(seed)
        self._idle: list[int] = []
        self._count = 0
        self._busy = 0
        self._peak = 0
        self._hold_until_busy = 0
        self._released = asyncio.Event()
        self._released.set()

    def reset(self, warm: int, times: FakeLambdaTimes) -> None:
        """Start over with a number of warm instances."""
        self._times = times
        self._idle = list(range(warm))
        self._count = warm
        self._peak = self._busy = 0

    @property
    def peak(self) -> int:
        """The peak of concurrent calls since the last query."""
        peak, self._peak = self._peak, self._busy
        return peak

    def hold(self, until_busy: int) -> None:
        """Hold the calls from now on, so that they overlap on a slow machine, too.

        Args:
            until_busy: number of calls at once that releases them, unless `release` comes first.
        """
        self._hold_until_busy = until_busy
        self._released.clear()

    def release(self) -> None:
        """Let the calls go on."""
        self._released.set()

    async def call(self) -> dict[str, Any]:
        """Serve a call."""
        cold = not self._idle
        instance = self._idle.pop() if self._idle else self._count
        self._count += cold
        self._busy += 1
        self._peak = max(self._peak, self._busy)
        if self._busy >= self._hold_until_busy:
            self.release()
        measured = self._times.cold_start_ms if cold else self._times.service_ms
        taken_ms = self._rng.choice(measured)
        try:
            await self._released.wait()
            await asyncio.sleep(taken_ms / 1000)
        finally:
            self._busy -= 1
            self._idle.append(instance)
        return {
            "method": "classification",
            "time": taken_ms / 1000,
            "instance_id": f"stand-in-{instance}",
            "cold_start": cold,
        }


def fake_lambda_app(fake_lambda: FakeLambda) -> web.Application:
    """Return the HTTP server, with routes for the emulator and for experiments."""

    async def invoke(request: web.Request) -> web.Response:
        await request.read()
        answer = json.dumps(await fake_lambda.call())
        headers = {"Content-Type": "application/json"}
        return web.json_response({"statusCode": 200, "headers": headers, "body": answer})

    async def direct(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(await fake_lambda.call())

    async def reset(request: web.Request) -> web.Response:
        wanted = await request.json()
        times = FakeLambdaTimes(
            service_ms=wanted["service_ms"], cold_start_ms=wanted["cold_start_ms"]
        )
        fake_lambda.reset(wanted["warm"], times)
        return web.json_response({})

    async def hold(request: web.Request) -> web.Response:
        fake_lambda.hold((await request.json())["until_busy"])
        return web.json_response({})

    async def release(_: web.Request) -> web.Response:
        fake_lambda.release()
        return web.json_response({})

    async def peak(_: web.Request) -> web.Response:
        return web.json_response({"peak": fake_lambda.peak})

    app = web.Application(client_max_size=16 * 2**20)
    app.router.add_post(INVOKE_PATH, invoke)
    app.router.add_post(DIRECT_PATH, direct)
    app.router.add_post(RESET_PATH, reset)
    app.router.add_post(HOLD_PATH, hold)
    app.router.add_post(RELEASE_PATH, release)
    app.router.add_get(PEAK_PATH, peak)
    return app


async def _serve(folder: Path, concurrency: int) -> None:
    app = fake_lambda_app(FakeLambda(FakeLambdaTimes(service_ms=[0.0], cold_start_ms=[0.0])))
    steps = Steps(lambda _: None, lambda _name, _s: None)
    async with (
        serving(app, backlog=_BACKLOG) as url,
        local_cloud(
            folder=folder,
            steps=steps,
            concurrency=concurrency,
            image_functions_url=url + INVOKE_PATH,
        ) as info,
    ):
        print(json.dumps(_about(info, url)), flush=True)  # noqa: T201 - read by the parent process
        await asyncio.to_thread(sys.stdin.read)


def _about(info: CloudInfo, url: str) -> dict[str, str]:
    return {
        "api_url": info.api_url,
        "endpoint_url": info.endpoint_url,
        **asdict(info.keys),
        "direct_url": url,
        "function": info.outputs["ClassifierFunction"],
        "api_id": info.outputs["ApiId"],
    }


def set_throttle(aws: LocalAws, api_id: str, *, rate_rps: int, burst: int) -> None:
    """Set the throttle of the API's stage."""
    aws.apigateway.update_stage(
        restApiId=api_id,
        stageName=aws.apigateway.get_stages(restApiId=api_id)["item"][0]["stageName"],
        patchOperations=[
            {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": str(rate_rps)},
            {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": str(burst)},
        ],
    )


if __name__ == "__main__":
    _settings = json.loads(sys.argv[1])
    asyncio.run(_serve(Path(_settings["folder"]), _settings["concurrency"]))
