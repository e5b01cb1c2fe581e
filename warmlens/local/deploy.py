"""Deployment of an assembly through CloudFormation, without the CDK CLI."""

import contextlib
import io
import json
import time
import zipfile
from pathlib import Path

from botocore.exceptions import ClientError

from warmlens.errors import WarmlensError
from warmlens.local.assembly import Asset, Stack
from warmlens.local.aws import LocalAws

STACK_TIMEOUT_S = 300
_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "30"


def deploy(stacks: list[Stack], aws: LocalAws) -> dict[str, str]:
    """Deploy stacks in their order.

    Args:
        stacks: the stacks; each comes after those it needs.
        aws: clients of the emulator.

    Returns:
        The outputs of all stacks by name.

    Raises:
        WarmlensError: CloudFormation failed; the message includes its reason.
    """
    _bootstrap(aws)
    outputs: dict[str, str] = {}
    for stack in stacks:
        for asset in stack.assets:
            _publish(asset, aws)
        outputs |= _create(stack, aws)
    return outputs


def _bootstrap(aws: LocalAws) -> None:
    aws.ssm.put_parameter(
        Name=_BOOTSTRAP_PARAMETER, Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
    )


def _publish(asset: Asset, aws: LocalAws) -> None:
    with contextlib.suppress(aws.s3.exceptions.BucketAlreadyOwnedByYou):
        aws.s3.create_bucket(Bucket=asset.bucket)
    body = _zip(asset.source) if asset.is_folder else asset.source.read_bytes()
    aws.s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=body)


def _zip(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def _create(stack: Stack, aws: LocalAws) -> dict[str, str]:
    try:
        aws.cloudformation.create_stack(
            StackName=stack.name,
            TemplateBody=json.dumps(stack.template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
    except ClientError as error:
        raise WarmlensError(
            "local_cloud", f"CloudFormation refused {stack.name}: {error}"
        ) from error
    deadline_s = time.monotonic() + STACK_TIMEOUT_S
    while time.monotonic() < deadline_s:
        state = aws.cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
        if state["StackStatus"] == "CREATE_COMPLETE":
            return {
                output["OutputKey"]: output["OutputValue"] for output in state.get("Outputs", [])
            }
        if state["StackStatus"] != "CREATE_IN_PROGRESS":
            raise WarmlensError(
                "local_cloud",
                f"{stack.name} ended as {state['StackStatus']}: {_reason(stack, aws)}",
            )
        time.sleep(0.05)
    raise WarmlensError("local_cloud", f"{stack.name} was not deployed within {STACK_TIMEOUT_S} s")


def _reason(stack: Stack, aws: LocalAws) -> str:
    events = aws.cloudformation.describe_stack_events(StackName=stack.name)["StackEvents"]
    reasons = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event.get("ResourceStatusReason")
    ]
    return "; ".join(reversed(reasons)) or "no reason given"
