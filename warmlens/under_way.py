"""Long work at a terminal: what is being done, and for how long already or still."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Part = Callable[[str], None]
Count = Callable[[int, int], None]
_WHAT = TextColumn("{task.description}", markup=False)


@contextmanager
def under_way(err: Console, what: str) -> Iterator[Part]:
    """Show on a terminal that work goes on, and its time; nothing in a pipe.

    Args:
        err: standard error.
        what: is being done, as "measuring".

    Yields:
        A function to call with the part that is done now.
    """
    with _shown(err, what, SpinnerColumn(), _WHAT, TimeElapsedColumn()) as (progress, task):
        yield lambda part: progress.update(task, description=f"{what}: {part}")


@contextmanager
def counted(err: Console, what: str) -> Iterator[Count]:
    """Show on a terminal how much of some work is done, and the time left; nothing in a pipe.

    Args:
        err: standard error.
        what: is being done, as "simulating".

    Yields:
        A function to call with how many parts are done, and of how many.
    """
    columns = (_WHAT, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with _shown(err, what, *columns) as (progress, task):
        yield lambda done, of: progress.update(task, completed=done, total=of)


@contextmanager
def _shown(err: Console, what: str, *columns: ProgressColumn) -> Iterator[tuple[Progress, TaskID]]:
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield progress, progress.add_task(what, total=None)
