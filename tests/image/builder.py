"""Building and running container images with docker, podman or buildah."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stacks.constructs.classifier import base_image

BUILDER = os.environ.get("IMAGE_BUILDER", "docker")
RUNNER = "podman" if BUILDER == "buildah" else BUILDER  # buildah builds into podman's own storage
BASE_IMAGE = os.environ.get("BASE_IMAGE") or base_image()


@dataclass(frozen=True)
class Layer:
    """One layer: its size, and the line of the Dockerfile that made it."""

    size_bytes: int
    made_by: str


@dataclass(frozen=True)
class Image:
    """A built image."""

    tag: str
    size_bytes: int
    layers: tuple[Layer, ...]

    def report(self) -> str:
        """The image's size and that of each layer, as a table for people."""
        lines = [f"{self.tag}: {self.size_bytes / 1e6:.1f} MB in all"]
        lines += [f"  {each.size_bytes / 1e6:8.1f} MB  {each.made_by[:90]}" for each in self.layers]
        return "\n".join(lines)


def build(context: Path, tag: str, arguments: Mapping[str, str] | None = None) -> Image:
    """Build a folder by its Dockerfile as it is, with build arguments by name."""
    given = {"BASE_IMAGE": BASE_IMAGE, **(arguments or {})}
    options = [part for name, value in given.items() for part in ("--build-arg", f"{name}={value}")]
    # The network of the machine itself works wherever a daemon has no bridge.
    _run(BUILDER, "build", "--network", "host", *options, "--tag", tag, str(context))
    (details,) = json.loads(_run(RUNNER, "image", "inspect", tag))
    template = "{{.Size}}\t{{.CreatedBy}}"
    history = _run(RUNNER, "history", "--no-trunc", "--human=false", "--format", template, tag)
    layers = [line.partition("\t") for line in history.splitlines() if line]
    return Image(
        tag, details["Size"], tuple(Layer(int(size), made_by) for size, _, made_by in layers)
    )


def run_command(tag: str, name: str, memory_mb: int, variables: list[str]) -> list[str]:
    """Return the command that starts an instance as Lambda does.

    Nothing can be written but /tmp, the user is not root, and the memory ends where it ends on
    Lambda.

    Args:
        tag: the image.
        name: name for the container.
        memory_mb: its memory.
        variables: names of environment variables that are handed on to it.
    """
    passed = [part for variable in variables for part in ("--env", variable)]
    return [
        RUNNER, "run", "--rm", "--name", name, "--network", "host",
        "--read-only", "--tmpfs", "/tmp", "--user", "993:990",
        "--memory", f"{memory_mb}m", "--memory-swap", f"{memory_mb}m",
        *passed, tag,
    ]  # fmt: skip


def remove_container(name: str) -> None:
    """End a container, if it still runs."""
    subprocess.run([RUNNER, "rm", "--force", name], capture_output=True, check=False)


def inside(tag: str, *command: str) -> str:
    """Run a command in an image in place of its own, and return what it printed."""
    program, *arguments = command
    return _run(
        RUNNER, "run", "--rm", "--network", "none", "--read-only", "--user", "993:990",
        "--entrypoint", program, tag, *arguments,
    )  # fmt: skip


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"
    return result.stdout
