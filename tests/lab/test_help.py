"""Help texts of `python -m lab`."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from lab.__main__ import app


def commands(command: Any, name: str = "python -m lab") -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name."""
    children = getattr(command, "commands", {})
    if not children:
        yield name, command
    for child in children:
        yield from commands(children[child], f"{name} {child}")


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_its_options_allow(name: str) -> None:
    command = COMMANDS[name]
    assert command.epilog, f"{name} has no example"
    assert command.epilog.startswith(f"Example: {name}")
    words = shlex.split(command.epilog.removeprefix("Example: "))[len(name.split()) :]
    command.make_context(name, words)
