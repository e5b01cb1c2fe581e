"""Checks of the AWS account: credentials, CDK bootstrap, Lambda concurrency, leftover stacks."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from warmlens.deployment import aws_session
from warmlens.doctor.check import Check, one_line, unreadable
from warmlens.doctor.environment import environment_checks
from warmlens.doctor.leftovers import leftover_stacks
from warmlens.errors import WarmlensError

LOWEST_BOOTSTRAP = 6  # required by the CDK's default synthesizer
NEW_ACCOUNT_CONCURRENCY = 10
_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_CONFIG = Config(connect_timeout=4, read_timeout=10, retries={"total_max_attempts": 2})
_LOGIN = "Log in: aws sso login, or aws configure, or export AWS_PROFILE=..."


def account_checks(env_name: str | None = None) -> Iterator[Check]:
    """Check the account of the shell's credentials, without changing anything.

    Args:
        env_name: an environment to compare with the account; None for none.

    Raises:
        WarmlensError: `no_checkout`: environments.py is not at hand.
    """
    check = partial(Check, name="AWS credentials", goal="deploy", state="problem", mend=_LOGIN)
    try:
        session = aws_session()
        identity = _identity(session)
    except WarmlensError as error:
        mend = "Name one: export AWS_REGION=eu-west-1" if error.code == "no_region" else _LOGIN
        yield check(found=str(error), mend=mend)
        return
    except (BotoCoreError, ClientError) as error:
        yield check(found=one_line(error))
        return
    if identity is None:
        yield check(found="none in this shell")
        return
    yield check(state="ok", found=identity, mend="")
    client = partial(session.client, config=_CONFIG)
    yield _bootstrap(client("ssm"))
    yield _concurrency(client("lambda"))
    yield leftover_stacks(client("cloudformation"))
    if env_name is not None:
        yield from environment_checks(env_name, client, region=session.region_name)


def _identity(session: boto3.Session) -> str | None:
    if session.get_credentials() is None:
        return None
    caller = session.client("sts", config=_CONFIG).get_caller_identity()
    return f"account {caller['Account']}, {session.region_name}, as {caller['Arn']}"


def _bootstrap(ssm: Any) -> Check:
    check = partial(Check, name="CDK bootstrap", goal="deploy")
    mend = "Once for an account and region: npx cdk bootstrap"
    try:
        answer = ssm.get_parameter(Name=_PARAMETER)
        version = int(answer["Parameter"]["Value"])
    except (BotoCoreError, ClientError, ValueError) as error:
        if (
            isinstance(error, ClientError)
            and error.response["Error"]["Code"] == "ParameterNotFound"
        ):
            return check(state="problem", found="not done", mend=mend)
        return unreadable(check, error)
    if version < LOWEST_BOOTSTRAP:
        found = f"version {version}, at least {LOWEST_BOOTSTRAP} is needed"
        return check(state="problem", found=found, mend=mend)
    return check(state="ok", found=f"version {version}")


def _concurrency(lambda_: Any) -> Check:
    check = partial(Check, name="Lambda concurrency", goal="deploy")
    try:
        limit = lambda_.get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError) as error:
        return unreadable(check, error)
    most, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    found = f"{most} calls at once in this account and region, {unreserved} of them unreserved"
    if most <= NEW_ACCOUNT_CONCURRENCY:
        mend = "Enough for dev; compare others with it: warmlens doctor --deploy --env prod"
        return check(state="warning", found=found, mend=mend)
    return check(state="ok", found=found)
