"""Signatures of the uploads function against those of botocore."""

import datetime
import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src.uploads.endpoints import endpoint
from lambda_src.uploads.presigned_post import presigned_post
from lambda_src.uploads.sigv4 import Signer

KEYS = [
    ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None),
    (
        "ASIAEXAMPLE",
        "s3cret/with+signs=",
        "IQoJb3JpZ2luX2VjEOj//////////wEaCXVzLWVhc3QtMSJHMEUCIQ==",
    ),
]
REGIONS = ["us-east-1", "eu-south-2", "ap-southeast-7", "cn-north-1", "us-gov-west-1"]
ENDPOINTS = [
    "http://127.0.0.1:4566",
    "http://localhost:4566",
    "http://[::1]:4566/",
    "https://emulator.example/base",
    "http://emulator.example/base/",
]
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{1,20}[a-z0-9]", fullmatch=True)
WITH_DOTS = st.builds("{}.{}".format, NAMES, NAMES)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
MOMENTS = st.integers(1_700_000_000, 2_500_000_000)
GIVEN: Callable[..., Any] = settings(
    max_examples=40, deadline=None, derandomize=True, database=None
)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the time that botocore signs for."""

    def set_time(now_s: int) -> None:
        now = datetime.datetime.fromtimestamp(now_s, datetime.UTC)
        for module in ("auth", "signers"):
            monkeypatch.setattr(f"botocore.{module}.get_current_datetime", lambda *_, **__: now)

    return set_time


@lru_cache
def s3(region: str, keys: tuple[str, str, str | None], endpoint_url: str | None) -> Any:
    return boto3.client(
        "s3",
        region_name=region,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2],
        endpoint_url=endpoint_url,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        ),
    )


@pytest.mark.parametrize(
    ("region", "endpoint_url"),
    [*((region, None) for region in REGIONS), *(("us-east-1", each) for each in ENDPOINTS)],
)
def test_an_upload_is_signed_as_botocore_signs_it(
    region: str,
    endpoint_url: str | None,
    at: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if endpoint_url is not None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)

    # To an IP address botocore puts a bucket with dots before it, which is no address.
    by_ip = "1" in (endpoint_url or "")

    @GIVEN
    @given(
        keys=st.sampled_from(KEYS),
        bucket=NAMES if by_ip else NAMES | WITH_DOTS,
        key=TEXT,
        content_type=TEXT,
        size_bytes=st.integers(1, 2**40),
        expires_in_s=st.integers(1, 604_800),
        now_s=MOMENTS,
    )
    def check(
        keys: tuple[str, str, str | None],
        bucket: str,
        key: str,
        content_type: str,
        size_bytes: int,
        expires_in_s: int,
        now_s: int,
    ) -> None:
        at(now_s)
        expected = s3(region, keys, endpoint_url).generate_presigned_post(
            bucket,
            key,
            Fields={"Content-Type": content_type},
            Conditions=[
                {"Content-Type": content_type},
                ["content-length-range", size_bytes, size_bytes],
            ],
            ExpiresIn=expires_in_s,
        )
        url, fields = presigned_post(
            Signer(region, *keys),
            bucket=bucket,
            key=key,
            content_type=content_type,
            size_bytes=size_bytes,
            expires_in_s=expires_in_s,
            now_s=now_s,
        )
        assert {"url": url, "fields": fields} == expected
        assert list(fields) == list(expected["fields"])

    check()


@GIVEN
@given(
    keys=st.sampled_from(KEYS),
    region=st.sampled_from(REGIONS),
    name=st.from_regex(r"[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,20})?", fullmatch=True),
    body=st.binary(max_size=50),
    now_s=MOMENTS,
)
def test_a_call_of_lambda_is_signed_as_botocore_signs_it(
    keys: tuple[str, str, str | None], region: str, name: str, body: bytes, now_s: int
) -> None:
    arn = f"arn%3Aaws%3Alambda%3A{region}%3A123456789012%3Afunction%3A{name.replace(':', '%3A')}"
    path, host = f"/2015-03-31/functions/{arn}/invocations", endpoint("lambda", region).netloc
    headers = {"host": host, "x-amz-invocation-type": "Event"}
    signed = Signer(region, *keys).headers(path, headers, body, service="lambda", now_s=now_s)
    request = AWSRequest("POST", f"https://{host}{path}", dict(headers), body)
    with pytest.MonkeyPatch.context() as patch:
        now = datetime.datetime.fromtimestamp(now_s, datetime.UTC)
        patch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: now)
        SigV4Auth(Credentials(*keys), "lambda", region).add_auth(request)
    assert signed["authorization"] == request.headers["Authorization"]


@GIVEN
@given(
    keys=st.sampled_from(KEYS),
    region=st.sampled_from(REGIONS),
    name=st.from_regex(r"uploads/[0-9/]{1,12}[0-9a-f]{32}\.(jpg|bin)", fullmatch=True),
    now_s=MOMENTS,
)
def test_a_deletion_is_signed_as_botocore_signs_it(
    keys: tuple[str, str, str | None], region: str, name: str, now_s: int
) -> None:
    path, host = f"/base%20path/{name}", f"images.{endpoint('s3', region).netloc}"
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": host, "x-amz-content-sha256": empty}
    signed = Signer(region, *keys).headers(
        path, headers, b"", service="s3", now_s=now_s, method="DELETE"
    )
    request = AWSRequest("DELETE", f"https://{host}{path}", {"host": host})
    with pytest.MonkeyPatch.context() as patch:
        now = datetime.datetime.fromtimestamp(now_s, datetime.UTC)
        patch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: now)
        S3SigV4Auth(Credentials(*keys), "s3", region).add_auth(request)
    assert signed["authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize("region", REGIONS)
def test_lambdas_address_is_that_of_botocore(region: str) -> None:
    ours = endpoint("lambda", region)
    assert f"{ours.scheme}://{ours.netloc}" == boto3.client("lambda", region).meta.endpoint_url
    assert (ours.host, ours.port, ours.is_ip_address) == (ours.netloc, 443, False)


def test_a_services_own_variable_goes_before_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all.example:81/base")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://[::1]:4566")
    s3, others = endpoint("s3", "eu-west-1"), endpoint("lambda", "eu-west-1")
    assert (s3.netloc, s3.host, s3.port, s3.path) == ("[::1]:4566", "::1", 4566, "")
    assert (others.host, others.port, others.path) == ("all.example", 81, "/base")
    assert (s3.is_ip_address, others.is_ip_address) == (True, False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://[::1]")
    assert (endpoint("s3", "eu-west-1").host, endpoint("s3", "eu-west-1").port) == ("::1", 80)
