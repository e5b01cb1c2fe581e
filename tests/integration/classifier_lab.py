"""A classifier under test: its models and images in the test's own bucket, its fixtures."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest

from tests.conftest import Cloud
from warmlens.local.aws import LocalAws
from warmlens.local.instances.function import FunctionSpec
from warmlens.local.instances.pool import InstancePool
from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS, WEB

HANDLER = "classifier.handler.handler"
NAME, VERSION = "imagenet-efficientnet-lite0", "1.0.0"
FOLDER = MODEL_ARTIFACTS / NAME / VERSION
CLASSIFY = {"method": "classification", "file_path": "test/coffee.jpg"}

Call = Callable[[dict[str, Any]], Awaitable[Any]]


class CallWith(Protocol):
    """Runs a classifier; gives what calls it."""

    def __call__(
        self, variables: Mapping[str, str], python: str | None = None
    ) -> AbstractAsyncContextManager[Call]:
        """With these environment variables, and by another interpreter than ONNX Runtime's."""


@pytest.fixture
def call_with(cloud: Cloud, s3: Any, bucket: str, runtime_python: str) -> CallWith:
    """Runs a classifier with other environment variables; gives what calls it."""
    sample = (WEB / "samples" / "coffee.jpg").read_bytes()
    s3.put_object(Bucket=bucket, Key="test/coffee.jpg", Body=sample)
    environment = {
        "IMAGES_BUCKET": bucket,
        "IMAGE_PREFIXES": "uploads/,test/",
        "MODELS_BUCKET": bucket,
        "MODEL_NAME": NAME,
        "MODEL_VERSION": VERSION,
        "MAX_IMAGE_BYTES": "1000000",
        "MAX_IMAGE_PIXELS": "1000000",
        "MAX_HOLD_MS": "1000",
    }

    @asynccontextmanager
    async def run(variables: Mapping[str, str], python: str | None = None) -> AsyncIterator[Call]:
        spec = FunctionSpec(
            name="classifier",
            version="1",
            memory_mb=1769,
            timeout_s=25,
            environment={**environment, **variables},
            handler=HANDLER,
            command=(python or runtime_python, "-m", "awslambdaric", HANDLER),
            task_root=LAMBDA_SRC,
        )

        async def resolve(_: str, __: str) -> FunctionSpec:
            return spec

        aws = LocalAws(variables.get("AWS_ENDPOINT_URL", cloud.endpoint_url))
        async with InstancePool(
            resolve=resolve, log=lambda _: None, extra_environment=aws.environment
        ) as pool:

            async def call(event: dict[str, Any]) -> Any:
                result = await pool.invoke(
                    function="classifier",
                    version="1",
                    payload=json.dumps(event).encode(),
                    request_id=uuid.uuid4().hex,
                )
                assert result.error is None
                return json.loads(result.payload)

            yield call

    return run


@pytest.fixture
async def call(call_with: CallWith) -> AsyncIterator[Call]:
    """Calls the classifier."""
    async with call_with({}) as call:
        yield call
