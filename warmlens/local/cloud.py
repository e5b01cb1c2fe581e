"""Start and shutdown of the local cloud, with deployment of the app."""

import asyncio
import json
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from warmlens.console import err
from warmlens.local.assembly import Stack, engine_of, read_stacks, synthesize
from warmlens.local.aws import CONCURRENCY, ENV_NAME, Keys, LocalAws
from warmlens.local.buckets import PAPER_PATH, fill_buckets, served_model
from warmlens.local.capped_log import CappedLog, capping
from warmlens.local.deploy import deploy
from warmlens.local.emulator import EMULATOR_LOG, running_emulator
from warmlens.local.emulator_fixes import add_request_validators, stage_url
from warmlens.local.fleet_view import CallLog, fleet_routes
from warmlens.local.gateway import gateway_app
from warmlens.local.image_functions import ImageFunctions, PoolAddress, serving_pool
from warmlens.local.loopback import listen, listen_preferring, origins_of, serving, url_of
from warmlens.local.model_switch import ModelSwitch, switch_routes
from warmlens.local.state import StateFile
from warmlens.local.venvs import Venv, local_venvs
from warmlens.paths import LAMBDA_SRC, MODEL_ARTIFACTS, ROOT, STATE, STATE_FILE, WEB
from warmlens.registry.manifest_file import read_manifest
from warmlens.runtime.best_isolation import best_isolation
from warmlens.runtime.clock import Clock
from warmlens.runtime.pool import InstancePool
from warmlens.runtime.private_tmp import OWN, SHARED, find_private_tmp
from warmlens.runtime.request_rate import Reading
from warmlens.warm import warm

EMULATOR_PORT = 4566
_EMULATOR_THREADS = 64  # its own default


class Steps:
    """Reports the steps of a start: the name, then each part of it, then the name and seconds."""

    def __init__(
        self,
        on_begin: Callable[[str], None],
        on_end: Callable[[str, float], None],
        on_part: Callable[[str, str], None] = lambda _name, _part: None,
    ):
        self._on_begin = on_begin
        self._on_end = on_end
        self._on_part = on_part

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Report the block as a step; yields a function that reports a part of it."""
        self._on_begin(name)
        begun_s = time.monotonic()
        yield lambda part: self._on_part(name, part)
        self._on_end(name, time.monotonic() - begun_s)


@dataclass(frozen=True, kw_only=True)
class CloudInfo:
    """Addresses and properties of a running local cloud.

    Attributes:
        url: address of the page and of the API.
        api_url: address of the API's stage in the emulator.
        endpoint_url: address of the emulator.
        outputs: outputs of the deployed stacks.
        log_path: the instances' log.
        first_sample: a photo to try first.
        limits: how instances are limited to their function's memory size, as text.
        tmp: whether each instance has its own /tmp, as text.
        keys: keys of the emulator.
    """

    url: str
    api_url: str
    endpoint_url: str
    keys: Keys
    outputs: dict[str, str]
    log_path: Path
    first_sample: Path
    limits: str
    tmp: str


@asynccontextmanager
async def local_cloud(
    *,
    folder: Path,
    steps: Steps,
    listener: socket.socket | None = None,
    model: str | None = None,
    api: str | None = None,
    models: Path = MODEL_ARTIFACTS,
    torch_index: str | None = None,
    concurrency: int = CONCURRENCY,
    idle_expiry_s: float | Callable[[], float] = 600.0,
    platform_s: float | Callable[[], float] = 0.0,
    per_environment_limit: Reading | None = "account",
    image_functions_url: str | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[CloudInfo]:
    """Run the local cloud for as long as the block runs.

    Args:
        folder: folder for its state, logs and temporary files.
        steps: reports the steps of the start.
        listener: listening socket of the page and the API, closed at the end; a free port's unless
            given.
        model: `NAME@VERSION` to serve instead of what the settings name.
        api: kind of API, `rest` or `http`, instead of what the settings name.
        models: folder that contains the served model's version.
        torch_index: address of a package index with PyTorch's CPU builds, for a model that it runs.
        concurrency: the account's concurrency: most calls at once, of all functions.
        idle_expiry_s: seconds after which an idle instance ends, or a function that returns them
            for each instance.
        platform_s: seconds of Lambda's own part of a cold start, or a function that returns them
            for each instance.
        per_environment_limit: reading of AWS's limit of 10 requests a second for each execution
            environment; None for no limit.
        image_functions_url: URL that gets the calls of container-image functions instead of the
            pool, such as a fake Lambda.
        clock: measures the lifetimes of instances; the machine's clock unless given.

    Raises:
        WarmlensError: it cannot start; the message says why and what to do.
    """
    state = StateFile(folder / STATE_FILE)
    state.remove_leftovers()
    state.write()
    async with AsyncExitStack() as stack:
        stack.callback(state.remove)
        listener = stack.enter_context(listener or listen())
        with steps.step("Synthesizing the app"):
            needed = read_manifest(_folder_of(model, models)).engine if model else None
            assembly = await synthesize(
                ENV_NAME, STATE / "assemblies", model=model, engine=needed, api=api
            )
            stacks = read_stacks(assembly)
        engine = engine_of(stacks)
        emulator_venv, classifier_venv = await _install_venvs(steps, engine, torch_index)

        scratch = folder / "emulator"
        shutil.rmtree(scratch, ignore_errors=True)
        address = stack.enter_context(PoolAddress())
        functions_url = image_functions_url or address.url
        keys = Keys.random()
        with steps.step("Starting the emulator"):
            emulator = running_emulator(
                folder,
                python=emulator_venv.python,
                listener=stack.enter_context(listen_preferring(EMULATOR_PORT)),
                function_urls={
                    name: functions_url for each in stacks for name in each.image_functions()
                },
                account_concurrency=concurrency,
                # One thread for each call being served, and some for the control plane.
                threads=max(_EMULATOR_THREADS, concurrency + 16),
                keys=keys,
                origins=origins_of(listener),
                on_started=lambda pid: state.write(emulator_pid=pid, keys=keys),
            )
            aws = await stack.enter_async_context(emulator)

        log_path = folder / "instances.log"
        log = stack.enter_context(closing(CappedLog(log_path, warn=err.print)))
        await stack.enter_async_context(capping(folder / EMULATOR_LOG))
        functions = ImageFunctions(
            aws=aws, python=classifier_venv.python, source=LAMBDA_SRC / "classifier"
        )
        isolation = await asyncio.to_thread(best_isolation)
        private_tmp = await asyncio.to_thread(find_private_tmp)
        pool = InstancePool(
            resolve=functions.resolve,
            log=log.write,
            max_instances=concurrency,
            idle_expiry_s=idle_expiry_s,
            platform_s=platform_s,
            per_environment_limit=per_environment_limit,
            clock=clock,
            isolation=isolation,
            private_tmp=private_tmp,
            extra_environment={"AWS_ENDPOINT_URL": aws.endpoint_url},
        )
        calls = CallLog(pool)
        if not image_functions_url:
            await stack.enter_async_context(serving_pool(pool, address, calls))

        with steps.step("Deploying the app"):
            outputs = await asyncio.to_thread(_deploy, stacks, aws)
        with steps.step("Publishing the model"):
            first_sample = await asyncio.to_thread(fill_buckets, outputs, aws, models)

        info = CloudInfo(
            url=url_of(listener),
            api_url=stage_url(outputs, aws),
            endpoint_url=aws.endpoint_url,
            keys=keys,
            outputs=outputs,
            log_path=log_path,
            first_sample=first_sample,
            limits=isolation.description,
            tmp=OWN if private_tmp else SHARED,
        )
        gateway = gateway_app(
            api_url=info.api_url,
            upload_origin=aws.endpoint_url,
            page=WEB,
            served_model=lambda: asyncio.to_thread(served_model, outputs, aws),
            page_configuration=json.loads(outputs["PageConfiguration"]),
            documents=_documents(models),
            status=lambda: _status(info, pool),
            more_routes=[
                *fleet_routes(
                    describe=lambda: calls.describe(pool.instances()),
                    warm=lambda instances: asyncio.to_thread(
                        warm, outputs, aws.lambda_, ENV_NAME, instances
                    ),
                    start_fresh=pool.start_fresh,
                    api_url=info.api_url,
                    file_path=PAPER_PATH,
                ),
                *switch_routes(ModelSwitch(outputs, aws, engine=engine)),
            ],
        )
        await stack.enter_async_context(serving(gateway, listener))
        state.write(url=info.url)
        yield info


async def _install_venvs(steps: Steps, engine: str, torch_index: str | None) -> tuple[Venv, Venv]:
    emulator, classifier = local_venvs(engine, torch_index)
    missing = [each for each in (emulator, classifier) if not each.is_installed]
    if missing:
        names = " and ".join(each.name for each in missing)
        with steps.step(f"Installing the environments of {names}") as report:
            sizes = " and ".join(each.label for each in missing)
            report(f"Downloads, the first time only: {sizes}")
            try:
                async with asyncio.TaskGroup() as group:
                    for each in missing:
                        group.create_task(each.install(report))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
    return emulator, classifier


def _documents(models: Path) -> dict[str, Path]:
    cards = sorted(models.glob("*/*/README.md"))
    named = {f"cards/{each.parts[-3]}-{each.parts[-2]}.txt": each for each in cards}
    return {"api.txt": ROOT / "docs" / "api.md", **named}


def _deploy(stacks: list[Stack], aws: LocalAws) -> dict[str, str]:
    outputs = deploy(stacks, aws)
    add_request_validators(stacks, outputs["ApiId"], aws)
    return outputs


def _folder_of(model: str, models: Path) -> Path:
    name, _, version = model.partition("@")
    return models / name / version


def _status(info: CloudInfo, pool: InstancePool) -> dict[str, Any]:
    instances = [
        {**asdict(instance), "created_at": instance.created_at.isoformat()}
        for instance in pool.instances()
    ]
    return {
        "url": info.url,
        "api_url": info.api_url,
        "aws_endpoint_url": info.endpoint_url,
        "log": str(info.log_path),
        "limits": info.limits,
        "tmp": info.tmp,
        "instances": instances,
    }
