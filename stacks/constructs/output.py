"""Outputs of stacks, also stored as SSM parameters."""

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from stacks.settings import Settings


def output(stack: cdk.Stack, name: str, value: str, *, settings: Settings) -> None:
    """Add an output to a stack and the same value as the parameter `/warmlens/<env_name>/<name>`.

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
