"""Every change of one setting, from every environment, can be deployed over what is there."""

from pathlib import Path

import pytest

from app import stages
from stacks.settings import Settings
from tests.infrastructure.changes import changes, refusals, synthesize


@pytest.mark.timeout(1800)  # some fifty syntheses
@pytest.mark.parametrize("settings", stages(), ids=lambda settings: settings.env_name)
def test_every_change_can_be_deployed_and_taken_back(settings: Settings, tmp_path: Path) -> None:
    before = synthesize(tmp_path / "before", settings)
    tried = 0
    for number, (values, changed) in enumerate(changes(settings)):
        after = synthesize(tmp_path / str(number), changed)
        assert refusals(before, after) == [], values
        assert refusals(after, before) == [], f"{values}, and back"
        tried += 1
    assert tried > 40
