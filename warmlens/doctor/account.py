"""Checks of the AWS account: credentials, CDK bootstrap, concurrency."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from warmlens.deployment import aws_session
from warmlens.doctor.check import Check
from warmlens.errors import WarmlensError

LOWEST_BOOTSTRAP = 6  # required by the CDK's default synthesizer
NEW_ACCOUNT_CONCURRENCY = 10
_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_CONFIG = Config(connect_timeout=4, read_timeout=10, retries={"total_max_attempts": 2})
_LOGIN = "Log in: aws sso login, or aws configure, or export AWS_PROFILE=..."


def account_checks() -> Iterator[Check]:
    """Check the account of the shell's credentials. Nothing is changed."""
    try:
        session = aws_session()
        identity = _identity(session)
    except WarmlensError as error:
        mend = "Name one: export AWS_REGION=eu-west-1" if error.code == "no_region" else _LOGIN
        yield Check(
            name="AWS credentials", goal="deploy", state="problem", found=str(error), mend=mend
        )
        return
    except (BotoCoreError, ClientError) as error:
        yield Check(
            name="AWS credentials", goal="deploy", state="problem", found=_said(error), mend=_LOGIN
        )
        return
    yield identity
    if identity.state != "ok":
        return
    yield _bootstrap(session)
    yield _concurrency(session)


def _identity(session: boto3.Session) -> Check:
    name = "AWS credentials"
    if session.get_credentials() is None:
        return Check(
            name=name, goal="deploy", state="problem", found="none in this shell", mend=_LOGIN
        )
    caller = session.client("sts", config=_CONFIG).get_caller_identity()
    found = f"account {caller['Account']}, {session.region_name}, as {caller['Arn']}"
    return Check(name=name, goal="deploy", state="ok", found=found)


def _bootstrap(session: boto3.Session) -> Check:
    name, mend = "CDK bootstrap", "Once for an account and region: npx cdk bootstrap"
    try:
        answer = session.client("ssm", config=_CONFIG).get_parameter(Name=_PARAMETER)
        version = int(answer["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return Check(name=name, goal="deploy", state="problem", found="not done", mend=mend)
        return _unknown(name, error)
    except (BotoCoreError, ValueError) as error:
        return _unknown(name, error)
    if version < LOWEST_BOOTSTRAP:
        found = f"version {version}, at least {LOWEST_BOOTSTRAP} is needed"
        return Check(name=name, goal="deploy", state="problem", found=found, mend=mend)
    return Check(name=name, goal="deploy", state="ok", found=f"version {version}")


def _concurrency(session: boto3.Session) -> Check:
    name = "Lambda concurrency"
    try:
        limit: Any = session.client("lambda", config=_CONFIG).get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError) as error:
        return _unknown(name, error)
    most, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    found = f"{most} calls at once in this account and region, {unreserved} of them unreserved"
    if most <= NEW_ACCOUNT_CONCURRENCY:
        return Check(
            name=name, goal="deploy", state="warning", found=found,
            mend="Enough for dev; request more Concurrent executions in Service Quotas",
        )  # fmt: skip
    return Check(name=name, goal="deploy", state="ok", found=found)


def _unknown(name: str, error: Exception) -> Check:
    return Check(
        name=name, goal="deploy", state="unknown", found=_said(error),
        mend="Check that the credentials that deploy may read it",
    )  # fmt: skip


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
