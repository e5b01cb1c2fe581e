"""Long work at a terminal: what is being done, and for how long already."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

Part = Callable[[str], None]
Count = Callable[[int, int], None]


@contextmanager
def under_way(err: Console, what: str) -> Iterator[Part]:
    """Show on a terminal that work goes on, and its time; nothing in a pipe.

    Args:
        err: standard error.
        what: is being done, as "measuring".

    Yields:
        A function to call with the part that is done now.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what)
        yield lambda part: progress.update(task, description=f"{what}: {part}")


@contextmanager
def counted(err: Console, what: str) -> Iterator[Count]:
    """Show on a terminal how much of some work is done, and its time; nothing in a pipe.

    Args:
        err: standard error.
        what: is being done, as "simulating".

    Yields:
        A function to call with how many parts are done, and of how many.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
