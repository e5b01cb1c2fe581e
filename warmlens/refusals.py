"""How commands say that they refuse: a line for people, a document for programs."""

import json

import typer
from rich.console import Console

err = Console(stderr=True, highlight=False, soft_wrap=True)


def tell_refusal(code: str, message: str, *, as_json: bool) -> None:
    """Say what is refused and what to do; the exit code is the caller's.

    Args:
        code: a stable word, such as `not_found`.
        message: a sentence or two for people.
        as_json: as `{"error": {"code", "message"}}` on standard output, else on standard error.
    """
    if as_json:
        typer.echo(json.dumps({"error": {"code": code, "message": message}}))
    else:
        err.print(f"{code}: {message}", style="red", markup=False)
