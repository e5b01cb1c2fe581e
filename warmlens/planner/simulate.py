"""One simulation or many: by the compiled kernel where Numba is installed, else in plain Python."""

import importlib.util
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from warmlens.errors import WarmlensError
from warmlens.planner.model import Model
from warmlens.planner.outcome import Outcome
from warmlens.planner.student import t_975
from warmlens.planner.traffic import Traffic


class Engine(StrEnum):
    """What computes; both give the same figures."""

    AUTO = "auto"
    NUMBA = "numba"
    PYTHON = "python"


def engine_in_force(engine: Engine = Engine.AUTO) -> Engine:
    """Return which one computes.

    Raises:
        WarmlensError: Numba is asked for and not installed.
    """
    installed = importlib.util.find_spec("numba") is not None
    if engine is Engine.NUMBA and not installed:
        raise WarmlensError(
            "no_numba",
            "Numba is not installed: pip install -r requirements-planner.txt, or take "
            "--engine python, which gives the same figures and takes longer",
        )
    if engine is Engine.AUTO:
        return Engine.NUMBA if installed else Engine.PYTHON
    return engine


def simulate(
    model: Model,
    traffic: Traffic,
    *,
    horizon_s: float,
    seed: int,
    engine: Engine = Engine.AUTO,
) -> Outcome:
    """Serve users' calls for a time.

    Args:
        model: the function and how it is run.
        traffic: the users.
        horizon_s: how long.
        seed: draws arrivals, times and the lives of instances.
        engine: what computes.

    Raises:
        WarmlensError: an arrival of a trace is out of order, the horizon is not above zero, or
            Numba is asked for and not installed.
    """
    if not 0 < horizon_s < math.inf:
        raise WarmlensError(
            "bad_horizon", f"{horizon_s:g} s are to be simulated: give a time above 0"
        )
    if engine_in_force(engine) is Engine.NUMBA:
        from warmlens.planner import kernel_run

        return kernel_run.simulate(model, traffic, horizon_s=horizon_s, seed=seed)
    from lab.oracle import reference  # moves out of here with the backends

    arrivals = traffic.arrivals(seed, horizon_s)
    return reference.simulate(model, arrivals, horizon_s=horizon_s, seed=seed)


@dataclass(frozen=True)
class Interval:
    """A mean over seeds, and where the mean of all seeds would be, nineteen times of twenty.

    Attributes:
        mean: of the seeds.
        low, high: of the interval; the mean itself for a single seed.
    """

    mean: float
    low: float
    high: float


def interval(values: Sequence[float]) -> Interval:
    """Return the mean with its 95 % interval, by Student's t distribution.

    Args:
        values: one for each seed.
    """
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Interval(mean, mean, mean)
    half = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
