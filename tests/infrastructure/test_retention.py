"""Retained resources and termination protection of stacks."""

from app import stages
from tests.infrastructure.variants import VARIANTS, Assembly

SETTINGS = {each.env_name: each for each in (*stages(), *VARIANTS.values())}


def test_nothing_is_left_of_a_stack_whose_first_deploy_failed(
    assemblies: dict[str, Assembly],
) -> None:
    for assembly in assemblies.values():
        for template in assembly.templates.values():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] != "AWS::Lambda::Version":  # it goes with its function
                    where = f"{assembly.env_name}: {logical_id}"
                    assert resource.get("DeletionPolicy") != "Retain", where


def test_data_in_use_outlives_its_stack_and_a_change_that_replaces_it(
    assemblies: dict[str, Assembly],
) -> None:
    kinds = ("AWS::S3::Bucket", "AWS::EFS::FileSystem")
    for assembly in assemblies.values():
        kept = SETTINGS[assembly.env_name].retain_data
        wanted = ("RetainExceptOnCreate", "Retain") if kept else ("Delete", "Delete")
        found = {
            (each["DeletionPolicy"], each["UpdateReplacePolicy"])
            for kind in kinds
            for each in assembly.resources(kind)
        }
        assert found == {wanted}, assembly.env_name


def test_stacks_of_an_environment_that_keeps_its_data_cannot_be_deleted_by_mistake(
    assemblies: dict[str, Assembly],
) -> None:
    for assembly in assemblies.values():
        protected = {
            each["properties"].get("terminationProtection", False) for each in assembly.stacks
        }
        assert protected == {SETTINGS[assembly.env_name].retain_data}, assembly.env_name


def test_stacks_have_the_tags_by_which_those_of_pull_requests_are_swept(
    assemblies: dict[str, Assembly],
) -> None:
    """`.github/sweep` reads them; a tag of a stage alone reaches resources, not the stacks."""
    for assembly in assemblies.values():
        wanted = {"project": "warmlens", "environment": assembly.env_name}
        tags = [each["properties"].get("tags") for each in assembly.stacks]
        assert all(each == wanted for each in tags), assembly.env_name
