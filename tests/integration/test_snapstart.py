"""Copies of one initialized process, as Lambda makes them of a snapshot."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.conftest import Cloud
from tests.integration.aws_proxy import refusing
from tests.integration.classifier_harness import (
    CLASSIFY,
    FOLDER,
    HANDLER,
    classifier_environment,
)
from warmlens.local.loopback import serving
from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS, WEB
from warmlens.registry.publish import publish_model

PROGRAM = Path(__file__).parent / "snapshot_runtime.py"
COPIES = 4
TOKEN = "the-token"
WAKEUP = {"method": "wakeup", "sleep_time": 0}
HEX_LOG_STREAM = "2026/11/29/[1]0123456789abcdef0123456789abcdef"
TIMEOUT_S = 120

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


@dataclass
class Lambda:
    """Lambda's part: the Runtime API, the role's keys, and a gate of S3 that checks them.

    Attributes:
        copies: number of processes that are called.
        events: what all of them get, one after the other.
        sessions: the role's credentials of the init, and those after the restore.
        answers: the copies' answers to each event.
        errors: what the runtime reported instead of asking for a call.
        keys: the keys of the requests to S3, in order.
    """

    copies: int
    events: list[dict[str, Any]]
    sessions: list[dict[str, str]]
    answers: list[list[Any]] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _all_ask: asyncio.Event = field(default_factory=asyncio.Event)
    _asked: int = 0
    _restored: bool = False

    @property
    def valid(self) -> dict[str, str]:
        """The credentials that are valid now."""
        return self.sessions[self._restored]

    async def restore(self, _: web.Request) -> web.Response:
        self._restored = True
        return web.Response()

    async def next_event(self, _: web.Request) -> web.Response:
        """Give each event to every copy: the next one only when all ask for it."""
        number, self._asked = self._asked // self.copies, self._asked + 1
        if self._asked % self.copies == 0:
            self.answers.append([])
            self._all_ask.set()
            self._all_ask.clear()
        else:
            await self._all_ask.wait()
        if number == len(self.events):
            self.over.set()
            await asyncio.sleep(TIMEOUT_S)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": str(number),
            "Lambda-Runtime-Deadline-Ms": "9999999999999",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:f:1",
        }
        event = json.dumps(self.events[number]).encode()
        return web.Response(body=event, content_type="application/json", headers=headers)

    async def answer(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        self.answers[number].append(json.loads(await request.read()))
        return web.Response(status=202)

    async def error(self, request: web.Request) -> web.Response:
        self.errors.append(json.loads(await request.read()))
        self.over.set()
        return web.Response(status=202)

    async def credentials(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == TOKEN
        expiration = datetime.now(UTC) + timedelta(hours=1)
        return web.json_response(
            {
                "AccessKeyId": self.valid["AWS_ACCESS_KEY_ID"],
                "SecretAccessKey": self.valid["AWS_SECRET_ACCESS_KEY"],
                "Token": self.valid["AWS_SESSION_TOKEN"],
                "Expiration": f"{expiration:%Y-%m-%dT%H:%M:%SZ}",
            }
        )

    def refuses(self, request: web.Request, _: int) -> bool:
        found = re.search("Credential=([A-Z0-9]+)/", request.headers["Authorization"])
        assert found is not None
        self.keys.append(found[1])
        return found[1] != self.valid["AWS_ACCESS_KEY_ID"]

    @asynccontextmanager
    async def running(
        self, python: str, variables: Mapping[str, str], endpoint_url: str
    ) -> AsyncIterator[str]:
        """Run the function until it has answered everything; gives what it printed."""
        app = web.Application()
        runtime = "/2018-06-01/runtime"
        app.add_routes(
            [
                web.get(f"{runtime}/restore/next", self.restore),
                web.get(f"{runtime}/invocation/next", self.next_event),
                web.post(f"{runtime}/invocation/{{id}}/response", self.answer),
                web.post(f"{runtime}/invocation/{{id}}/error", self.error),
                web.post(f"{runtime}/init/error", self.error),
                web.post(f"{runtime}/restore/error", self.error),
                web.get("/credentials", self.credentials),
            ]
        )
        async with serving(app) as url, refusing(endpoint_url, self.refuses) as s3_url:
            lambdas = {
                "AWS_LAMBDA_RUNTIME_API": url.removeprefix("http://"),
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN,
                "AWS_ENDPOINT_URL": s3_url,
            }
            process = await asyncio.create_subprocess_exec(
                *(python, str(PROGRAM), HANDLER, str(self.copies if self.copies > 1 else 0)),
                env={"PATH": os.environ["PATH"], **lambdas, **variables},
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            try:
                await asyncio.wait_for(self.over.wait(), TIMEOUT_S)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                printed, _ = await process.communicate()
            yield printed.decode()


@pytest.fixture
def variables(bucket: str, s3: Any, tmp_path: Path) -> dict[str, str]:
    """A classifier's variables with SnapStart; its model is in its image, a photo in S3."""
    photo = (WEB / "samples" / "coffee.jpg").read_bytes()
    s3.put_object(Bucket=bucket, Key="test/coffee.jpg", Body=photo)
    return {
        **classifier_environment(bucket),
        "MODELS_BUCKET": "",
        "MODELS_FOLDER": str(MODEL_ARTIFACTS),
        "LAMBDA_TASK_ROOT": str(MODEL_ARTIFACTS.parent),
        "METRICS_ENVIRONMENT": "test",
        "PYTHONPATH": str(LAMBDA_SRC),
        "TMPDIR": str(tmp_path),
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        # Lambda sets none with SnapStart; if it did, all copies would have the same.
        "AWS_LAMBDA_LOG_STREAM_NAME": HEX_LOG_STREAM,
    }


@pytest.fixture
def sessions(cloud: Cloud, bucket: str) -> list[dict[str, str]]:
    """Two sessions of a role that may read the bucket."""
    iam, sts, name = cloud.client("iam"), cloud.client("sts"), f"role-{bucket}"[:64]
    anyone = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(anyone))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=policy(reads))
    taken = [sts.assume_role(RoleArn=role["Arn"], RoleSessionName="function") for _ in range(2)]
    return [
        {
            "AWS_ACCESS_KEY_ID": each["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": each["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": each["Credentials"]["SessionToken"],
        }
        for each in taken
    ]


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("in_variables", [False, True], ids=["by address", "in variables"])
async def test_copies_of_a_snapshot_have_ids_and_s3_clients_of_their_own(
    variables: dict[str, str],
    in_variables: bool,
    sessions: list[dict[str, str]],
    cloud: Cloud,
    runtime_python: str,
) -> None:
    made = Lambda(COPIES, [WAKEUP, CLASSIFY, CLASSIFY], sessions)
    keys = {}
    if in_variables:
        keys = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "",
            "KEYS_AFTER_RESTORE": json.dumps(sessions[1]),
            **sessions[0],
        }
    async with made.running(runtime_python, {**variables, **keys}, cloud.endpoint_url) as printed:
        pass
    assert made.errors == []
    woken, first, second = made.answers[:3]
    ids = {answer["instance_id"] for answer in woken}
    assert len(ids) == COPIES  # the warmer counts them
    assert {answer["instance_id"] for answer in first} == ids
    assert [answer["TOP1_label"] for answer in (*first, *second)] == ["espresso"] * 2 * COPIES
    assert {answer["cold_start"] for answer in woken} == {True}
    assert {answer["cold_start"] for answer in (*first, *second)} == {False}
    assert set(made.keys) == {sessions[1]["AWS_ACCESS_KEY_ID"]}
    assert json.loads(printed.splitlines()[1]) == {"threads": 1, "connections": 0}
    (init,) = [line for line in printed.splitlines() if '"init"' in line]
    assert json.loads(init)["instance_id"] is None  # it is nobody's


async def test_a_model_from_s3_is_in_the_snapshot_and_a_photo_is_read_with_later_keys(
    variables: dict[str, str],
    sessions: list[dict[str, str]],
    bucket: str,
    s3: Any,
    cloud: Cloud,
    runtime_python: str,
) -> None:
    publish_model(FOLDER, bucket, s3)
    stored = {**variables, "MODELS_BUCKET": bucket, "MODELS_FOLDER": ""}
    made = Lambda(1, [CLASSIFY], sessions)
    async with made.running(runtime_python, stored, cloud.endpoint_url) as printed:
        assert made.answers[0][0]["TOP1_label"] == "espresso"
        assert made.answers[0][0]["cold_start"] is True
    assert made.keys[-1] == sessions[1]["AWS_ACCESS_KEY_ID"]
    assert set(made.keys[:-1]) == {sessions[0]["AWS_ACCESS_KEY_ID"]}
    # No thread or connection of the model's download is left in it.
    assert json.loads(printed.splitlines()[1]) == {"threads": 1, "connections": 0}
    request = json.loads(printed.splitlines()[-1])
    assert request["ColdStart"] == 1
    assert "InitMs" not in request  # nobody waited for it


async def test_no_snapshot_is_made_without_the_model(
    variables: dict[str, str],
    sessions: list[dict[str, str]],
    bucket: str,
    cloud: Cloud,
    runtime_python: str,
) -> None:
    stored = {**variables, "MODELS_BUCKET": bucket, "MODELS_FOLDER": ""}
    made = Lambda(1, [CLASSIFY], sessions)
    async with made.running(runtime_python, stored, cloud.endpoint_url) as printed:
        (error,) = made.errors
    assert "manifest.json is not in the models bucket" in error["errorMessage"]
    assert '"ModelLoadFailure":1' in printed
    assert made.answers == []
