"""The commands as a page of the docs: `python -m warmlens.commands_page > docs/commands.md`."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from warmlens.cli import app
from warmlens.paths import ROOT

_BEGIN = """# Commands

`warmlens` is in `.venv/bin`; `. .venv/bin/activate` puts it on the PATH. On a terminal it draws
tables, into a pipe it prints plain lines with tabs; `--json` prints JSON and nothing else. Errors
go to standard error, or with `--json` to standard output as `{"error": {"code", "message"}}`; they
say what to do, and end with an exit code other than 0.

This page is made from the commands' own help by `make reference`.
"""


def page() -> str:
    """Return the page."""
    parts = [_BEGIN]
    for name, command in commands():
        parts.append(f"\n## {name}\n\n{_text(command)}\n\n```text\n{_usage(name, command)}\n```\n")
        rows = [row for parameter in command.params for row in _rows(parameter)]
        if rows:
            parts.append("\n| option or argument | what it says |\n| --- | --- |\n" + "".join(rows))
    return "".join(parts)


def commands() -> list[tuple[str, Any]]:
    """Return each command with its whole name, as `warmlens local up`, in alphabetical order."""
    return sorted(_leaves("warmlens", typer.main.get_command(app)), key=lambda pair: pair[0])


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", {})
    if not children or command.invoke_without_command:
        yield name, command
    for child in children.values():
        yield from _leaves(f"{name} {child.name}", child)


def _text(command: Any) -> str:
    return _cell(inspect.cleandoc(command.help or ""))


def _usage(name: str, command: Any) -> str:
    return " ".join([name, "[OPTIONS]", *filter(None, map(_metavar, command.params))])


def _metavar(parameter: Any) -> str:
    if not _is_argument(parameter):
        return ""
    name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _rows(parameter: Any) -> Iterator[str]:
    if getattr(parameter, "hidden", False):
        return
    if _is_argument(parameter):
        name = parameter.name.upper()
    else:
        name = ", ".join((*parameter.opts, *parameter.secondary_opts))
    words = " ".join((parameter.help or "").split())
    default = (
        ""
        if parameter.default in (None, False, ()) or callable(parameter.default)
        else (f" Default: `{_shown(parameter.default)}`.")
    )
    yield f"| `{name}` | {_cell(words)}{default} |\n"


def _shown(default: Any) -> str:
    return str(default).removeprefix(f"{ROOT}/")


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
