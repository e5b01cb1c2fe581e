"""Checks of this machine: programs, port, disk."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from warmlens.doctor.check import Check
from warmlens.local.assembly import CDK_VARIABLES
from warmlens.local.loopback import obstacle
from warmlens.local.state import RunningCloud
from warmlens.paths import ROOT
from warmlens.runtime.best_isolation import best_isolation

PAGE_PORT = 8080
LOWEST_NODE = 20
TESTED_NODE = 22
NEEDED_BYTES = 1_500_000_000  # .venv, node_modules and .warmlens by `du`, with a margin
_TIMEOUT_S = 60


def machine_checks(running: RunningCloud | None, root: Path = ROOT) -> Iterator[Check]:
    """Check this machine.

    Args:
        running: the running local cloud of this checkout.
        root: the checkout.
    """
    yield _python()
    yield _node()
    yield _port(running)
    yield _disk(root)
    limits = best_isolation().description
    yield Check(name="Limits of instances", goal="run", state="ok", found=limits)
    yield _cdk(root)
    yield _docker()


def _python() -> Check:
    check = partial(Check, name="Python", goal="run")
    found = f"Python {platform.python_version()}, {sys.executable}"
    if importlib.util.find_spec("ensurepip") is None:
        mend = "Install venv; on Debian: sudo apt install python3-venv"
        return check(state="problem", found=f"{found}, without pip", mend=mend)
    return check(state="ok", found=found)


def _node() -> Check:
    check = partial(Check, name="Node", goal="run")
    version = (_output("node", "--version") or "").strip()
    match = re.match(r"v(\d+)\.", version)
    newer = "Node 22 or newer: https://nodejs.org/en/download"
    if match is None:
        return check(state="problem", found="not on the PATH", mend=f"Install {newer}")
    found = f"Node {version}"
    if shutil.which("npm") is None:
        mend = "Install npm; on Debian: sudo apt install npm"
        return check(state="problem", found=f"{found}, without npm", mend=mend)
    major = int(match[1])
    if major < LOWEST_NODE:
        mend = f"The CDK library needs Node {LOWEST_NODE} or newer; install {newer}"
        return check(state="problem", found=found, mend=mend)
    if major < TESTED_NODE:
        mend = f"It works, but Node {major} gets no more fixes; install {newer}"
        return check(state="warning", found=found, mend=mend)
    return check(state="ok", found=found)


def _port(running: RunningCloud | None) -> Check:
    check = partial(Check, name="Port", goal="run")
    if running:
        where = running.url or f"starting, process {running.pid}"
        return check(state="ok", found=f"the local cloud runs: {where}")
    reason = obstacle(PAGE_PORT)
    if reason is None:
        return check(state="ok", found=f"{PAGE_PORT} is free")
    mend = "make run picks a free port; or choose one: make run PORT=8081"
    return check(state="warning", found=f"{PAGE_PORT} {reason}", mend=mend)


def _disk(root: Path) -> Check:
    check = partial(Check, name="Disk", goal="run")
    free_bytes = shutil.disk_usage(root).free
    found = f"{free_bytes / 1e9:.1f} GB free"
    if free_bytes < NEEDED_BYTES:
        mend = f"Free some space: the installation takes up to {NEEDED_BYTES / 1e9:.1f} GB"
        return check(state="warning", found=found, mend=mend)
    return check(state="ok", found=found)


def _cdk(root: Path) -> Check:
    check = partial(Check, name="CDK command", goal="deploy")
    program = root / "node_modules" / ".bin" / "cdk"
    if not program.exists():
        mend = "Install the version pinned in package.json: make synth"
        return check(state="problem", found="not installed", mend=mend)
    output = _output(str(program), "--version")
    if output is None:
        mend = "Remove node_modules, then: make synth"
        return check(state="problem", found="it does not start", mend=mend)
    return check(state="ok", found=output.strip())


def _docker() -> Check:
    check = partial(Check, name="Image builder", goal="deploy")
    program = os.environ.get("CDK_DOCKER", "docker")
    if shutil.which(program) is None:
        mend = "Install Docker, or name another builder: export CDK_DOCKER=podman"
        return check(state="problem", found=f"{program} is not on the PATH", mend=mend)
    if _output(program, "info") is None:
        mend = "Start Docker, and check that you may use it: docker info"
        return check(state="problem", found=f"{program} is installed but not running", mend=mend)
    if platform.machine().lower() not in ("x86_64", "amd64"):
        found = f"{program}, on another processor architecture ({platform.machine()})"
        mend = (
            "The image for x86_64 is built by emulation, which is slow; "
            'architecture="arm64" in environments.py avoids that'
        )
        return check(state="warning", found=found, mend=mend)
    return check(state="ok", found=f"{program} runs")


def _output(*command: str) -> str | None:
    """Return the output of a program, or None if it is missing or fails."""
    variables = {**os.environ, **CDK_VARIABLES}
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
            env=variables,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None
