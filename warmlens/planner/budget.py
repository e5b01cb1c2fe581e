"""Limits on the number of simulated calls, and a warning before slow runs."""

from warmlens.console import err
from warmlens.errors import WarmlensError
from warmlens.planner.simulate import Backend, resolve_backend
from warmlens.planner.traffic import Profile, Traffic, in_words_of_time

MOST_CALLS = 20_000_000_000
LONG_S = 20.0
# As measured by `python -m lab bench scale`, docs/planning.md.
CALLS_PER_S = {Backend.PYTHON: 1e5, Backend.NUMBA: 3e6}


def require_affordable(traffic: Traffic, *, horizon_s: float, times: int) -> float:
    """Return the number of calls that several simulations of the traffic have.

    Raises:
        WarmlensError: there are too many; the message names the options to lower.
    """
    calls = traffic.expected(horizon_s) * times
    if calls > MOST_CALLS:
        why = f"{calls:.3g} calls to simulate; the maximum is {MOST_CALLS:.3g}"
        raise WarmlensError("too_many_calls", f"{why}: give {_what_to_lower(traffic, horizon_s)}")
    return calls


def slow_run_warning(calls: float, backend: Backend) -> str | None:
    """Return a warning before a slow simulation; None where it is fast.

    Raises:
        WarmlensError: Numba is asked for and not installed.
    """
    in_force = resolve_backend(backend)
    takes_s = calls / CALLS_PER_S[in_force]
    if takes_s < LONG_S:
        return None
    words = f"{calls:,.0f} calls take about {in_words_of_time(takes_s)}"
    if in_force is Backend.NUMBA:
        return f"{words} on a machine such as that of docs/planning.md."
    compiled = in_words_of_time(1 + calls / CALLS_PER_S[Backend.NUMBA])
    return f"{words} in plain Python, and about {compiled} after pip install numba."


def _what_to_lower(traffic: Traffic, horizon_s: float) -> str:
    if not isinstance(traffic, Profile):
        return "a shorter trace with --traffic, or fewer --seeds"
    bursts = traffic.bursts
    in_bursts = bursts.size * bursts.per_hour * horizon_s / 3600.0 if bursts else 0.0
    if in_bursts * 2 > traffic.expected(horizon_s):
        return "a smaller --burst-size or --bursts-per-hour"
    return "a smaller --rps or --traffic, fewer --hours or fewer --seeds"


def warn_if_slow(calls: float, backend: Backend) -> None:
    """Warn on standard error before a slow simulation."""
    words = slow_run_warning(calls, backend)
    if words:
        err.print(words)
