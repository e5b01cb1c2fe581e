"""Real parts for the integration tests: S3, and an interpreter with the runtime client."""

import asyncio
import uuid
from typing import Any

import pytest

from tests.conftest import Cloud
from warmlens.local.venvs import local_venvs


@pytest.fixture
def shell(cloud: Cloud) -> dict[str, str]:
    """A shell whose AWS is the emulator."""
    return dict(cloud.aws().environment)


@pytest.fixture(scope="session")
def s3(cloud: Cloud) -> Any:
    """A client for the local cloud's S3."""
    return cloud.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of a bucket that is empty and the test's own."""
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def runtime_python() -> str:
    """The interpreter of the instances' environment: the classifier's packages and awslambdaric."""
    _, classifier = local_venvs()
    asyncio.run(classifier.install())
    return str(classifier.python)


@pytest.fixture(scope="session")
def emulator_python() -> str:
    """The interpreter of the emulator's environment."""
    emulator, _ = local_venvs()
    asyncio.run(emulator.install())
    return str(emulator.python)
