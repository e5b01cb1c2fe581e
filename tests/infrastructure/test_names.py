"""Names that an account shares with other applications begin with this app's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.infrastructure.variants import Assembly

# Their names need to be unique only within the function or API that they belong to.
WITHIN_ANOTHER = {"AWS::ApiGateway::Model", "AWS::ApiGateway::Stage", "AWS::Lambda::Alias"}


def stack_names(assembly: Assembly) -> list[str]:
    artifacts = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"]
    return [
        artifact["properties"]["stackName"]
        for artifact in artifacts.values()
        if artifact["type"] == "aws:cloudformation:stack"
    ]


def physical_names(assembly: Assembly) -> Iterator[tuple[str, str]]:
    """The names given in the templates by which AWS knows a resource, each with its type."""
    for template in assembly.templates.values():
        for resource in template["Resources"].values():
            kind, properties = resource["Type"], resource.get("Properties", {})
            if kind not in WITHIN_ANOTHER and not kind.startswith("Custom::"):
                for name in names_of(kind, properties):
                    yield kind, name


def names_of(kind: str, properties: dict[str, Any]) -> Iterator[str]:
    """The properties that name a resource: text that AWS's schema lets nobody change later."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    for path in (*schema.get("createOnlyProperties", ()), *schema.get("primaryIdentifier", ())):
        value = properties.get(path.removeprefix("/properties/"))
        if path.endswith("Name") and isinstance(value, str):
            yield value


def test_every_stack_begins_with_the_apps_name_and_the_environments(assembly: Assembly) -> None:
    names = stack_names(assembly)
    assert len(names) >= 3
    assert all(name.startswith(f"warmlens-{assembly.env_name}-") for name in names)


def test_every_name_in_the_account_has_the_apps_and_the_environments_in_it(
    cloud_assembly: Path, variants: dict[str, Assembly]
) -> None:
    folders = sorted(cloud_assembly.glob("assembly-*"))
    stages = [Assembly(path.name.removeprefix("assembly-"), path) for path in folders]
    for assembly in (*stages, *variants.values()):
        env_name, named = assembly.env_name, set(physical_names(assembly))
        starts = (
            f"warmlens-{env_name}-",
            f"/warmlens/{env_name}/",
            f"aws-waf-logs-warmlens-{env_name}-",
        )
        assert {"AWS::Lambda::Function", "AWS::SSM::Parameter"} <= {kind for kind, _ in named}
        assert [each for each in named if not each[1].startswith(starts)] == []
