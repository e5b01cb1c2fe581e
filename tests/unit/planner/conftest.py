"""The advice for one day, computed once for all tests."""

import pytest

from tests.unit.planner.plan_requests import plan_request
from warmlens.planner.advice import Advice, advise


@pytest.fixture(scope="package")
def advice() -> Advice:
    """The advice for `plan_request()`."""
    return advise(plan_request())
