"""Invocation of Lambda functions, which may have to be prepared first."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from warmlens.console import err

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_lambda.type_defs import InvocationResponseTypeDef

# Errors of calls that did not reach the function, as it is inactive or being prepared; Lambda API
# reference, "Invoke", and Lambda developer guide, "Lambda function states".
_NOT_READY = (
    "CodeArtifactUserPendingException",
    "ENINotReadyException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
)


def invoke(
    client: "LambdaClient", function: str, payload: bytes, *, version: str | None = None
) -> "InvocationResponseTypeDef":
    """Call a function and wait for its answer.

    Lambda lets a function that was not called for weeks become inactive. It rejects the first call
    and prepares the function. That is reported, and after it the call is made once more.

    Args:
        client: client for the function's region.
        function: its name.
        payload: the event, as JSON.
        version: its published version; None for the newest code.

    Raises:
        ClientError: Lambda rejected the call.
        BotoCoreError: Lambda did not answer, or did not prepare the function within five minutes.
    """
    place: dict[str, Any] = {"FunctionName": function}
    if version is not None:
        place["Qualifier"] = version
    try:
        return client.invoke(**place, Payload=payload)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_READY:
            raise
    err.print(f"{function} was inactive and is being prepared; then the call is repeated.")
    # Despite its name, this waiter also serves for the newest code.
    waiter = client.get_waiter("published_version_active")
    waiter.wait(**place, WaiterConfig={"Delay": 5, "MaxAttempts": 60})  # five minutes
    return client.invoke(**place, Payload=payload)
