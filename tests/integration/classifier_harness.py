"""Harness of a classifier: its models and photos in a bucket of the test, and fixtures."""

import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from tests.conftest import Cloud
from warmlens.local.aws import LocalAws
from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS, WEB
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.invocation import InvokeResult
from warmlens.runtime.isolation import Isolation, NoIsolation
from warmlens.runtime.pool import InstancePool

HANDLER = "classifier.handler.handler"
NAME, VERSION = "imagenet-efficientnet-lite0", "1.1.0"
FOLDER = MODEL_ARTIFACTS / NAME / VERSION
CLASSIFY = {"method": "classification", "file_path": "test/coffee.jpg"}


def through_api(event: dict[str, Any]) -> dict[str, Any]:
    """The event that API Gateway makes of a request."""
    return {"requestContext": {}, "path": f"/{event['method']}", "body": json.dumps(event)}


class Call:
    """Calls a classifier.

    Attributes:
        pool: where its instances are.
        lines: its log, and Lambda's.
    """

    def __init__(self, pool: InstancePool, lines: list[str]) -> None:
        self.pool = pool
        self.lines = lines

    async def __call__(self, event: dict[str, Any]) -> Any:
        """Give the answer; the call must not fail."""
        result = await self.outcome(event)
        assert result.error is None, "\n".join([str(result.error), *self.lines])
        return json.loads(result.payload)

    async def outcome(self, event: dict[str, Any]) -> InvokeResult:
        return await self.pool.invoke(
            function="classifier",
            version="1",
            payload=json.dumps(event).encode(),
            request_id=uuid.uuid4().hex,
        )

    def metrics(self, name: str) -> list[float]:
        """The values of a metric in the log, in the embedded metric format."""
        return [line[name] for line in self.logged() if "_aws" in line and name in line]

    def logged(self, message: str | None = None) -> list[dict[str, Any]]:
        """The classifier's own log lines, all or those with this message."""
        lines = (line[line.index("{") :] for line in self.lines if '{"level":' in line)
        return [each for each in map(json.loads, lines) if message in (None, each["message"])]


METRICS = {"METRICS_ENVIRONMENT": "test"}
"""Has a classifier write its metrics."""

CallWith = Callable[..., AbstractAsyncContextManager[Call]]


@asynccontextmanager
async def calling(
    spec_of: Callable[[str], FunctionSpec], aws: LocalAws, isolation: Isolation | None = None
) -> AsyncIterator[Call]:
    """Run a pool of a function until the block ends; yields an object that calls it.

    Args:
        spec_of: returns the specification of a version.
        aws: the AWS that the function calls.
        isolation: limits of its instances; none unless given.
    """

    async def resolve(_: str, version: str) -> FunctionSpec:
        return spec_of(version)

    lines: list[str] = []
    async with InstancePool(
        resolve=resolve,
        log=lines.append,
        extra_environment=aws.environment,
        isolation=isolation or NoIsolation(),
        init_limit_s=120,  # how fast this machine is decides nothing
    ) as pool:
        yield Call(pool, lines)


def classifier_environment(bucket: str) -> dict[str, str]:
    """Return the variables of a classifier whose model and photos are in this bucket."""
    return {
        "IMAGES_BUCKET": bucket,
        "IMAGE_PREFIXES": "uploads/,test/",
        "MODELS_BUCKET": bucket,
        "MODEL_NAME": NAME,
        "MODEL_VERSION": VERSION,
        "MAX_IMAGE_BYTES": "1000000",
        "MAX_IMAGE_PIXELS": "1000000",
        "MAX_DECODE_MS": "5000",
        "MAX_HOLD_MS": "1000",
    }


@pytest.fixture
def call_with(cloud: Cloud, s3: Any, bucket: str, runtime_python: str) -> CallWith:
    """Runs a classifier with other environment variables; gives what calls it."""
    sample = (WEB / "samples" / "coffee.jpg").read_bytes()
    s3.put_object(Bucket=bucket, Key="test/coffee.jpg", Body=sample)

    @asynccontextmanager
    async def run(
        variables: Mapping[str, str],
        python: str | None = None,
        *,
        before: str = "",
        memory_mb: int = 1769,
        isolation: Isolation | None = None,
        aws: LocalAws | None = None,
    ) -> AsyncIterator[Call]:
        """Run it until the block ends; `before` is shell run as the instance before its runtime."""
        command = (python or runtime_python, "-m", "awslambdaric", HANDLER)
        spec = FunctionSpec(
            name="classifier",
            version="1",
            memory_mb=memory_mb,
            timeout_s=25,
            environment={**classifier_environment(bucket), **variables},
            handler=HANDLER,
            command=("/bin/sh", "-c", f'{before}\nexec "$@"', "sh", *command)
            if before
            else command,
            task_root=LAMBDA_SRC,
        )
        aws = aws or cloud.aws(variables.get("AWS_ENDPOINT_URL"))
        async with calling(lambda _: spec, aws, isolation) as call:
            yield call

    return run


@pytest.fixture
async def call(call_with: CallWith) -> AsyncIterator[Call]:
    """Calls the classifier."""
    async with call_with({}) as call:
        yield call
