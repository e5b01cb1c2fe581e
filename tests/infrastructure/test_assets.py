"""Files that a synth makes functions of: readable in Lambda, on a pinned base image."""

import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.constructs import classifier
from stacks.constructs.classifier import base_image
from tests.infrastructure.variants import BARE, Assembly, synthesize
from warmlens.paths import LAMBDA_SRC, ROOT

DOCKERFILE = LAMBDA_SRC / "classifier" / "Dockerfile"
BASE = LAMBDA_SRC / "classifier" / "base" / "Dockerfile"
TAG = base_image().partition("@")[0]

Pin = Callable[[str], tuple[int, str]]


def images(assembly: Path) -> dict[str, Any]:
    """The container images of an environment by the hash that CDK pushes each under."""
    found: dict[str, Any] = {}
    for path in assembly.glob("*.assets.json"):
        found |= json.loads(path.read_text())["dockerImages"]
    return found


def test_functions_of_a_clone_under_umask_077_are_readable_for_the_user_of_lambda(
    cloud_assembly: Path,
) -> None:
    assets = list(cloud_assembly.glob("asset.*"))
    paths = [path for asset in assets for path in (asset, *asset.rglob("*"))]
    names = {path.name for path in paths}
    assert {"handler.py", "Dockerfile", "models", "index.html"} <= names
    # CDK's own functions, too: their source is unpacked under the same umask.
    assert names & {"index.js", "__entrypoint__.js"}
    for path in paths:
        mode = path.stat().st_mode
        needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
        assert mode & needed == needed, f"{stat.filemode(mode)} {path}"


def test_the_image_is_built_on_a_base_image_that_is_pinned_by_its_digest(
    cloud_assembly: Path,
) -> None:
    folders = sorted(cloud_assembly.glob("assembly-*"))
    assert folders
    for folder in folders:
        (image,) = images(folder).values()
        base = image["source"]["dockerBuildArgs"]["BASE_IMAGE"]
        assert re.fullmatch(r"public\.ecr\.aws/lambda/python:3\.\d+@sha256:[0-9a-f]{64}", base)
        assert base == base_image()


def test_a_build_by_hand_starts_from_the_same_tag() -> None:
    (default,) = re.findall(r"^ARG BASE_IMAGE=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert default == TAG


def test_a_renewed_base_image_is_a_new_image_though_our_source_is_the_same(
    tmp_path: Path, variants: dict[str, Assembly], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "classifier" / "base"
    folder.mkdir(parents=True)
    renewed = re.sub("sha256:.*", f"sha256:{'5' * 64}", BASE.read_text())
    (folder / "Dockerfile").write_text(renewed)
    monkeypatch.setattr(classifier, "LAMBDA_SRC", tmp_path)
    synthesize(tmp_path / "out", BARE)
    before, after = images(variants["bare"].folder), images(tmp_path / "out" / "assembly-bare")
    assert before
    assert not before.keys() & after.keys()


@pytest.fixture
def pin(tmp_path: Path) -> Pin:
    """Runs .ci/pin-base-image on a copy; `docker` is a script, as no registry is asked."""
    copy = tmp_path / BASE.relative_to(ROOT)
    copy.parent.mkdir(parents=True)
    shutil.copy(BASE, copy)
    script = tmp_path / ".ci" / "pin-base-image"
    script.parent.mkdir()
    shutil.copy(ROOT / ".ci" / "pin-base-image", script)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()

    def run(answer: str) -> tuple[int, str]:
        docker.write_text(
            f'#!/bin/sh\n[ "$3" = inspect ] && [ "$4" = {TAG} ] || exit 9\n{answer}\n'
        )
        docker.chmod(0o755)
        environment = {**os.environ, "PATH": f"{docker.parent}:{os.environ['PATH']}"}
        result = subprocess.run([script], env=environment, capture_output=True, check=False)
        return result.returncode, copy.read_text()

    return run


def test_the_digest_can_be_renewed_by_hand(pin: Pin) -> None:
    newest = "sha256:" + "7" * 64
    exit_code, text = pin(f"echo {newest}")
    assert exit_code == 0
    assert f"FROM {TAG}@{newest}\n" in text


@pytest.mark.parametrize("answer", ["exit 1", "echo no digest", "true"])
def test_a_digest_that_docker_does_not_name_changes_nothing(pin: Pin, answer: str) -> None:
    exit_code, text = pin(answer)
    assert exit_code != 0
    assert text == BASE.read_text()
