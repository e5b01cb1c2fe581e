"""What a stack tells people and programs about itself."""

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from stacks.settings import Settings


def output(stack: cdk.Stack, name: str, value: str, *, settings: Settings) -> None:
    """Give a value as an output of the stack and as the parameter `/warmlens/<env_name>/<name>`.

    People read the output when they deploy; the command line reads all parameters of an
    environment in one call.
    """
    cdk.CfnOutput(stack, name, value=value)
    ssm.StringParameter(
        stack,
        f"{name}Parameter",
        parameter_name=f"/warmlens/{settings.env_name}/{name}",
        string_value=value,
    )
