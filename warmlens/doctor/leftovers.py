"""Check for stacks in the account that the app no longer has, such as a warmer switched off.

`cdk deploy` passes over a stack that the settings took out of the app, and `cdk destroy` does not
know it: it goes on running, and costing, until a person deletes it.
"""

import asyncio
import re
from collections.abc import Iterable
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from warmlens.doctor.check import Check, one_line
from warmlens.errors import WarmlensError
from warmlens.local.assembly import read_stacks, synthesize
from warmlens.paths import IN_CHECKOUT, STATE

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient

_NAME = re.compile(r"warmlens-([a-z][a-z0-9]{0,15})-\w+")  # stacks/stage.py


def leftover_stacks(cloudformation: "CloudFormationClient") -> Check:
    """Check that the app has each stack of its name in the account and region.

    Args:
        cloudformation: client for the account.
    """
    check = partial(Check, name="Leftover stacks", goal="deploy")
    try:
        protected = _deployed(cloudformation)
        if not protected:
            return check(state="ok", found="no stack of the app is deployed here")
        if not IN_CHECKOUT:
            found = f"{len(protected)} stacks are deployed; environments.py is not here"
            return check(state="unknown", found=found, mend="Check it in a checkout of the app")
        leftover = asyncio.run(_leftover(protected))
    except (BotoCoreError, ClientError, WarmlensError) as error:
        mend = "Check it with the credentials that you deploy with, in a checkout with `make synth`"
        return check(state="unknown", found=one_line(error), mend=mend)
    if not leftover:
        return check(state="ok", found=f"none, of {len(protected)} stacks")
    commands = [command for name in leftover for command in _removal(name, protected[name])]
    return check(
        state="warning",
        found=f"{', '.join(leftover)}: no longer in the app, but still running and billed",
        mend=f"To remove them: {'; '.join(commands)}. What stays: "
        "docs/operations.md, Leftover stacks",
    )


def _deployed(cloudformation: "CloudFormationClient") -> dict[str, bool]:
    """Return the deployed stacks with the app's name, and whether each is protected."""
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    return {
        stack["StackName"]: stack.get("EnableTerminationProtection", False)
        for page in pages
        for stack in page["Stacks"]
        if _NAME.fullmatch(stack["StackName"]) and stack["StackStatus"] != "DELETE_COMPLETE"
    }


async def _leftover(names: Iterable[str]) -> list[str]:
    leftover: list[str] = []
    for env_name, group in groupby(sorted(names), lambda name: name.split("-")[1]):
        known = await _of_the_app(env_name)
        leftover += [name for name in group if name not in known]
    return leftover


async def _of_the_app(env_name: str) -> set[str]:
    """Return the names of an environment's stacks; none if the app has no such environment."""
    try:
        assembly = await synthesize(env_name, STATE / "assemblies")
    except WarmlensError as error:
        if f"env = {env_name!r}; allowed are" in str(error):  # app.py, settings_of
            return set()
        raise
    return {stack.name for stack in read_stacks(assembly)}


def _removal(name: str, protected: bool) -> list[str]:
    unprotect = (
        "aws cloudformation update-termination-protection --no-enable-termination-protection"
    )
    delete = "aws cloudformation delete-stack"
    steps = [unprotect, delete] if protected else [delete]
    return [f"{step} --stack-name {name}" for step in steps]
