"""Command groups that import a subcommand only when it is used, for a fast start."""

from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperGroup


class Group(TyperGroup):
    """A command group that skips the validation of its options' defaults before a subcommand.

    Typer validates them with pydantic, whose import takes 0.1 s.

    Attributes:
        sections: the subcommands by section of the help text, in its order; empty for one list.
    """

    sections: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options of the group; before a subcommand there are none."""
        ctx.has_subcommand_first = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options to parse."""
        return [] if getattr(ctx, "has_subcommand_first", False) else super().get_params(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the subcommands, in the order of the sections."""
        listed = [name for names in self.sections.values() for name in names]
        return listed or list(super().list_commands(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of subcommands in the help text."""
        if not self.sections:
            super().format_commands(ctx, formatter)
            return
        width = max(map(len, self.commands))
        for title, names in self.sections.items():
            shown = [
                (name, self._line_of_help(ctx, name, formatter.width - 6 - width)) for name in names
            ]
            rows = [(f"{name:{width}}", text) for name, text in shown if text is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _line_of_help(self, ctx: Any, name: str, limit: int) -> str | None:
        """Return a subcommand's line of help; None if it is hidden or does not exist."""
        command = self.get_command(ctx, name)
        return None if command is None or command.hidden else command.get_short_help_str(limit)


class LazyGroup(Group):
    """A command group with subcommands in modules that are slow to import.

    Attributes:
        modules: each subcommand's module, which has a Typer app named `app`, and its line of help.
    """

    modules: dict[str, tuple[str, str]]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Commands(self.commands, self.modules)

    def _line_of_help(self, ctx: Any, name: str, limit: int) -> str | None:
        """Return a subcommand's line of help, without importing any."""
        if name in self.modules:
            return self.modules[name][1]
        return super()._line_of_help(ctx, name, limit)


class _Commands(UserDict[str, Any]):
    def __init__(self, commands: Any, modules: dict[str, tuple[str, str]]) -> None:
        super().__init__(commands)
        self._modules = modules
        self.data.update(dict.fromkeys(modules))

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            module, _ = self._modules[name]
            app: typer.Typer = import_module(module).app
            app.rich_markup_mode = None
            group = typer.main.get_group(app)
            group.name = name
            self.data[name] = group
        return self.data[name]
