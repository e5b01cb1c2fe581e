"""Shared parts of the command lines: running an app, reporting errors, common options."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from warmlens.console import err
from warmlens.errors import WarmlensError

Folder = Annotated[Path, typer.Option("--folder", help="Folder of the local cloud's state.")]
Models = Annotated[
    Path, typer.Option("--models", help="Folder of model versions, as NAME/VERSION.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    An error is reported as one line on standard error, or, where `--json` is given, as
    `{"error": {"code", "message"}}` on standard output.

    Args:
        app: the command line.
        arguments: without the program's name; those of the process unless given.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return app(args=given, standalone_mode=False) or 0
    except WarmlensError as error:
        report(error, as_json="--json" in given)
        return error.exit_code
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("warmlens", "training", "lab"):
            raise
        message = (
            f"The package {error.name} is not installed; run pip install -r "
            "requirements-models.txt."
        )
        report(WarmlensError("package_missing", message), as_json="--json" in given)
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:
        report(WarmlensError("file_error", str(error)), as_json="--json" in given)
        return 1
    except typer.TyperException as error:
        code = "usage" if error.exit_code == 2 else "failed"
        report(WarmlensError(code, error.format_message()), as_json="--json" in given)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        err.print("Stopped.")
        return 130


def report(error: WarmlensError, *, as_json: bool) -> None:
    """Print an error.

    Args:
        error: what to print.
        as_json: as a JSON document on standard output, else as a line on standard error.
    """
    if as_json:
        document = {"error": {"code": error.code, "message": error.message}}
        typer.echo(json.dumps(document))
    else:
        err.print(f"{error.code}: {error.message}", style="red")


def typed_command() -> str:
    """Return the command as it was typed, without the folder of the program."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
