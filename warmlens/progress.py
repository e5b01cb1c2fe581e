"""Progress display for long commands; it shows nothing in a pipe, unless steps are wanted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from warmlens.console import err, printable

OnStep = Callable[[str], None]
OnProgress = Callable[[int, int | None], None]
_TASK = TextColumn("{task.description}", markup=False)


@contextmanager
def spinner(task: str, *, print_steps: bool = False) -> Iterator[OnStep]:
    """Show a spinner, a task and its elapsed time.

    Args:
        task: such as "measuring".
        print_steps: True prints each step on a line that stays, also in a pipe.

    Yields:
        A function to call with the current step.
    """
    columns = (SpinnerColumn(), _TASK, TimeElapsedColumn())
    with _shown(task, *columns) as (progress, task_id):

        def on_step(step: str) -> None:
            progress.update(task_id, description=printable(f"{task}: {step}"))
            if print_steps:
                progress.console.print(f"{task}: {step}", markup=False)

        yield on_step


@contextmanager
def progress_bar(task: str, *, in_bytes: bool = False) -> Iterator[OnProgress]:
    """Show a bar with the completed steps of a task and its remaining time.

    Args:
        task: such as "simulating".
        in_bytes: True if its steps are bytes.

    Yields:
        A function to call with the number of completed steps and the total, None if unknown.
    """
    completed = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (_TASK, BarColumn(), completed, TimeRemainingColumn())
    with _shown(task, *columns) as (progress, task_id):
        yield lambda completed, total: progress.update(task_id, completed=completed, total=total)


@contextmanager
def _shown(task: str, *columns: ProgressColumn) -> Iterator[tuple[Progress, TaskID]]:
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield progress, progress.add_task(printable(task), total=None)
