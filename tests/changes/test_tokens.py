"""Tokens (`auth = "jwt"`) in the emulator, with the package that it checks signatures with.

The issuer is a server on loopback with a certificate that the emulator alone trusts.
"""

import asyncio
import base64
import dataclasses
import json
import shlex
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web
from aiohttp.test_utils import TestServer

from app import settings_of
from tests.infrastructure.variants import synthesize
from warmlens.local.assembly import read_stacks
from warmlens.local.deploy import deploy
from warmlens.local.emulator import running_emulator
from warmlens.local.loopback import serving
from warmlens.local.venvs import Venv
from warmlens.paths import ROOT, STATE

REQUIREMENTS = (
    ROOT / "warmlens" / "local" / "requirements-emulator.txt",
    Path(__file__).parent / "requirements-tokens.txt",
)
AUDIENCE = "an-app"


def openssl(command: str, *, data: bytes = b"") -> bytes:
    arguments = ["openssl", *shlex.split(command)]
    return subprocess.run(arguments, input=data, check=True, capture_output=True).stdout


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Key:
    """An RSA key, in a file."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> "Key":
        openssl(f"genrsa -out {path} 2048")
        return cls(path)

    def public(self) -> dict[str, str]:
        modulus = openssl(f"rsa -in {self.path} -noout -modulus").decode().strip()
        number = bytes.fromhex(modulus.partition("=")[2])
        return {"kty": "RSA", "kid": "1", "alg": "RS256", "e": "AQAB", "n": encoded(number)}

    def token(self, claims: dict[str, Any], **header: str) -> str:
        head = {"typ": "JWT", "alg": "RS256", "kid": "1", **header}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        signature = openssl(f"dgst -sha256 -sign {self.path}", data=signed.encode())
        return f"{signed}.{encoded(signature)}"


@asynccontextmanager
async def issuing(folder: Path, key: Key) -> AsyncIterator[tuple[str, Path]]:
    """Serve the issuer's public key by https; yields its address and its certificate."""
    certificate, own_key = folder / "certificate.pem", folder / "server.pem"
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=issuer "
        f"-addext subjectAltName=IP:127.0.0.1 -keyout {own_key} -out {certificate}"
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, own_key)
    server = TestServer(web.Application(), scheme="https")

    async def configuration(_: web.Request) -> web.Response:
        return web.json_response({"jwks_uri": str(server.make_url("/keys"))})

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [key.public()]})

    server.app.router.add_get("/.well-known/openid-configuration", configuration)
    server.app.router.add_get("/keys", keys)
    await server.start_server(ssl=tls)
    try:
        yield str(server.make_url("/")), certificate
    finally:
        await server.close()


@asynccontextmanager
async def guarded(
    folder: Path, issuer: str, certificate: Path
) -> AsyncIterator[tuple[str, list[str]]]:
    """Deploy the app for tokens of the issuer; yields the API's address, and the calls."""
    venv = Venv(STATE / "environments", "emulator", *REQUIREMENTS)
    await venv.install()
    trust = {"SSL_CERT_FILE": str(certificate)}
    python = folder / "python"
    # No shell script, as some shells drop variables with hyphens in their names.
    script = (
        "#!/usr/bin/env python3\nimport os, sys\n"
        f"python = {str(venv.python)!r}\n"
        f"os.execve(python, [python, *sys.argv[1:]], {{**os.environ, **{trust}}})\n"
    )
    python.write_text(script, encoding="utf-8")
    python.chmod(0o700)
    called: list[str] = []

    async def note(request: web.Request) -> web.Response:
        called.append(request.headers["X-Amzn-Lambda-Function-Name"])
        return web.json_response({"statusCode": 200, "headers": {}, "body": "{}"})

    settings = dataclasses.replace(
        settings_of("local"),
        warming="off",
        api="http",
        auth="jwt",
        jwt_issuer=issuer,
        jwt_audience=(AUDIENCE, "another-app"),
    )
    await asyncio.to_thread(synthesize, folder, settings)
    functions = web.Application()
    functions.router.add_post("/", note)
    async with (
        serving(functions) as url,
        running_emulator(
            folder, python=python, function_urls={"warmlens-local-classifier": url}
        ) as aws,
    ):
        stacks = read_stacks(folder / "assembly-local")
        outputs = await asyncio.to_thread(deploy, stacks, aws)
        yield f"{aws.endpoint_url}/_aws/execute-api/{outputs['ApiId']}/v1", called


def good_and_bad(issuer: str, key: Key, other: Key) -> Iterator[tuple[str, str | None, int]]:
    """Each a name, an authorization, and the status that the call must get."""
    now = int(time.time())
    good = {"iss": issuer, "aud": AUDIENCE, "sub": "me", "iat": now - 10, "exp": now + 3600}
    nobodys = {name: value for name, value in good.items() if name != "aud"}
    head, claims, signature = key.token(good).split(".")
    altered = encoded(json.dumps({**good, "sub": "you"}).encode())
    unsigned = encoded(json.dumps({"alg": "none", "kid": "1"}).encode())
    accepted = {
        "good": good,
        "one of several audiences": {**good, "aud": ["x", "another-app"]},
        "client_id in place of aud": {**nobodys, "client_id": AUDIENCE},
    }
    refused = {
        "wrong audience": {**good, "aud": "another"},
        "no audience": nobodys,
        "client_id beside a wrong aud": {**good, "aud": "another", "client_id": AUDIENCE},
        "wrong issuer": {**good, "iss": issuer + "other"},
        "issuer without its slash": {**good, "iss": issuer.rstrip("/")},
        "expired": {**good, "exp": now - 60},
        "not valid yet": {**good, "nbf": now + 600},
    }
    for name, each in accepted.items():
        yield name, f"Bearer {key.token(each)}", 200
    for name, each in refused.items():
        yield name, f"Bearer {key.token(each)}", 401
    yield "signed by another key", f"Bearer {other.token(good)}", 401
    yield "unknown key", f"Bearer {key.token(good, kid='2')}", 401
    yield "altered", f"Bearer {head}.{altered}.{signature}", 401
    yield "unsigned", f"Bearer {unsigned}.{claims}.", 401
    yield "no token", "Bearer x", 401
    yield "nothing", None, 401


async def test_a_token_is_accepted_from_its_issuer_for_its_audience_in_its_time_alone(
    tmp_path: Path,
) -> None:
    key, other = Key.make(tmp_path / "key.pem"), Key.make(tmp_path / "other.pem")
    body = {"method": "classification", "file_path": "test/cat.jpg"}
    async with (
        issuing(tmp_path, key) as (issuer, certificate),
        guarded(tmp_path, issuer, certificate) as (url, called),
        httpx.AsyncClient(timeout=60) as client,
    ):
        for name, authorization, status in good_and_bad(issuer, key, other):
            called.clear()
            headers = {} if authorization is None else {"Authorization": authorization}
            answer = await client.post(f"{url}/classification", json=body, headers=headers)
            assert (answer.status_code, len(called)) == (status, int(status == 200)), (
                name,
                answer.text,
            )
