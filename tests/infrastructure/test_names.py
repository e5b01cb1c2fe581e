"""Names that an account shares with other applications begin with this app's."""

from collections.abc import Iterator
from typing import Any

from tests.infrastructure.changes import WITHIN_ANOTHER, named, text
from tests.infrastructure.variants import Assembly

# AWS has one such name for all regions of an account, or of the world.
DASHBOARD = "AWS::CloudWatch::Dashboard"
GLOBAL = (
    "AWS::CloudFront::",
    DASHBOARD,
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::S3::Bucket",
)


def physical_names(assembly: Assembly) -> Iterator[tuple[str, str]]:
    """The names given in the templates by which AWS knows a resource, each with its type."""
    for template in assembly.templates.values():
        for resource in template["Resources"].values():
            name = named(resource)
            if name and resource["Type"] not in WITHIN_ANOTHER:
                yield resource["Type"], name


def test_every_stack_begins_with_the_apps_name_and_the_environments(assembly: Assembly) -> None:
    names = [each["properties"]["stackName"] for each in assembly.stacks]
    assert len(names) >= 3
    assert all(name.startswith(f"warmlens-{assembly.env_name}-") for name in names)


def test_every_name_in_the_account_has_the_apps_and_the_environments_in_it(
    assemblies: dict[str, Assembly],
) -> None:
    for assembly in assemblies.values():
        env_name, names = assembly.env_name, set(physical_names(assembly))
        starts = (
            f"warmlens-{env_name}-",
            f"/warmlens/{env_name}/",
            f"aws-waf-logs-warmlens-{env_name}-",
            f"/aws/vendedlogs/states/warmlens-{env_name}-",  # as AWS advises
        )
        kinds = {"AWS::Lambda::Function", "AWS::SSM::Parameter"}
        kinds |= {DASHBOARD} & assembly.kinds
        assert kinds <= {kind for kind, _ in names}
        assert [each for each in names if not each[1].startswith(starts)] == []


def test_an_environment_can_be_deployed_into_a_second_region_of_its_account(
    assemblies: dict[str, Assembly],
) -> None:
    kinds = set()
    for assembly in assemblies.values():
        for template in assembly.templates.values():
            for logical_id, resource in template["Resources"].items():
                for name in names_in_all_regions(resource):
                    kinds.add(resource["Type"])
                    assert name.startswith(f"warmlens-{assembly.env_name}-"), logical_id
                    assert name.endswith(("-AWS::Region", "-eu-west-1")), logical_id
    cloudfront = {"Function", "OriginAccessControl", "ResponseHeadersPolicy"}
    assert kinds == {DASHBOARD, *(f"AWS::CloudFront::{kind}" for kind in cloudfront)}


def names_in_all_regions(resource: dict[str, Any]) -> Iterator[str]:
    """Yield the names that a resource of a global kind is given."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    if not kind.startswith(GLOBAL):
        return
    last = kind.split("::")[-1]
    for holder in (properties, properties.get(f"{last}Config", {})):
        for key in ("Name", f"{last}Name", "ManagedPolicyName"):
            if key in holder:
                yield text(holder[key]) or ""
