"""Figures in the docs agree with the templates."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.pictures import architecture
from warmlens.paths import ROOT

SNAPSHOTS = Path(__file__).parent / "__snapshots__" / "test_snapshots"
COSTS = (ROOT / "docs" / "deploy.md").read_text()


def types(env_name: str) -> Counter[str]:
    (path,) = [each for each in SNAPSHOTS.iterdir() if each.name.endswith(f"[{env_name}].json")]
    return Counter(_types(json.loads(path.read_text())))


def _types(part: Any) -> Iterator[str]:
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    if isinstance(part, dict) and isinstance(part.get("Type"), str):
        yield part["Type"]
    for child in children:
        yield from _types(child)


@pytest.mark.parametrize(
    ("words", "kind"),
    [("alarms", "AWS::CloudWatch::Alarm"), ("dashboard", "AWS::CloudWatch::Dashboard")],
)
def test_the_cost_at_rest_counts_what_dev_has(words: str, kind: str) -> None:
    (count,) = re.findall(rf"^\| {words} \| (\d+);", COSTS, re.MULTILINE)
    assert types("dev")[kind] == int(count)


def test_dev_has_nothing_that_is_billed_by_the_hour() -> None:
    by_the_hour = (
        "AWS::EC2::NatGateway", "AWS::EC2::VPCEndpoint", "AWS::WAFv2::WebACL",
        "AWS::EFS::FileSystem", "AWS::KMS::Key", "AWS::Scheduler::Schedule",
        "AWS::Route53::HostedZone", "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::SecretsManager::Secret",
    )  # fmt: skip
    assert not set(by_the_hour) & set(types("dev"))
    assert "AWS::WAFv2::WebACL" in types("prod")


def test_every_part_of_the_architectures_picture_is_deployed() -> None:
    deployed = types("prod")
    kinds = {part.kind for part in architecture.PARTS} - {""}
    assert kinds <= set(deployed)
    assert (ROOT / "docs" / "pictures" / "architecture.svg").read_text() == architecture.draw()
