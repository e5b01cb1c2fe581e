"""boto3 clients for the AWS emulator."""

import os
from collections.abc import Mapping

ACCOUNT = "000000000000"
REGION = "us-east-1"
ENV_NAME = "local"
CONCURRENCY = 10  # the quota of a new AWS account


class LocalAws:
    """boto3 clients for the emulator.

    Args:
        endpoint_url: where the emulator listens.
    """

    def __init__(self, endpoint_url: str) -> None:
        import boto3
        import botocore.session
        from botocore.config import Config

        self.endpoint_url = endpoint_url
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
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator checks no signature
            region_name=REGION,
        )
        config = Config(
            retries={"total_max_attempts": 2},
            connect_timeout=10,
            read_timeout=60,
            proxies={},  # loopback is not reached through a proxy
        )
        self.s3 = self._session.client("s3", endpoint_url=endpoint_url, config=config)
        self.cloudformation = self._session.client(
            "cloudformation", endpoint_url=endpoint_url, config=config
        )
        self.lambda_ = self._session.client("lambda", endpoint_url=endpoint_url, config=config)
        self.apigateway = self._session.client(
            "apigateway", endpoint_url=endpoint_url, config=config
        )
        self.ssm = self._session.client("ssm", endpoint_url=endpoint_url, config=config)

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables with which AWS's own tools and clients reach the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
