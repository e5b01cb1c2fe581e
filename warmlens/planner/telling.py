"""Warnings before slow simulations."""

from warmlens.console import err
from warmlens.planner.limits import said_before
from warmlens.planner.simulate import Engine


def tell_long(calls: float, engine: Engine) -> None:
    """Say on standard error how long so many calls take, where that is long."""
    words = said_before(calls, engine)
    if words:
        err.print(words)
