"""HTTP gateway of the local cloud: the page and the API under one origin.

CloudFront does this on AWS. Here a small server forwards the API's calls to the emulator.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from warmlens.local.state import STATUS_PATH
from warmlens.runtime.gate import own_callers_only
from warmlens.runtime.invocation import RequestTooLargeError, TooManyRequestsError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_logger = logging.getLogger(__name__)

CALLS = (
    ("POST", "classification"),
    ("POST", "wakeup"),
    ("GET", "model"),
    ("POST", "uploads"),
    ("DELETE", "uploads"),
)
*_NAMED, _LAST_NAMED = (f"{method} /{call}" for method, call in CALLS)
_NO_SUCH_CALL = (
    f"There is no such call and no such file. The calls are {', '.join(_NAMED)} and {_LAST_NAMED}."
)
MAX_BODY_BYTES = 6 * 2**20  # Lambda's limit for a synchronous call; API Gateway's is 10 MB
_FORWARDED = ("Content-Type", "X-Delete-Token")
BODY_TIMEOUT_S = 60.0
GATEWAY_TIMEOUT_S = 29  # API Gateway's limit for an integration


def gateway_app(
    *,
    api_url: str,
    upload_origin: str,
    page: Path,
    served_model: Callable[[], Awaitable[tuple[str, str]]],
    page_configuration: Mapping[str, Any],
    documents: Mapping[str, Path],
    status: Callable[[], dict[str, Any]],
    more_routes: Sequence[web.RouteDef] = (),
) -> web.Application:
    """Return the gateway's application.

    Args:
        api_url: the deployed API's stage in the emulator.
        upload_origin: origin of presigned uploads, for the page's Content-Security-Policy.
        page: folder of the page.
        served_model: returns name and version of the served model.
        page_configuration: the page's configuration, except for the model.
        documents: files that the page links to, by name: `api.txt`, and `cards/NAME-VERSION.txt`.
        status: returns the answer of `/_local/status`.
        more_routes: further routes, such as the view of the fleet.
    """
    policy = page_policy(upload_origin)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if response.content_type == "text/html" or request.path.endswith((".js", ".css")):
            response.headers["Cache-Control"] = "no-cache"

    async def file(request: web.Request) -> web.StreamResponse:
        name = request.match_info["path"] or "index.html"
        if name in documents:
            text = documents[name].read_text(encoding="utf-8")
            return web.Response(text=text, content_type="text/plain", charset="utf-8")
        return web.FileResponse(_file_of(page, name))

    async def local_status(_: web.Request) -> web.StreamResponse:
        return web.json_response(status())

    async def configuration(_: web.Request) -> web.StreamResponse:
        name, version = await served_model()
        return web.json_response(
            {
                "model_name": name,
                "model_version": version,
                **page_configuration,
                "cards": [name.removeprefix("cards/") for name in documents if "/" in name],
                "photos_kept": "while it runs",
                "fleet": bool(more_routes),
            },
            headers={"Cache-Control": "no-store"},
        )

    app = web.Application(
        client_max_size=MAX_BODY_BYTES,
        middlewares=[own_callers_only(_foreign), _errors_of_the_api, _bounded],
    )
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(_api_session)
    app[_API_URL] = api_url.rstrip("/")
    app.router.add_get(STATUS_PATH, local_status)
    app.add_routes(more_routes)
    app.router.add_get("/configuration.json", configuration)
    for method, call in CALLS:
        app.router.add_route(method, f"/{call}", _forward)
        app.router.add_route(method, f"/{call}/", _forward)
    app.router.add_get("/{path:.*}", file)
    return app


def page_policy(upload_origin: str) -> str:
    """Return the page's Content-Security-Policy, which is that of stacks/web.py.

    Args:
        upload_origin: origin of presigned uploads.
    """
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        f"connect-src 'self' {upload_origin}; worker-src 'self'; "
        "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


_API_URL = web.AppKey("api_url", str)
_SESSION = web.AppKey("session", aiohttp.ClientSession)


async def _api_session(app: web.Application) -> Any:
    timeout = aiohttp.ClientTimeout(total=GATEWAY_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        app[_SESSION] = session
        yield


def _file_of(page: Path, name: str) -> Path:
    try:
        path = (page / name).resolve()
        if path.is_relative_to(page.resolve()) and path.is_file():
            return path
    except (OSError, ValueError):
        pass  # longer than a file's name may be, or a NUL in it
    raise web.HTTPNotFound


async def _forward(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    headers = {"Content-Type": "application/json"} | {
        name: request.headers[name] for name in _FORWARDED if name in request.headers
    }
    try:
        async with request.app[_SESSION].request(
            request.method,
            request.app[_API_URL] + request.path.rstrip("/"),
            params=request.query,
            data=body,
            headers=headers,
        ) as answer:
            text = await answer.read()
            # The emulator passes a refusal of the pool on as a failure of the function.
            of_pool = answer.status >= 500 and TooManyRequestsError.error_type.encode() in text
            if (answer.status == 429 or of_pool) and not _is_error_answer(text):
                return error_answer(
                    429,
                    "throttled",
                    "More calls at once than the local cloud's --concurrency, or ten times as many "
                    "in a second. Try again in a moment.",
                )
            if answer.status >= 500 and RequestTooLargeError.error_type.encode() in text:
                return _too_large()  # as API Gateway answers when Lambda refuses the event
            if answer.status >= 500 and not _is_error_answer(text):
                # The emulator leaves out the API's gateway responses for failed integrations.
                return error_answer(
                    answer.status,
                    "unavailable",
                    "The function failed; `warmlens local status` names its log.",
                )
            return web.Response(
                status=answer.status,
                body=text,
                headers={
                    "Content-Type": answer.headers.get("Content-Type", "application/json"),
                    "Cache-Control": answer.headers.get("Cache-Control", "no-store"),
                },
            )
    except TimeoutError:
        return error_answer(504, "timed_out", f"No answer within {GATEWAY_TIMEOUT_S} s; try again.")
    except aiohttp.ClientError:
        return _emulator_gone()


def _too_large() -> web.Response:
    return error_answer(
        413,
        "request_too_large",
        "The request is too large: a function accepts 6 MB as JSON, which is a photo of 4.4 MB. "
        "Upload the photo: ask /uploads where.",
    )


def _foreign(message: str) -> web.Response:
    return error_answer(403, "foreign_caller", message)


@web.middleware
async def _bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the body before the handler does, within a size and a time, and never inflate one."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        message = "Send the body as it is, without Content-Encoding."
        return error_answer(415, "unsupported_encoding", message)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            await request.read()
    except web.HTTPRequestEntityTooLarge:
        return _too_large()
    except TimeoutError:
        message = f"The body did not arrive within {BODY_TIMEOUT_S:g} s."
        answer = error_answer(408, "timed_out", message)
        answer.force_close()
        return answer
    return await handler(request)


@web.middleware
async def _errors_of_the_api(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what is no call and no file of the page in the form of the API's errors."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPForbidden, web.HTTPMethodNotAllowed):
        return error_answer(404, "no_such_call", _NO_SUCH_CALL)
    except (web.RequestPayloadError, web.HTTPBadRequest):
        return error_answer(400, "invalid_json", "The body cannot be read.")
    except web.HTTPException:
        raise
    except Exception as error:
        if _is_of_the_emulator(error):
            return _emulator_gone()
        _logger.exception("%s %s failed", request.method, request.path)
        return error_answer(
            500, "internal_error", "The local cloud failed; the terminal that runs it shows why."
        )


def _is_of_the_emulator(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    return isinstance(error, (BotoCoreError, ClientError, aiohttp.ClientError, ConnectionError))


def _emulator_gone() -> web.Response:
    return error_answer(
        503,
        "unavailable",
        "The local cloud's emulator does not answer. Stop the local cloud and start it again: make "
        "down, then make run.",
    )


def _is_error_answer(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and isinstance(answer.get("error"), dict)


async def json_object(request: web.Request) -> dict[str, Any] | web.Response:
    """Return the JSON object in a request's body, empty for other JSON; else an error."""
    # Another page in this browser may send a form here, but no JSON.
    if request.content_type != "application/json":
        return error_answer(415, "unsupported_type", "The body must be JSON.")
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        body = None
    return body if isinstance(body, dict) else {}


def error_answer(status: int, code: str, message: str) -> web.Response:
    """Return an error in the API's form."""
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
