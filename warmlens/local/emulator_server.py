"""The emulator's process: MiniStack, made to check signatures, behind a gate.

It runs in the emulator's own environment, by its path, with hypercorn's arguments.

MiniStack 1.5.33 with AUTH=true checks signatures and policies, but takes some callers for root
without a look at their signature, answers some paths without any, and gives its functions keys that
follow from their names (docs/decisions/0117-emulator-trusts-keys-only.md).
"""

import contextlib
import json
import os
import re
import resource
import runpy
import sys
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Any, Any], Awaitable[None]]

KEY, SECRET = "WARMLENS_ACCESS_KEY_ID", "WARMLENS_SECRET_ACCESS_KEY"
ORIGINS = "WARMLENS_ORIGINS"
ACCOUNT = "000000000000"
HEALTH = "/_ministack/health"
_FORWARDED = (b"forwarded", b"x-forwarded-proto", b"x-forwarded-for", b"x-forwarded-host")
# Calls of a deployed API, which has its own authorization.
_API_PATH = re.compile(r"/(restapis/[^/]+/[^/]+/_user_request_|_aws/execute-api/[^/]+)(/|$)")
_API_HOST = re.compile(r"[a-z0-9]+\.execute-api\.[a-z0-9.-]*localhost(:\d+)?")
_BUCKET_PATH = re.compile(r"/[^/]+/?")


def gated(
    app: App,
    *,
    origins: Collection[str],
    foreign_caller: Callable[..., str | None],
    is_another_user: Callable[..., bool],
    key_of: Callable[..., str],
) -> App:
    """Return the application behind a gate for callers, and with https as its word to it.

    What is signed goes on to MiniStack, which checks the signature. Of the rest only the calls of a
    deployed API, signed forms of uploads, preflights of the page and the health go on. Loopback
    does not leave the machine, so the gate says of all of it that it came by TLS, as a proxy that
    ends TLS does, and the buckets' policies that ask for TLS stay as they are on AWS.
    """

    async def gate(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] == "http":
            headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in scope["headers"]
            }
            reason = foreign_caller(headers, origins)
            if is_another_user(scope.get("client"), scope.get("server")):
                reason = "it comes from another user of this machine"
            reason = reason or _unsigned(scope, headers, key_of)
            if reason:
                await _refuse(send, reason)
                return
            kept = [each for each in scope["headers"] if each[0].lower() not in _FORWARDED]
            scope = {**scope, "headers": [*kept, (b"x-forwarded-proto", b"https")]}
        elif scope["type"] == "websocket":  # nothing of Warmlens uses one
            await send({"type": "websocket.close", "code": 1008})
            return
        await app(scope, receive, send)

    return gate


def _unsigned(scope: Scope, headers: dict[str, str], key_of: Callable[..., str]) -> str | None:
    method, path = scope["method"], scope["path"]
    if path.startswith(("/_ministack/", "/_localstack/")) or path == "/health":
        is_health = (method, path) == ("GET", HEALTH)
        return None if is_health else "the emulator's own controls are closed"
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    is_form = headers.get("content-type", "").startswith("multipart/form-data")
    goes_on = (
        key_of(headers, query)
        or _API_PATH.match(path)
        or _API_HOST.fullmatch(headers.get("host", ""))
        or (method == "POST" and is_form and _BUCKET_PATH.fullmatch(path))
        or (method == "OPTIONS" and "origin" in headers)
    )
    return None if goes_on else "it is not signed"


async def _refuse(send: Send, reason: str) -> None:
    message = (
        f"The local cloud's emulator refused the request: {reason}. For the AWS command line, "
        'eval "$(warmlens local env)" sets the keys.'
    )
    body = json.dumps({"__type": "AccessDeniedException", "message": message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"x-amzn-errortype", b"AccessDeniedException"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def mend_authentication(key: str, secret: str) -> None:
    """Have MiniStack check everybody's signature.

    Args:
        key: access key id of the account's root, which MiniStack knows as a session's.
        secret: its secret access key.
    """
    from ministack.core import iam_actions, iam_evaluator, lambda_runtime

    # It takes "test", any account's number and its own key for root, and does not check them.
    iam_evaluator.is_root_access_key = lambda key: not key
    own = lambda_runtime.execution_credentials
    # They follow from the names of function and role; only the last part of the role is a name.
    lambda_runtime.execution_credentials = lambda function: own(
        {**function, "Role": f"{secret}/{function.get('Role', '')}"}
    )
    from ministack.services import sts

    root = f"arn:aws:iam::{ACCOUNT}:root"
    sts.register_session(key, {"Arn": root, "UserId": ACCOUNT, "SecretAccessKey": secret})
    action_of = iam_actions.extract_iam_action

    def extract_iam_action(service: str, method: str, path: str, *rest: Any) -> Any:
        # It takes the read of a function's reserved concurrency for its change.
        action = action_of(service, method, path, *rest)
        wrong = method == "GET" and action == "lambda:PutFunctionConcurrency"
        return "lambda:GetFunctionConcurrency" if wrong else action

    iam_actions.extract_iam_action = extract_iam_action
    resource_of = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any
    ) -> Any:
        # It takes a list of repositories, which CDK's role may describe, for all repositories.
        if service == "ecr" and b'"repositoryNames"' in body:
            (name, *_) = json.loads(body)["repositoryNames"]
            body = json.dumps({"repositoryName": name}).encode()
        return resource_of(service, method, path, headers, body, *rest)

    iam_actions.extract_resource_arn = extract_resource_arn
    matches = iam_evaluator._resource_matches

    def resource_matches(arn: str, resources: list[str], others: list[str]) -> bool:
        # It names a parameter without a name of its own /stack/id, CloudFormation without the
        # slash; so "parameter/" and that name have two.
        return bool(matches(arn, [_one_slash(each) for each in resources], others))

    iam_evaluator._resource_matches = resource_matches


def _one_slash(arn: str) -> str:
    return arn.replace(":parameter//", ":parameter/")


def main() -> None:
    """Serve MiniStack by hypercorn, whose arguments are those of this process."""
    # Popped: the functions that MiniStack runs get its environment.
    key, secret, origins = (os.environ.pop(name) for name in (KEY, SECRET, ORIGINS))
    # Like MiniStack's own command, this allows as many connections as it can: macOS starts with
    # 256 and refuses "no limit", but takes 10,240, its OPEN_MAX (setrlimit(2)).
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for files in (most, 10_240):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
            break
    sys.path[0] = str(Path(__file__).parents[2])
    from warmlens.runtime.callers import foreign_caller, is_another_user

    del sys.path[0]
    mend_authentication(key, secret)
    import ministack.app
    from ministack.core.router import extract_access_key_id

    ministack.app.app = gated(
        ministack.app.app,
        origins=origins.splitlines(),
        foreign_caller=foreign_caller,
        is_another_user=is_another_user,
        key_of=extract_access_key_id,
    )
    runpy.run_module("hypercorn", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
