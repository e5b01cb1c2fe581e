"""Each change of the settings can be deployed over what is there."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from app import settings_of, stages
from stacks.settings import Settings
from tests.infrastructure.changes import (
    PLACE,
    Synthesized,
    changes,
    create_only,
    located,
    named,
    references,
    refusals,
    synthesize,
)
from tests.infrastructure.variants import Assembly

# Those that add and remove stacks and resources; tests/changes has all, of all environments.
SHAPE = {"model_store", "warming", "web", "monitoring", "access_logs", "auth", "retain_data"}


@pytest.mark.slow
def test_changes_of_the_shape_of_staging_can_be_deployed(tmp_path: Path) -> None:
    # A quota belongs to a key: without it, `auth` changes, too.
    staging = dataclasses.replace(settings_of("staging"), daily_quota=None, budget_usd=None)
    before = synthesize(tmp_path / "before", staging)
    tried: set[str] = set()
    for number, (values, changed) in enumerate(changes(staging)):
        if SHAPE & set(values):
            tried |= set(values)
            after = synthesize(tmp_path / str(number), changed)
            assert refusals(before, after) == [], values
            assert refusals(after, before) == [], f"{values}, and back"
    assert tried >= SHAPE


def test_each_setting_has_a_change_from_an_environment() -> None:
    changed = {name for settings in stages() for values, _ in changes(settings) for name in values}
    assert changed == {each.name for each in dataclasses.fields(Settings)} - PLACE


def test_no_stack_imports_what_another_exports(
    assemblies: dict[str, Assembly],
) -> None:
    for assembly in assemblies.values():
        for name, template in assembly.templates.items():
            assert list(references(template, "Fn::ImportValue")) == [], name
            assert not any("Export" in each for each in template.get("Outputs", {}).values()), name


def test_what_is_read_of_another_stack_replaces_nothing_but_permissions(
    assemblies: dict[str, Assembly],
) -> None:
    """CloudFormation plans a replacement where it does not know the value of such a property yet.

    aws-cdk issue 38829. A permission has no name and no state, so a second one may take its place.
    """
    for assembly in assemblies.values():
        for template in assembly.templates.values():
            for logical_id, resource in template["Resources"].items():
                fixed = create_only(resource["Type"])
                for path, _ in located(resource.get("Properties", {}), "Fn::GetStackOutput"):
                    if any(path[: len(each)] == each for each in fixed):
                        assert resource["Type"] == "AWS::Lambda::Permission", logical_id
                        assert named(resource) is None, logical_id


def stack(resources: dict[str, Any], **outputs: Any) -> dict[str, Any]:
    return {"Resources": resources, "Outputs": outputs}


def named_topic(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name, **more}}


IMPORTED = stack({}, Topic={"Value": "a", "Export": {"Name": "topic"}})
READ = {"Fn::GetStackOutput": {"StackName": "a", "OutputName": "Topic"}}
SUBSCRIBED = stack({"Sub": {"Type": "AWS::SNS::Subscription", "Properties": {"Endpoint": READ}}})
TOPIC = stack({"Topic": named_topic("one")}, Topic={"Value": {"Ref": "Topic"}})
NAMELESS = stack(
    {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"FifoTopic": True}}},
    Topic={"Value": {"Ref": "Topic"}},
)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            {
                "a": IMPORTED,
                "b": stack({"X": {"Type": "T", "Properties": {"Fn::ImportValue": "topic"}}}),
            },
            {"a": stack({})},
            "would lose the export",
        ),
        ({"a": TOPIC}, {"b": SUBSCRIBED, "a": TOPIC}, "is not there yet"),
        ({"a": TOPIC, "b": SUBSCRIBED}, {"a": stack({})}, "which b still uses"),
        (
            {"a": TOPIC},
            {"a": stack({"Topic": named_topic("one", FifoTopic=True)})},
            "is taken by itself",
        ),
        ({"a": TOPIC}, {"b": TOPIC}, "still has it"),
        (
            {"a": NAMELESS, "b": SUBSCRIBED},
            {
                "a": {**NAMELESS, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}},
                "b": SUBSCRIBED,
            },
            "would go on with",
        ),
    ],
)
def test_what_aws_would_refuse_is_seen(
    before: dict[str, Any], after: dict[str, Any], words: str
) -> None:
    (refusal,) = refusals(Synthesized(before, True), Synthesized(after, True))
    assert words in refusal
