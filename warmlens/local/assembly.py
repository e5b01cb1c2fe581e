"""The CDK assembly of the app: synthesis, cached by source, and reading of its stacks."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmlens.errors import WarmlensError
from warmlens.local.aws import ACCOUNT, REGION
from warmlens.local.command import run_command
from warmlens.local.locks import locked
from warmlens.paths import ROOT, STATE

KEPT = 4
CDK_VARIABLES = {
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(STATE / "jsii"),
}
"""Environment variables of processes that load the CDK library: no warning, a cache in `STATE`."""


@dataclass(frozen=True)
class Asset:
    """A file or folder that must be in a bucket before a stack is deployed."""

    source: Path
    is_folder: bool
    bucket: str
    key: str


@dataclass(frozen=True)
class Stack:
    """A stack of the assembly: its name, its template and the assets it needs."""

    name: str
    template: dict[str, Any]
    assets: tuple[Asset, ...]

    def image_functions(self) -> list[str]:
        """Return the names of its container-image functions."""
        return [
            resource["Properties"]["FunctionName"]
            for resource in self.template["Resources"].values()
            if resource["Type"] == "AWS::Lambda::Function"
            and resource["Properties"].get("PackageType") == "Image"
        ]


async def synthesize(
    env_name: str,
    folder: Path,
    *,
    model: str | None = None,
    engine: str | None = None,
    api: str | None = None,
) -> Path:
    """Synthesize one environment, unless it was synthesized from the same source before.

    Args:
        env_name: the environment.
        folder: where assemblies are kept, each under the digest of its source.
        model: `NAME@VERSION` to serve instead of what the environment's settings name.
        engine: what runs that model, instead of what the settings name.
        api: kind of API, `rest` or `http`, instead of what the settings name.

    Returns:
        The folder of the environment's own assembly.

    Raises:
        WarmlensError: `app.py` failed; the message ends with its output.
    """
    asked = {"env": env_name, "model": model, "engine": engine, "api": api}
    context = {name: value for name, value in asked.items() if value}
    done = folder / _source_digest(context)
    if not done.exists():
        # Clouds that start together wait for one synthesis.
        async with locked(folder.with_suffix(".lock")):
            if not done.exists():
                await _synthesize(context, done)
    return done / f"assembly-{env_name}"


async def _synthesize(context: dict[str, str], done: Path) -> None:
    partial = done.with_name(f"{done.name}.{os.getpid()}")
    try:
        await _run_app(context, partial)
        _put_in_place(partial, done)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_stacks(assembly: Path) -> list[Stack]:
    """Return the stacks of an assembly in an order in which they can be deployed."""
    artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    stacks = {
        name: artifact
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    return [_read_stack(assembly, artifacts, name) for name in _in_order(stacks)]


def engine_of(stacks: list[Stack]) -> str:
    """Return the name of the library that the classifier's image runs models with."""
    (engine,) = {
        variables["ENGINE"]
        for stack in stacks
        for resource in stack.template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        and "ENGINE" in (variables := resource["Properties"]["Environment"]["Variables"])
    }
    return str(engine)


def _in_order(stacks: dict[str, Any]) -> Iterator[str]:
    done: set[str] = set()
    while len(done) < len(stacks):
        for name, artifact in stacks.items():
            needed = {other for other in artifact.get("dependencies", []) if other in stacks}
            if name not in done and needed <= done:
                done.add(name)
                yield name


def _read_stack(assembly: Path, artifacts: dict[str, Any], name: str) -> Stack:
    properties = artifacts[name]["properties"]
    template = json.loads((assembly / properties["templateFile"]).read_text(encoding="utf-8"))
    assets = [
        asset
        for other in artifacts[name].get("dependencies", [])
        if artifacts[other]["type"] == "cdk:asset-manifest"
        for asset in _read_assets(assembly / artifacts[other]["properties"]["file"])
    ]
    return Stack(properties["stackName"], template, tuple(assets))


def _read_assets(path: Path) -> Iterator[Asset]:
    for file in json.loads(path.read_text(encoding="utf-8"))["files"].values():
        source = file["source"]
        if source["path"].endswith(".template.json"):
            continue
        for destination in file["destinations"].values():
            yield Asset(
                source=(path.parent / source["path"]).resolve(),
                is_folder=source["packaging"] == "zip",
                bucket=_substitute(destination["bucketName"]),
                key=destination["objectKey"],
            )


def _substitute(text: str) -> str:
    return text.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _put_in_place(partial: Path, done: Path) -> None:
    """Rename a finished assembly, and remove old ones; the latest may be in use."""
    partial.rename(done)
    finished = [path for path in done.parent.iterdir() if not path.suffix]
    finished.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in finished[KEPT:]:
        if old != done:
            shutil.rmtree(old, ignore_errors=True)


async def _run_app(context: dict[str, str], folder: Path) -> None:
    if not shutil.which("node"):
        raise WarmlensError(
            "local_cloud", "Node is not installed; the CDK library needs version 20 or newer."
        )
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    exit_code, output = await run_command(
        [sys.executable, "app.py"],
        cwd=ROOT,
        environment={
            **os.environ,
            "CDK_OUTDIR": str(folder),
            "CDK_CONTEXT_JSON": json.dumps({**flags, **context}),
            **CDK_VARIABLES,
            "PYTHONDONTWRITEBYTECODE": "",  # pip has not compiled the CDK library: see the Makefile
        },
    )
    if exit_code != 0:
        last_lines = "\n".join(output.strip().splitlines()[-3:])
        raise WarmlensError("local_cloud", f"The app could not be synthesized. {last_lines}")


def _source_digest(context: dict[str, str]) -> str:
    digest = hashlib.sha256(f"{context} {sys.version}".encode())
    folders = (ROOT / "stacks", ROOT / "lambda_src", ROOT / "warmlens" / "prices")
    files = ("app.py", "environments.py", "cdk.json", "requirements.txt")
    sources = [ROOT / name for name in files if (ROOT / name).is_file()]
    for folder in folders:
        sources += [path for path in folder.rglob("*") if path.is_file()]
    for path in sorted(sources):
        if path.suffix != ".pyc":
            digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
