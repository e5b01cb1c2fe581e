"""A recorder of a function's calls to AWS, compared with its role."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from tests.integration.iam import Grant, Need, grants_of, needed
from warmlens.local.aws import LocalAws
from warmlens.local.loopback import listen, serving, url_of
from warmlens.paths import LAMBDA_SRC

# What the platform does for a function by its role, not the function itself: it writes the log, and
# sends events that failed to a queue, for which the CDK grants two reads along; in a network it
# makes interfaces and mounts the file system.
OF_THE_PLATFORM = (
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
    "elasticfilesystem:ClientMount",
    "elasticfilesystem:ClientWrite",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
)
RUN = """
import importlib, json, sys
handler = importlib.import_module(sys.argv[2])
class Context:
    aws_request_id = "recorded"
print(json.dumps(handler.handler(json.loads(sys.argv[1]), Context())))
"""


class Recorder:
    """Passes calls on to the emulator and notes what each needs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.needs: set[Need] = set()
        self.unknown: list[LookupError] = []


@asynccontextmanager
async def recording(endpoint_url: str) -> AsyncIterator[Recorder]:
    listener = listen()
    recorder = Recorder(url_of(listener))

    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            need = needed(
                request.method,
                request.rel_url.raw_path,
                request.query_string,
                request.headers,
                body,
            )
        except LookupError as error:
            recorder.unknown.append(error)
            raise
        recorder.needs.add(need)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                URL(endpoint_url + request.raw_path, encoded=True),
                headers=request.headers,
                data=body,
            ) as answer,
        ):
            left_out = ("Content-Length", "Transfer-Encoding", "Connection", "Date", "Server")
            kept = {key: value for key, value in answer.headers.items() if key not in left_out}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app = web.Application(client_max_size=32 * 2**20)
    app.router.add_route("*", "/{path:.*}", forward)
    async with serving(app, listener):
        yield recorder
    # A function may go on without the answer: then nothing else would tell of the call.
    if recorder.unknown:
        raise recorder.unknown[0]


async def run(name: str, event: object, variables: Mapping[str, str], aws: LocalAws) -> Any:
    """Run a function's handler as it is deployed, with calls to AWS going to `aws`."""
    package = (LAMBDA_SRC / name / "__init__.py").exists()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUN,
        json.dumps(event),
        f"{name}.handler" if package else "handler",
        cwd=LAMBDA_SRC if package else LAMBDA_SRC / name,
        env={"PATH": os.environ["PATH"], **variables, **aws.environment},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])


def assert_role_fits(iam: Any, role_arn: str, needs: set[Need]) -> None:
    """Fail unless a role allows every call that was recorded, and nothing that was not."""
    assert_grants_fit(grants_of(iam, role_arn), needs)


def assert_grants_fit(grants: set[Grant], needs: set[Need]) -> None:
    """Fail unless grants allow every call that was recorded, and nothing that was not."""
    assert needs
    assert {need for need in needs if not any(each.allows(need) for each in grants)} == set()
    of_the_function = {each for each in grants if each.action not in OF_THE_PLATFORM}
    unused = {each for each in of_the_function if not any(map(each.allows, needs))}
    assert unused == set()
