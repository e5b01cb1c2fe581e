"""Stack outputs that are also stored as SSM parameters."""

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from stacks.settings import Settings


def output(stack: cdk.Stack, name: str, value: str, *, settings: Settings) -> None:
    """Add a stack output, and the SSM parameter `/warmlens/<env_name>/<name>` with its value.

    The command line reads all parameters of an environment in one call.

    Args:
        stack: the stack.
        name: name of the output.
        value: its value.
        settings: settings of the environment.
    """
    cdk.CfnOutput(stack, name, value=value)
    ssm.StringParameter(
        stack,
        f"{name}Parameter",
        parameter_name=f"/warmlens/{settings.env_name}/{name}",
        string_value=value,
    )
