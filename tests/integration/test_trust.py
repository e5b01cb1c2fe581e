"""The local cloud trusts its own user: no page of another server, no one without its keys."""

import gzip
import json
import os
import stat
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from tests.conftest import Cloud, run_warmlens
from warmlens.local.aws import Keys, LocalAws

CREATE = "/2015-03-31/functions"
FUNCTION: dict[str, Any] = {
    "FunctionName": "probe",
    "Runtime": "python3.12",
    "Handler": "index.handler",
    "Role": "arn:aws:iam::000000000000:role/x",
    "Code": {"ZipFile": ""},
}
FOREIGN = ("http://127.0.0.1:9", "http://localhost:9", "https://example.com", "null")


def test_calls_without_a_key_do_nothing(cloud: Cloud) -> None:
    names = [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]]
    for method, path, body in (
        ("POST", CREATE, json.dumps(FUNCTION)),
        ("GET", "/", None),
        ("GET", f"/{names[0]}?list-type=2", None),
        ("PUT", "/a-bucket-of-nobody", None),
        ("POST", "/_ministack/reset", None),
        ("POST", "/_ministack/config", "{}"),
        ("GET", "/_localstack/health", None),
        ("GET", "/oauth2/authorize", None),
    ):
        answer = httpx.request(method, cloud.endpoint_url + path, content=body, timeout=60)
        assert answer.status_code == 403, (method, path, answer.text)
    assert [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]] == names


@pytest.mark.parametrize("key", ["test", "000000000000", "own", "AKIAUNKNOWN"])
def test_a_signature_by_a_wrong_secret_is_refused(cloud: Cloud, key: str) -> None:
    """MiniStack takes the first two for its root and would not check them."""
    key = cloud.keys.access_key_id if key == "own" else key
    stranger = LocalAws(cloud.endpoint_url, Keys(key, "wrong"))
    calls: list[Any] = [
        stranger.s3.list_buckets,
        lambda: stranger.lambda_.create_function(**{**FUNCTION, "Code": {"ZipFile": b"x"}}),
        lambda: stranger.client("sts").assume_role(
            RoleArn=role_of(cloud, "classifier"), RoleSessionName="probe"
        ),
    ]
    for call in calls:
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)


def role_of(cloud: Cloud, name: str) -> str:
    function = f"warmlens-local-{name}"
    role: str = cloud.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    return role


def test_the_keys_of_a_function_allow_what_its_role_does(cloud: Cloud) -> None:
    """As the pool hands them to an instance; the rest of the tests call with them."""
    taken = cloud.client("sts").assume_role(
        RoleArn=role_of(cloud, "classifier"), RoleSessionName="probe"
    )["Credentials"]
    variables = cloud.client("lambda").get_function_configuration(
        FunctionName="warmlens-local-classifier"
    )["Environment"]["Variables"]
    s3 = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=taken["AccessKeyId"],
        aws_secret_access_key=taken["SecretAccessKey"],
        aws_session_token=taken["SessionToken"],
    )
    models, model = variables["MODELS_BUCKET"], variables["MODEL_NAME"]
    key = f"{model}/{variables['MODEL_VERSION']}/manifest.json"
    assert s3.get_object(Bucket=models, Key=key)["Body"].read()
    for call in (
        lambda: s3.put_object(Bucket=models, Key=key, Body=b"{}"),
        lambda: s3.list_buckets(),
        lambda: s3.delete_object(Bucket=models, Key=key),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


@pytest.mark.parametrize("origin", FOREIGN)
def test_another_page_reaches_neither_front_nor_emulator(cloud: Cloud, origin: str) -> None:
    for url in (
        f"{cloud.url}/classification",
        f"{cloud.url}/wakeup",
        f"{cloud.url}/_local/warm",
        f"{cloud.url}/_local/burst",
        f"{cloud.api_url}/wakeup",
        cloud.endpoint_url + CREATE,
    ):
        headers = {"Origin": origin, "Content-Type": "application/json"}
        answer = httpx.post(url, content='{"method": "wakeup"}', headers=headers, timeout=60)
        assert answer.status_code == 403, (url, answer.text)
        assert "access-control-allow-origin" not in answer.headers
    for url in (
        f"{cloud.url}/model",
        f"{cloud.api_url}/model",
        f"{cloud.url}/_local/status",
        f"{cloud.endpoint_url}/_ministack/health",
    ):
        assert httpx.get(url, headers={"Origin": origin}).status_code == 403
        hidden = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "image"}
        assert httpx.get(url, headers=hidden).status_code == 403


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.nip.io", "localhost.example:80"])
def test_a_name_bound_to_this_machine_is_refused(cloud: Cloud, host: str) -> None:
    """DNS rebinding: the browser takes the page for the server's own."""
    for url in (f"{cloud.url}/_local/status", f"{cloud.url}/", f"{cloud.api_url}/wakeup"):
        answer = httpx.post(url, headers={"Host": host, "Origin": f"http://{host}"}, timeout=60)
        assert answer.status_code == 403
        assert httpx.get(url, headers={"Host": host}, timeout=60).status_code == 403


def test_the_page_itself_is_answered_by_each_name_of_this_machine(cloud: Cloud) -> None:
    port = urlsplit(cloud.url).port
    for name in ("127.0.0.1", "localhost", "[::1]"):
        headers = {"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}"}
        answer = httpx.post(
            f"{cloud.url}/wakeup", json={"method": "wakeup"}, headers=headers, timeout=60
        )
        assert answer.status_code == 200, answer.text


def test_a_compressed_body_is_refused_before_it_is_inflated(cloud: Cloud) -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=9)
    answer = httpx.post(
        f"{cloud.url}/classification",
        content=bomb,
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_encoding")


def test_what_the_cloud_writes_is_its_users_alone(cloud: Cloud) -> None:
    assert stat.S_IMODE(cloud.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((cloud.folder / "state.json").stat().st_mode) == 0o600


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="becomes another user, as root can"
)
def test_another_user_of_the_machine_is_refused_by_every_listener(cloud: Cloud) -> None:
    """Runtime API and pool, too: all listening sockets of the cloud's processes."""
    import psutil

    code = (
        "import os, socket, sys\nos.setgid(65534); os.setuid(65534)\n"
        "for port in sys.argv[1:]:\n"
        "    with socket.socket() as call:\n"
        "        call.settimeout(30)\n"
        "        call.connect(('127.0.0.1', int(port)))\n"
        "        path = b'/2018-06-01/runtime/invocation/next'\n"
        "        call.sendall(b'GET ' + path + b' HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n')\n"
        "        print(call.recv(100).split()[1].decode())"
    )
    (process,) = [
        each
        for each in psutil.process_iter(["cmdline"])
        if str(cloud.folder) in (each.info["cmdline"] or []) and "up" in each.info["cmdline"]
    ]
    cloud.post("wakeup", {"method": "wakeup"}).raise_for_status()  # so that an instance listens
    ports = {
        str(each.laddr.port)
        for of in [process, *process.children()]
        for each in of.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    }
    assert len(ports) >= 4  # front, emulator, pool, Runtime API
    result = subprocess.run(
        [sys.executable, "-I", "-c", code, *ports], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["403"] * len(ports)


def test_the_shell_gets_the_keys_from_one_command(cloud: Cloud) -> None:
    printed = run_warmlens("local", "env", "--folder", str(cloud.folder)).stdout
    lines = dict(
        line.removeprefix("export ").split("=", 1) for line in printed.splitlines() if line
    )
    assert lines["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert lines["AWS_SECRET_ACCESS_KEY"].strip("'") == cloud.keys.secret_access_key


def test_a_connection_that_sends_no_headers_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from aiohttp import web

    from warmlens.local import loopback

    monkeypatch.setattr(loopback, "HEADER_TIMEOUT_S", 0.05)

    async def closed() -> bytes:
        async with loopback.serving(web.Application()) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(b"GET / HTTP/1.1\r\nHost: ")
            answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(closed()) == b""
