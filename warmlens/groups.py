"""Command groups that import a subcommand only when it is used, for a fast start."""

from collections import UserDict
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup


class Group(TyperGroup):
    """A command group that skips the validation of its options' defaults before a subcommand.

    Typer validates them with pydantic, whose import takes 0.1 s.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options of the group; before a subcommand there are none."""
        ctx.has_subcommand_first = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options to parse."""
        return [] if getattr(ctx, "has_subcommand_first", False) else super().get_params(ctx)


class LazyGroup(Group):
    """A command group with subcommands in modules that are slow to import.

    Attributes:
        modules: each subcommand's module, which has a Typer app named `app`, and its line of help.
        sections: the subcommands by section of the help text, in its order.
    """

    modules: dict[str, tuple[str, str]]
    sections: dict[str, tuple[str, ...]]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Commands(self.commands, self.modules)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the subcommands."""
        return [name for names in self.sections.values() for name in names]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of subcommands in the help text, without importing any."""
        limit = formatter.width - 6 - max(map(len, self.commands))
        width = max(map(len, self.commands))
        for title, names in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (
                            f"{name:{width}}",
                            self.modules[name][1]
                            if name in self.modules
                            else self.commands[name].get_short_help_str(limit),
                        )
                        for name in names
                    ]
                )


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
