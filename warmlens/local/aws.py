"""boto3 clients for the AWS emulator, and the keys that it trusts."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_ssm import SSMClient

ACCOUNT = "000000000000"
REGION = "us-east-1"
ENV_NAME = "local"
CONCURRENCY = 10  # the quota of a new AWS account


@dataclass(frozen=True)
class Keys:
    """Access key of the emulator's account, with all rights in it."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def random(cls) -> "Keys":
        """Return keys that nobody knows yet, in the form of AWS's."""
        return cls(f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))


class LocalAws:
    """boto3 clients for the emulator.

    Args:
        endpoint_url: where the emulator listens.
        keys: the keys that it was started with.
    """

    def __init__(self, endpoint_url: str, keys: Keys) -> None:
        import boto3
        import botocore.session
        from botocore.config import Config

        self.endpoint_url = endpoint_url
        self.keys = keys
        # The user's own AWS configuration and profile must neither be read nor be needed.
        core = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
        )
        self._session = boto3.Session(
            botocore_session=core,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            region_name=REGION,
        )
        self._config = Config(
            retries={"total_max_attempts": 2},
            connect_timeout=10,
            read_timeout=60,
            proxies={},  # loopback is not reached through a proxy
        )
        self.s3: S3Client = self.client("s3")
        self.cloudformation: CloudFormationClient = self.client("cloudformation")
        self.lambda_: LambdaClient = self.client("lambda")
        self.apigateway: APIGatewayClient = self.client("apigateway")
        self.ssm: SSMClient = self.client("ssm")

    def client(self, service: Any, **settings: Any) -> Any:
        """Return a new client.

        Args:
            service: name of the service, such as `sts`.
            settings: further settings of botocore's Config.
        """
        from botocore.config import Config

        config = self._config.merge(Config(**settings))
        return self._session.client(service, endpoint_url=self.endpoint_url, config=config)

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables with which AWS's own tools and clients reach the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
