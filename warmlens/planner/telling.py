"""What the commands of `warmlens plan` tell beside their answer: refusals, and long waits."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from warmlens.planner.errors import PlanError
from warmlens.planner.limits import said_before
from warmlens.planner.simulate import Engine
from warmlens.prices import PriceError
from warmlens.refusals import tell_refusal

err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def refusals(*, as_json: bool) -> Iterator[None]:
    """Tell a refusal by its code, and exit with 1.

    Args:
        as_json: as JSON, for programs.
    """
    try:
        yield
    except (PlanError, PriceError) as error:
        tell_refusal(error.code, str(error), as_json=as_json)
        raise typer.Exit(1) from None


def tell_long(calls: float, engine: Engine) -> None:
    """Say on standard error how long so many calls take, where that is long."""
    words = said_before(calls, engine)
    if words:
        err.print(words, markup=False)
