"""Shared code of all command lines: running an app, reporting errors, common options."""

import itertools
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from warmlens import completion
from warmlens.console import err, write_in_any_encoding
from warmlens.errors import WarmlensError, missing_package

STOPPED = 130  # exit code after Ctrl-C, as shells have it: 128 and the signal's number
AWS_FAILED = 3

Folder = Annotated[
    Path,
    typer.Option(
        "--folder", help="Folder of the local cloud's state.", show_default=".warmlens/local"
    ),
]
Models = Annotated[
    Path,
    typer.Option(
        "--models",
        help="Folder of model versions, as NAME/VERSION.",
        show_default="model_artifacts",
    ),
]
_ENV = typer.Option(
    "--env",
    help="Name of an environment, such as dev; local is the local cloud.",
    autocompletion=completion.environments,
)
Env = Annotated[str, _ENV]
OptionalEnv = Annotated[str | None, _ENV]
PriceRegion = Annotated[
    str,
    typer.Option(
        "--region",
        help="AWS region of the prices.",
        envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
ModelName = Annotated[
    str, typer.Argument(help="Name of the model.", autocompletion=completion.model_names)
]
ModelVersion = Annotated[
    str,
    typer.Argument(
        help="Version of the model, such as 1.0.0.", autocompletion=completion.model_versions
    ),
]


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    An error is reported as one line on standard error, or, where `--json` is given, as
    `{"error": {"code", "message"}}` on standard output.

    Args:
        app: the command line.
        arguments: arguments without the program's name; those of the process unless given.
    """
    write_in_any_encoding()
    given = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in itertools.takewhile(lambda word: word != "--", given)
    try:
        code = _run(app, given, as_json=as_json)
        if sys.stdout is not None:  # it is None where the shell has closed it
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # that one: its reader has ended, as `head` does
            message = f"The output cannot be written: {error.strerror or error}."
            report(WarmlensError("file_error", message), as_json=False)
        return 1
    return code


def report(error: WarmlensError, *, as_json: bool) -> None:
    """Print an error.

    Args:
        error: the error.
        as_json: as a JSON document on standard output, else as a line on standard error.
    """
    if as_json:
        document = {"error": {"code": error.code, "message": error.message}}
        typer.echo(json.dumps(document))
    else:
        err.print(f"{error.code}: {_one_line(error.message)}", style="red")


def typed_command() -> str:
    """Return the command as it was typed, without the folder of the program."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _run(app: typer.Typer, arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        code = typer.main.get_command(app)(args=arguments, standalone_mode=False) or 0
    except WarmlensError as error:
        report(error, as_json=as_json)
        return error.exit_code
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.message)
        else:
            report(_usage_error(error), as_json=as_json)
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:
        known = _known_error(error)
        if known is None:
            raise
        report(known, as_json=as_json)
        return known.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    if code == STOPPED:  # what Typer makes of Ctrl-C
        report(WarmlensError("stopped", "Ctrl-C was pressed."), as_json=as_json)
    return int(code)


def _usage_error(error: typer.TyperException) -> WarmlensError:
    message = _one_line(error.format_message()).replace("Value error, ", "")  # pydantic's
    context: Any = getattr(error, "ctx", None)
    if context is not None:
        end = "" if message[-1:] in ".?" else "."
        message = f"{message}{end} For help: {context.command_path} --help"
    code = "usage" if error.exit_code == 2 else "failed"
    return WarmlensError(code, message, exit_code=error.exit_code)


def _known_error(error: Exception) -> WarmlensError | None:
    """Return the error for a library's exception, or None for an unexpected one."""
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        return None if package in ("warmlens", "training", "lab") else missing_package(package)
    if _is_aws_error(error):
        return WarmlensError(
            "aws_refused", f"AWS refused the request: {error}", exit_code=AWS_FAILED
        )
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        where = f"{error.filename}: " if error.filename else ""
        return WarmlensError("file_error", f"{where}{reason}")
    return None


def _is_aws_error(error: Exception) -> bool:
    # Its classes are known only where a command has loaded it, and importing it is slow.
    exceptions: Any = sys.modules.get("botocore.exceptions")
    return exceptions is not None and isinstance(
        error, (exceptions.BotoCoreError, exceptions.ClientError)
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
