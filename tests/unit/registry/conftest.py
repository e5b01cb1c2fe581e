from pathlib import Path

import pytest

from tests.unit.registry.version_copy import copy_version


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """The folder of a copy of the shipped model version."""
    return copy_version(tmp_path)
