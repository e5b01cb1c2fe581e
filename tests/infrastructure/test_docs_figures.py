"""Figures in the docs agree with the templates."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.answers import costs
from lab.costs_at_rest import WARM_ALARMS
from lab.kept_records import kept_records
from lab.pictures import architecture
from stacks.settings import Settings
from tests.infrastructure.variants import Assembly
from warmlens.paths import ROOT
from warmlens.planner.at_rest import at_rest
from warmlens.planner.photo import Way
from warmlens.prices import read_prices
from warmlens.registry.pruning import KEPT

SNAPSHOTS = Path(__file__).parent / "__snapshots__" / "test_snapshots"
COSTS = (ROOT / "docs" / "deploy.md").read_text()


def types(env_name: str) -> Counter[str]:
    (path,) = [each for each in SNAPSHOTS.iterdir() if each.name.endswith(f"[{env_name}].json")]
    return Counter(_types(json.loads(path.read_text())))


def web_acl_rules(env_name: str) -> list[Any]:
    (path,) = [each for each in SNAPSHOTS.iterdir() if each.name.endswith(f"[{env_name}].json")]
    (acl,) = _of_type(json.loads(path.read_text()), "AWS::WAFv2::WebACL")
    rules: list[Any] = acl["Properties"]["Rules"]
    return rules


def _of_type(part: Any, kind: str) -> Iterator[dict[str, Any]]:
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    if isinstance(part, dict) and part.get("Type") == kind:
        yield part
    for child in children:
        yield from _of_type(child, kind)


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


def test_what_an_idle_month_costs_has_only_what_is_written_and_kept_without_calls() -> None:
    prices, idle = read_prices(), costs()
    kept_usd = 0.3 * prices["ecr_per_gb_month"] + 0.1 * prices["s3_per_gb_month"]
    watched_usd = 8 * prices["alarm_per_month"] + prices["dashboard_per_month"]
    assert idle["dev_paid"] == f"${kept_usd + watched_usd:.2f}"
    # staging has a warmer, and dev none.
    (path,) = [each for each in SNAPSHOTS.iterdir() if each.name.endswith("[staging].json")]
    alarms = re.findall(
        r'"(Warm\w+|DeadLetters\w+)": \{\s+"Properties": \{\s+"Alarm', path.read_text()
    )
    assert len(alarms) == WARM_ALARMS, alarms


def test_the_price_of_a_snapshot_is_that_of_the_price_file() -> None:
    prices, gigabytes = read_prices(), Settings(env_name="any").memory_mb / 1024
    kept_usd = 30 * 86_400 * gigabytes * prices["snapstart_cache_per_gb_s"]
    starts_usd = 1_000 * gigabytes * prices["snapstart_restore_per_gb"]
    for page in ("choices", "deploy", "warming"):
        text = (ROOT / "docs" / f"{page}.md").read_text()
        assert f"{kept_usd:.2f}" in text
        assert f"{starts_usd:.2f}" in text
    assert f"newest ten: ${KEPT * kept_usd:.0f} a month" in " ".join(text.split())
    decision = (ROOT / "docs" / "decisions" / "0090-snapstart.md").read_text()
    assert f"${kept_usd:.2f} a month" in decision


def test_the_price_of_a_ping_is_that_of_its_simulation() -> None:
    (kept_usd,) = (
        each.value
        for each in kept_records("chosen")
        if (each.name, each.metric) == ("5 by hand", "warming_usd_per_month")
        and each.conditions["within_s"] == 0.1
    )
    for page in ("choices", "deploy"):
        assert f"| {kept_usd:.2f} " in (ROOT / "docs" / f"{page}.md").read_text()


@pytest.mark.parametrize("env_name", ["staging", "prod"])
def test_the_bill_at_rest_has_what_the_templates_have(env_name: str) -> None:
    has, found = at_rest(Way(), warmer=True), types(env_name)
    assert has.alarms == found["AWS::CloudWatch::Alarm"]
    assert has.dashboards == found["AWS::CloudWatch::Dashboard"]
    assert found["AWS::WAFv2::WebACL"] == 1
    assert has.web_acl_rules == len(web_acl_rules(env_name))


def test_all_that_a_stack_leaves_behind_is_listed(variants: dict[str, Assembly]) -> None:
    kept = {
        resource["Type"]: logical_id
        for assembly in variants.values()
        for template in assembly.templates.values()
        for logical_id, resource in template["Resources"].items()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    }
    listed = {
        "AWS::S3::Bucket": "the buckets for images, models, the page and access logs",
        "AWS::EFS::FileSystem": "the file system (`efs`)",
        "AWS::IAM::Role": "API Gateway's log role",
        "AWS::ApiGateway::Account": "API Gateway's setting for logs",
    }
    # Lambda deletes a function's versions with it.
    assert set(kept) - {"AWS::Lambda::Version"} == set(listed)
    assert "ApiCloudWatchRole" in kept["AWS::IAM::Role"]
    assert all(f"| {words}" in COSTS for words in listed.values())


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
