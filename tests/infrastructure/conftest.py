"""Fixtures: the synthesized templates of every environment and of the variants."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import stages
from tests import environments_as_shipped
from tests.infrastructure.variants import VARIANTS, Assembly, synthesize
from warmlens.paths import ROOT

ENV_NAMES = [settings.env_name for settings in stages()]
NOWHERE = "http://127.0.0.1:9"


def once_for_all_workers(
    paths: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]
) -> Path:
    """Return a folder that the first worker of pytest-xdist fills and the others read."""
    base = paths.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, filled = shared / name, shared / f"{name}.filled"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not filled.exists():
            fill(folder)
            filled.touch()
    return folder


@pytest.fixture(scope="session")
def cloud_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every environment, by `npx cdk synth` without network, credentials or Docker.

    In a clone that was made under umask 077, as some machines have it, and under that umask.
    """
    home = tmp_path_factory.mktemp("home")
    return once_for_all_workers(
        tmp_path_factory, "assembly", lambda folder: synthesize_by_cli(folder, home)
    )


def clone_for_its_owner(folder: Path) -> None:
    """Copy what a synth reads, for the copy's owner alone."""
    for name in ("app.py", "cdk.json", "package.json"):
        shutil.copy(ROOT / name, folder)
    shutil.copy(environments_as_shipped.__file__, folder / "environments.py")
    for name in ("stacks", "lambda_src", "model_artifacts", "web", "warmlens/prices"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "api.md", folder / "docs")
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")


def synthesize_by_cli(folder: Path, home: Path) -> None:
    clone = home / "clone"
    clone.mkdir()
    clone_for_its_owner(clone)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "CDK_HOME": str(home),
        "CDK_DOCKER": "/bin/false",
        "HTTPS_PROXY": NOWHERE,
        "HTTP_PROXY": NOWHERE,
        "AWS_EC2_METADATA_DISABLED": "true",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    }
    result = subprocess.run(
        ["npx", "--no-install", "cdk", "synth", "--quiet", "--output", str(folder)],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        umask=0o077,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="session")
def environments(cloud_assembly: Path) -> dict[str, Assembly]:
    """The environments by name."""
    return {name: Assembly(name, cloud_assembly / f"assembly-{name}") for name in ENV_NAMES}


@pytest.fixture(scope="session", params=ENV_NAMES)
def assembly(request: pytest.FixtureRequest, environments: dict[str, Assembly]) -> Assembly:
    """Each environment in turn."""
    return environments[request.param]


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Assembly]:
    """The variants by name."""
    folder = once_for_all_workers(
        tmp_path_factory, "variants", lambda folder: synthesize(folder, *VARIANTS.values())
    )
    return {name: Assembly(name, folder / f"assembly-{name}") for name in VARIANTS}


@pytest.fixture(scope="session")
def assemblies(
    environments: dict[str, Assembly], variants: dict[str, Assembly]
) -> dict[str, Assembly]:
    """The environments and the variants by name."""
    return environments | variants


@pytest.fixture(scope="session", params=[*ENV_NAMES, *VARIANTS])
def any_assembly(request: pytest.FixtureRequest, assemblies: dict[str, Assembly]) -> Assembly:
    """Each environment and each variant in turn."""
    return assemblies[request.param]


@pytest.fixture
def odd(variants: dict[str, Assembly]) -> Assembly:
    """The environment in which few settings have their default."""
    return variants["odd"]


@pytest.fixture
def plain(variants: dict[str, Assembly]) -> Assembly:
    """An environment of which only the name is set, but for what is None or empty elsewhere."""
    return variants["plain"]
