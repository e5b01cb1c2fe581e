"""Access to the models' file system, and the routes of its network."""

import json
from typing import Any

import pytest

from tests.infrastructure.variants import Assembly

Variants = dict[str, Assembly]
EFS = ["efs", "efsbare"]


@pytest.mark.parametrize("name", EFS)
def test_without_a_role_of_the_account_nobody_mounts_the_file_system(
    variants: Variants, name: str
) -> None:
    """A policy of its own takes the place of EFS's, which lets anyone in."""
    policy = variants[name].only("AWS::EFS::FileSystem")["FileSystemPolicy"]
    assert policy["Statement"]
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert set(statement["Principal"]) == {"AWS"}
        assert ":root" in json.dumps(statement["Principal"]["AWS"])


@pytest.mark.parametrize("name", EFS)
def test_the_file_systems_policy_lets_nobody_write(variants: Variants, name: str) -> None:
    """A role may do what either its own policy or this one allows, and the classifier mounts."""
    policy = variants[name].only("AWS::EFS::FileSystem")["FileSystemPolicy"]
    actions = {action for each in policy["Statement"] for action in listed(each["Action"])}
    assert actions == {"elasticfilesystem:ClientMount"}


@pytest.mark.parametrize("name", EFS)
def test_the_network_leads_to_the_objects_of_two_buckets_and_no_others(
    variants: Variants, name: str
) -> None:
    (statement,) = variants[name].only("AWS::EC2::VPCEndpoint")["PolicyDocument"]["Statement"]
    images, models = sorted(listed(statement["Resource"]), key=json.dumps)
    for resource, bucket in ((images, "Images"), (models, "Models")):
        whole, *rest = resource["Fn::Join"][1]
        assert f"FnGetAtt{bucket}" in whole["Fn::GetStackOutput"]["OutputName"]
        assert rest == ["/*"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
