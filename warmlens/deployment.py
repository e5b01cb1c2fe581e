"""Access to deployed environments, in the running local cloud or in AWS."""

import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from warmlens.errors import WarmlensError
from warmlens.local.aws import ENV_NAME as LOCAL
from warmlens.local.aws import LocalAws
from warmlens.local.state import STATUS_PATH, RunningCloud, StateFile
from warmlens_client.access import auth_of

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_ssm import SSMClient


TOKEN_VARIABLE = "WARMLENS_TOKEN"  # noqa: S105 - its name only
_SIGNED = ("Content-Type", "X-Delete-Token")
NOT_FOUND = 3  # exit code of commands whose environment does not exist
_CONFIG = Config(read_timeout=330)  # seconds; more than the longest run of the warmer


class ApiKeyAuth(httpx.Auth):
    """Authentication with an API key.

    Args:
        key: the key's value.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header that API Gateway reads the key from."""
        request.headers["x-api-key"] = self.key
        yield request


class SignedAuth(httpx.Auth):
    """Authentication with AWS Signature Version 4, for an API with IAM authorization.

    Args:
        credentials: credentials of the caller.
        region: AWS region of the API.
    """

    requires_request_body = True

    def __init__(self, credentials: "Credentials", region: str) -> None:
        self._signer = SigV4Auth(credentials, "execute-api", region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature to the headers."""
        signed = AWSRequest(
            method=request.method,
            url=str(request.url),
            data=request.content,
            # A request without a body has none.
            headers={name: request.headers[name] for name in _SIGNED if name in request.headers},
        )
        self._signer.add_auth(signed)
        request.headers.update(dict(signed.headers))
        yield request


@dataclass(frozen=True)
class Deployment:
    """A deployed environment, with clients for it.

    Attributes:
        name: name of the environment, such as `dev`.
        outputs: outputs of its stacks by name, such as `ModelsBucket`.
        local_url: root of the local cloud's API; None in AWS.
        api_auth: returns the authentication of its API, None for an open one; raises WarmlensError
            where AWS does not return the key, or the shell has no token.
        s3: client for its buckets.
        lambda_: client for its functions.
    """

    name: str
    outputs: Mapping[str, str]
    s3: "S3Client"
    lambda_: "LambdaClient"
    local_url: str | None
    api_auth: Callable[[], httpx.Auth | None]

    @property
    def api_url(self) -> str:
        """Root of its API; raises what :meth:`output` raises."""
        return self.local_url or self.output("ApiUrl")

    def output(self, name: str) -> str:
        """Return the output of a stack that every environment has.

        Args:
            name: the output's name, such as `ApiUrl`.

        Raises:
            WarmlensError: `not_deployed`: only a part of the environment is deployed.
        """
        return _output(self.name, self.outputs, name)


def find_deployment(name: str, *, local_state: Path) -> Deployment:
    """Return an environment: `local` is the running local cloud, all others are in AWS.

    AWS is called with the credentials and region of the shell.

    Args:
        name: name of the environment.
        local_state: state file of the local cloud.

    Raises:
        WarmlensError: the environment is not running or deployed, or AWS refuses the request.
    """
    if name == LOCAL:
        return _local(StateFile(local_state).read())
    try:
        session = aws_session()
        outputs = _outputs(session.client("ssm"), name)
        if not outputs:
            raise WarmlensError(
                "not_found",
                f"The environment {name} is not deployed in this account and region; "
                f"deploy it: npx cdk deploy '{name}/*'",
                exit_code=NOT_FOUND,
            )
        return Deployment(
            name,
            outputs,
            s3=session.client("s3"),
            lambda_=session.client("lambda", config=_CONFIG),
            local_url=None,
            api_auth=lambda: _api_auth(session, name, outputs),
        )
    except NoCredentialsError as error:
        raise WarmlensError(
            "no_credentials",
            "No AWS credentials: log in with aws sso login, or name a profile: "
            "export AWS_PROFILE=...",
            exit_code=NOT_FOUND,
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise WarmlensError(
            "aws_refused", f"AWS refused to describe {name}: {error}", exit_code=NOT_FOUND
        ) from error


def aws_session() -> boto3.Session:
    """Return a session in the region of the shell, which boto3 does not read from AWS_REGION.

    Raises:
        WarmlensError: the shell names no region, or a profile that does not exist.
    """
    try:
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    except BotoCoreError as error:
        raise WarmlensError(
            "aws_refused", f"AWS cannot be called: {error}", exit_code=NOT_FOUND
        ) from error
    if not session.region_name:
        raise WarmlensError(
            "no_region",
            "No AWS region: export AWS_REGION=...",
            exit_code=NOT_FOUND,
        )
    return session


def _local(running: RunningCloud | None) -> Deployment:
    if running is None or not running.url:
        raise WarmlensError(
            "not_found", "No local cloud runs. Start it with: make run", exit_code=NOT_FOUND
        )
    try:
        answer = httpx.get(running.url + STATUS_PATH, timeout=60, trust_env=False).json()
    except (httpx.HTTPError, ValueError) as error:
        raise WarmlensError(
            "not_found",
            f"{running.url} does not answer ({error}). Run: make down run",
            exit_code=NOT_FOUND,
        ) from error
    aws = LocalAws(answer["aws_endpoint_url"], running.keys)
    try:
        outputs = _outputs(aws.ssm, LOCAL)
    except (BotoCoreError, ClientError) as error:
        raise WarmlensError(
            "not_found",
            f"The local cloud's emulator does not answer ({error}). Stop the local cloud and start "
            "it again: make down, then make run.",
            exit_code=NOT_FOUND,
        ) from error
    return Deployment(
        LOCAL,
        outputs,
        s3=aws.s3,
        lambda_=aws.lambda_,
        local_url=running.url,
        api_auth=lambda: None,
    )


def _api_auth(session: boto3.Session, name: str, outputs: Mapping[str, str]) -> httpx.Auth | None:
    kind = _output(name, outputs, "ApiAuth")
    if kind == "api_key":
        try:
            key = session.client("apigateway").get_api_key(
                apiKey=outputs["ApiKeyId"], includeValue=True
            )
        except (BotoCoreError, ClientError) as error:
            raise WarmlensError(
                "aws_refused", f"AWS did not return the API key: {error}", exit_code=NOT_FOUND
            ) from error
        return ApiKeyAuth(key["value"])
    if kind == "iam":
        credentials = session.get_credentials()
        assert credentials is not None  # the outputs were just read with them
        return SignedAuth(credentials, session.region_name)
    if kind == "jwt":
        return _token_auth(name)
    return None


def _token_auth(env_name: str) -> httpx.Auth | None:
    token = os.environ.get(TOKEN_VARIABLE, "").strip().removeprefix("Bearer ").strip()
    if not token:
        raise WarmlensError(
            "no_token",
            f"The API of {env_name} needs a token from its issuer, the setting jwt_issuer: "
            f"export {TOKEN_VARIABLE}=...",
            exit_code=NOT_FOUND,
        )
    try:
        return auth_of(None, token, None)
    except ValueError:
        raise WarmlensError(
            "bad_token",
            f"{TOKEN_VARIABLE} is not a token: it has spaces, or characters that no header has.",
            exit_code=NOT_FOUND,
        ) from None


def _output(env_name: str, outputs: Mapping[str, str], name: str) -> str:
    if name not in outputs:
        raise WarmlensError(
            "not_deployed",
            f"Only a part of {env_name} is deployed: it has no {name} yet; "
            f"deploy the rest: npx cdk deploy '{env_name}/*'",
            exit_code=NOT_FOUND,
        )
    return outputs[name]


def _outputs(ssm: "SSMClient", name: str) -> dict[str, str]:
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=f"/warmlens/{name}")
    return {
        parameter["Name"].rpartition("/")[2]: parameter["Value"]
        for page in pages
        for parameter in page["Parameters"]
    }
