"""Files of traffic with the content of a test, and what reading them gives."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from warmlens.errors import WarmlensError
from warmlens.planner.traffic import Profile
from warmlens.planner.traffic_files import read_traffic

Write = Callable[[str | bytes], Path]
Counts = list[float]
HOURS = range(24)
DAY = datetime(2026, 3, 28)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> Path:
        file = tmp_path / "traffic.txt"  # the kind follows from the content
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def a_day(file: Path) -> float:
    profile = read_traffic(file)
    assert isinstance(profile, Profile)
    return profile.expected(86_400)


def refusal(file: Path) -> str:
    with pytest.raises(WarmlensError) as error:
        read_traffic(file)
    return f"{error.value.code}: {error.value}"
