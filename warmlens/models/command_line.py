"""What the commands of `warmlens model` share: consoles, options, and how they refuse."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from warmlens.models.errors import ModelError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Folder = Annotated[Path, typer.Option("--folder", help="Folder of model artifacts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def typed_command() -> str:
    """Return what the person typed, without where the program lies."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Tell of a refusal, or of packages that are not installed, in one line."""
    try:
        yield
    except ModelError as error:
        err.print(f"{error.code}: {error.message}", style="red", markup=False)
        raise typer.Exit(1) from None
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("warmlens"):
            raise
        err.print(
            f"package_missing: The package {error.name} is not installed; run pip install -r "
            "requirements-models.txt.",
            style="red",
            markup=False,
        )
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        err.print("Stopped. The same command goes on from the last checkpoint.")
        raise typer.Exit(130) from None
