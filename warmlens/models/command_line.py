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
from warmlens.refusals import tell_refusal

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Folder = Annotated[Path, typer.Option("--folder", help="Folder of model artifacts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def typed_command() -> str:
    """Return what the person typed, without where the program lies."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


@contextlib.contextmanager
def plain_errors(*, as_json: bool = False) -> Iterator[None]:
    """Tell of a refusal, or of packages that are not installed, in one line.

    Args:
        as_json: on standard output, for a program.
    """
    try:
        yield
    except ModelError as error:
        tell_refusal(error.code, error.message, as_json=as_json)
        raise typer.Exit(1) from None
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("warmlens"):
            raise
        message = (
            f"The package {error.name} is not installed; run pip install -r "
            "requirements-models.txt."
        )
        tell_refusal("package_missing", message, as_json=as_json)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        err.print("Stopped. The same command goes on from the last checkpoint.")
        raise typer.Exit(130) from None
