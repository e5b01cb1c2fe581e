"""Copying of published model versions to an environment's file system (`model_store = "efs"`)."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from warmlens.errors import WarmlensError
from warmlens.invoke import invoke
from warmlens.registry.manifest import MANIFEST_NAME

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


def copy_to_file_system(
    lambda_client: "LambdaClient", function: str, name: str, version: str
) -> None:
    """Copy a published version, and return when the file system has all of it.

    The manifest's arrival in the bucket starts the same function; a version that is there already
    is left as it is.

    Args:
        lambda_client: client for the function's region.
        function: the function that copies, the output `ModelSyncFunction`.
        name: the model's name.
        version: the model's version.

    Raises:
        WarmlensError: `not_copied`: the function failed or cannot be called.
    """
    event = {"detail": {"object": {"key": f"{name}/{version}/{MANIFEST_NAME}"}}}
    try:
        response = invoke(lambda_client, function, json.dumps(event).encode())
        answer = json.loads(response["Payload"].read())
    except (BotoCoreError, ClientError) as error:
        raise WarmlensError("not_copied", f"{function} could not be called: {error}") from error
    if "FunctionError" in response:
        reason = answer.get("errorMessage", "no reason given")
        raise WarmlensError(
            "not_copied", f"{name} {version} is not on the file system: {function}: {reason}"
        )
