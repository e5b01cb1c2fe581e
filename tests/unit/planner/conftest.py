"""The advice for one day, computed once for all tests, and a file of few measured cases."""

import json
from pathlib import Path

import pytest

from tests.unit.planner.plan_requests import FEW_MB, FEW_STORE, plan_request
from warmlens.planner.advice import Advice, advise
from warmlens.planner.service_times import SERVICE_TIMES


@pytest.fixture(scope="package")
def advice() -> Advice:
    """The advice for `plan_request()`."""
    return advise(plan_request())


@pytest.fixture(scope="package")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measured times of two cases, for `--speed`: each further one makes a plan take longer."""
    file = tmp_path_factory.mktemp("speed") / "few.jsonl"
    lines = SERVICE_TIMES.read_text().splitlines(keepends=True)
    conditions = [json.loads(line)["conditions"] for line in lines]
    file.write_text(
        "".join(
            line
            for line, each in zip(lines, conditions, strict=True)
            if each["memory_mb"] in FEW_MB and each.get("model_store", FEW_STORE) == FEW_STORE
        )
    )
    return file
