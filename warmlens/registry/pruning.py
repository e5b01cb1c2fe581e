"""Deletion of old versions of the classifier, which deploys and `warmlens model serve` leave."""

from typing import TYPE_CHECKING

from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens.registry.serving import function_errors, is_served_by_command

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

KEPT = 10


def prune_versions(lambda_client: "LambdaClient", function: str) -> None:
    """Delete all versions of a function except the newest ten.

    A version also stays if an alias sends calls to it, if it has provisioned concurrency, or if it
    is the newest one that a deploy made: CloudFormation returns to it when a deploy fails.

    Args:
        lambda_client: client for the function's region.
        function: name of the classifier.

    Raises:
        WarmlensError: `function_refused`.
    """
    with function_errors(function):
        pages = lambda_client.get_paginator("list_versions_by_function").paginate(
            FunctionName=function
        )
        versions = [each for page in pages for each in page["Versions"]]
        numbered = [each for each in versions if each["Version"] != "$LATEST"]
        numbered.sort(key=lambda each: int(each["Version"]), reverse=True)
        deployed = [each["Version"] for each in numbered if not is_served_by_command(each)]
        needed = {*_called(lambda_client, function), *deployed[:1]}
        for version in (each["Version"] for each in numbered[KEPT:]):
            if version not in needed and not _is_provisioned(lambda_client, function, version):
                lambda_client.delete_function(FunctionName=function, Qualifier=version)


def prune_or_report(lambda_client: "LambdaClient", function: str) -> None:
    """Delete old versions after a model was served; report a refusal on standard error.

    Args:
        lambda_client: client for the function's region.
        function: name of the classifier.
    """
    try:
        prune_versions(lambda_client, function)
    except WarmlensError as error:  # what was asked for is done
        err.print(f"Old versions of the function were not deleted: {error.message}")


def _called(lambda_client: "LambdaClient", function: str) -> set[str]:
    """Return the versions that aliases send calls to."""
    called = set()
    for page in lambda_client.get_paginator("list_aliases").paginate(FunctionName=function):
        for alias in page["Aliases"]:
            called.add(alias["FunctionVersion"])
            called.update(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))
    return called


def _is_provisioned(lambda_client: "LambdaClient", function: str, version: str) -> bool:
    try:
        lambda_client.get_provisioned_concurrency_config(FunctionName=function, Qualifier=version)
    except lambda_client.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        return False
    return True
