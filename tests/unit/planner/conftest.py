"""The advice for one day, which takes seconds to find."""

import pytest

from tests.unit.planner.advice_lab import question
from warmlens.planner.advice import Advice, advise


@pytest.fixture(scope="package")
def advice() -> Advice:
    """The advice for `question()`."""
    return advise(question())
