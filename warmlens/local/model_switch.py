"""HTTP API of the local page's switch between the published models.

In AWS, `warmlens model serve` alone changes the model.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web
from botocore.exceptions import BotoCoreError, ClientError

from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens.local.aws import ENV_NAME, LocalAws
from warmlens.local.gateway import error_answer, json_object
from warmlens.registry.manifest import Manifest
from warmlens.registry.pruning import prune_or_report
from warmlens.registry.serving import Serving
from warmlens.registry.store import Store

MODELS_PATH = "/_local/models"
SERVE_PATH = "/_local/serve"


class ModelSwitch:
    """The models of a running local cloud that its engine runs, and the one it serves.

    Args:
        outputs: outputs of its stacks by name.
        aws: clients of its emulator.
        engine: engine that it runs models with.
    """

    def __init__(self, outputs: Mapping[str, str], aws: LocalAws, *, engine: str) -> None:
        self._function = outputs["ClassifierFunction"]
        self._lambda = aws.lambda_
        self._store = Store(aws.s3, outputs["ModelsBucket"], ENV_NAME)
        self._serving = Serving.of(outputs, aws.lambda_, aws.s3, ENV_NAME)
        self._engine = engine
        self._manifests: dict[tuple[str, str], Manifest | None] = {}

    def models(self) -> list[dict[str, Any]]:
        """Return the published versions, those with the fewest classes first.

        Raises:
            WarmlensError: the emulator refused or does not answer.
        """
        served = self._serving.current()
        known = [self._manifest(name, version) for name, version in self._store.versions()]
        found = [each for each in known if each is not None and each.engine == self._engine]
        return [
            {
                "name": each.name,
                "version": each.version,
                "title": each.title,
                "class_count": each.class_count,
                "served": (each.name, each.version) == (served.name, served.version),
            }
            for each in sorted(found, key=lambda each: each.class_count)
        ]

    def serve(self, name: str, version: str) -> dict[str, Any]:
        """Serve a published version, and return which was served before and is served after.

        Raises:
            WarmlensError: what :meth:`Serving.serve` raises.
        """
        if (name, version) not in self._store.versions():
            raise WarmlensError(
                "not_published",
                f"This model is not published here; GET {MODELS_PATH} lists those that are.",
            )
        change = self._serving.serve(name, version)
        prune_or_report(self._lambda, self._function)
        return asdict(change)

    def _manifest(self, name: str, version: str) -> Manifest | None:
        """Return the manifest of a version, which never changes; None for one that is wrong."""
        if (name, version) not in self._manifests:
            try:
                manifest = self._store.manifest(name, version)
            except WarmlensError as error:
                if isinstance(error.__cause__, (BotoCoreError, ClientError)):
                    raise
                err.print(f"{name} {version} is not offered: {error.message}")
                self._manifests[name, version] = None
            else:
                self._manifests[name, version] = manifest
        return self._manifests[name, version]


def switch_routes(switch: ModelSwitch) -> list[web.RouteDef]:
    """Return the routes of the switch.

    - GET `/_local/models`: the published versions, each with `name`, `version`, `title` (or null),
      `class_count` and `served`.
    - POST `/_local/serve` `{"name": "mine", "version": "1.0.0"}`: serves one, as `warmlens model
      serve` does; answers what was served `before` and `after`. Calls that come at once follow one
      another.

    Args:
        switch: the models.
    """
    one_at_a_time = asyncio.Lock()

    async def models(_: web.Request) -> web.StreamResponse:
        try:
            listed = await asyncio.to_thread(switch.models)
        except WarmlensError as error:
            return _refused(error)
        return web.json_response(listed, headers={"Cache-Control": "no-store"})

    async def serve(request: web.Request) -> web.StreamResponse:
        body = await json_object(request)
        if isinstance(body, web.Response):
            return body
        name, version = body.get("name"), body.get("version")
        if not isinstance(name, str) or not isinstance(version, str):
            return error_answer(
                400,
                "invalid_model",
                f'"name" and "version" must be texts; GET {MODELS_PATH} lists them.',
            )
        try:
            async with one_at_a_time:
                return web.json_response(await asyncio.to_thread(switch.serve, name, version))
        except WarmlensError as error:
            return _refused(error)

    return [web.get(MODELS_PATH, models), web.post(SERVE_PATH, serve)]


def _refused(error: WarmlensError) -> web.Response:
    if isinstance(error.__cause__, BotoCoreError):
        raise error.__cause__  # the emulator does not answer, which the gateway reports
    return error_answer(404 if error.code == "not_published" else 503, error.code, error.message)
