"""Choice of the best isolation supported by this machine."""

from warmlens.runtime.cgroups import find_cgroups
from warmlens.runtime.isolation import Isolation
from warmlens.runtime.watchdog import Watchdog


def best_isolation() -> Isolation:
    """Return control groups where this user may make some, and the watchdog elsewhere."""
    return find_cgroups() or Watchdog()
