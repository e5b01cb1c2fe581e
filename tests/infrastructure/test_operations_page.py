"""docs/operations.md explains every alarm that can be raised, and no other."""

import re

from tests.infrastructure.variants import Assembly
from warmlens.paths import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
KIND = "AWS::CloudWatch::Alarm"
HASH = re.compile(r"[0-9A-F]{8}$")


def deployed_alarms(variants: dict[str, Assembly]) -> set[str]:
    return {
        HASH.sub("", logical_id)
        for assembly in variants.values()
        for template in assembly.templates.values()
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == KIND
    }


def rows() -> dict[str, list[str]]:
    section = PAGE.partition("## Alarms")[2].partition("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:2] == "| "]
    return {row[0]: row[1:] for row in cells[2:]}


def test_every_alarm_is_explained_with_what_to_do(variants: dict[str, Assembly]) -> None:
    assert set(rows()) == deployed_alarms(variants)
    for name, (meaning, action) in rows().items():
        assert meaning.endswith("."), name
        assert len(action) >= 10, name


def test_every_test_that_the_runbook_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    assert named
    assert {each for each in named if not list((ROOT / "tests").rglob(each))} == set()


def test_every_setting_that_is_named_exists() -> None:
    from dataclasses import fields

    from stacks.settings import Settings

    settings = {field.name for field in fields(Settings)}
    table = PAGE.partition("## Queries")[0]
    words = set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", table))
    codes = {
        "storage_unavailable",
        "timed_out",
        "model_unavailable",
        "internal_error",
        "limited_by",
        "hold_ms",
        "chosen_because",
    }
    assert words - codes <= settings
