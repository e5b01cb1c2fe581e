"""One simulation or many: by the compiled kernel where Numba is installed, else in plain Python."""

import importlib.util
import math
from enum import StrEnum

from warmlens.errors import WarmlensError
from warmlens.planner.outcome import Outcome
from warmlens.planner.scenario import Scenario
from warmlens.planner.traffic import Traffic


class Backend(StrEnum):
    """What computes; both give the same figures."""

    AUTO = "auto"
    NUMBA = "numba"
    PYTHON = "python"


def resolve_backend(backend: Backend = Backend.AUTO) -> Backend:
    """Return which one computes.

    Raises:
        WarmlensError: Numba is asked for and not installed.
    """
    installed = importlib.util.find_spec("numba") is not None
    if backend is Backend.NUMBA and not installed:
        raise WarmlensError(
            "no_numba",
            "Numba is not installed: pip install numba, or take "
            "--backend python, which gives the same figures and takes longer",
        )
    if backend is Backend.AUTO:
        return Backend.NUMBA if installed else Backend.PYTHON
    return backend


def simulate(
    scenario: Scenario,
    traffic: Traffic,
    *,
    horizon_s: float,
    seed: int,
    backend: Backend = Backend.AUTO,
) -> Outcome:
    """Serve users' calls for a time.

    Args:
        scenario: the function and how it is run.
        traffic: the users.
        horizon_s: how long.
        seed: draws arrivals, times and the lives of instances.
        backend: what computes.

    Raises:
        WarmlensError: an arrival of a trace is out of order, the horizon is not above zero, or
            Numba is asked for and not installed.
    """
    if not 0 < horizon_s < math.inf:
        raise WarmlensError(
            "bad_horizon", f"{horizon_s:g} s are to be simulated: give a time above 0"
        )
    if resolve_backend(backend) is Backend.NUMBA:
        from warmlens.planner import kernel_run

        return kernel_run.simulate(scenario, traffic, horizon_s=horizon_s, seed=seed)
    from lab.oracle import reference  # moves out of here with the backends

    arrivals = traffic.arrivals(seed, horizon_s)
    return reference.simulate(scenario, arrivals, horizon_s=horizon_s, seed=seed)
