"""A stand-in for the API and its bucket, for answers that the real ones rarely give."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from warmlens.local.loopback import listen, serving, url_of

ANSWER = {
    "method": "classification",
    "TOP1_ID": "1", "TOP1_label": "cup", "TOP1_softmax": 1.0,
    "predictions": [{"id": "1", "label": "cup", "softmax": 1.0}],
    "time": 0.1, "cold_start": True, "init_ms": 1.0,
    "model": "cups", "version": "1.0.0", "instance_id": "i-1", "stages_ms": {"decode": 2},
    "recognized": True,
}  # fmt: skip
EXPLANATION = {
    "id": "1", "rows": 1, "columns": 2, "values": [1.0, 0],
    "area": {"left": 0.25, "top": 0.0, "width": 0.5, "height": 1.0},
}  # fmt: skip
WAKEUP = {key: ANSWER[key] for key in ("time", "model", "version", "instance_id", "init_ms")} | {
    "method": "wakeup",
    "cold_start": False,
}
MODEL = WAKEUP | {
    "method": "model",
    "title": "demo cups",
    "class_count": 2,
    "threshold": 0.5,
    "labels": ["cup", "mug"],
}
GRANT = {
    "fields": {"key": "uploads/x.jpg"},
    "file_path": "uploads/x.jpg",
    "delete_token": "secret",
}


class Service:
    """A service at an address; what it answers to each path is a status and a text or JSON.

    `first` has what it answers to the first calls.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.requests: list[tuple[web.Request, bytes]] = []
        self.headers: dict[str, str] = {}
        self.first: dict[str, list[tuple[int, Any]]] = {}
        self.answers: dict[str, tuple[int, Any]] = {
            "/uploads": (200, {**GRANT, "url": f"{url}/storage"}),
            "/storage": (204, ""),
            "/classification": (200, ANSWER),
            "/wakeup": (200, WAKEUP),
            "/model": (200, MODEL),
        }

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request, await request.read()))
        self.asked.append(request.path)
        waiting = self.first.get(request.path)
        status, body = waiting.pop(0) if waiting else self.answers[request.path]
        headers = self.headers if status >= 400 else None
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=headers)
        return web.json_response(body, status=status, headers=headers)


@asynccontextmanager
async def running_service() -> AsyncIterator[Service]:
    """Yield a service that runs."""
    listener = listen()
    service = Service(url_of(listener))
    app = web.Application(client_max_size=2**23)
    app.router.add_route("*", "/{path:.*}", service.answer)
    async with serving(app, listener):
        yield service
