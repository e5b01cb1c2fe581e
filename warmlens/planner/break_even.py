"""The traffic at which two bills are equal."""

import math
from collections.abc import Callable, Iterable

from warmlens.planner.bill import Item, scaled, total_usd

LOW, MOST = 1e-4, 1_000.0
CLOSE = 1.01


def crossing(
    dearer: Callable[[float], float],
    *,
    low: float = LOW,
    most: float = MOST,
    close: float = CLOSE,
) -> float | None:
    """Return the least factor of the traffic from which one bill is higher than another.

    Args:
        dearer: the difference of the bills at a factor, which crosses 0 once at most.
        low: least factor that is tried.
        most: highest factor that is tried.
        close: ratio of the ends of the interval in which it is known in the end.

    Returns:
        The factor; None if the bill is lower up to `most`.
    """
    high = 1.0
    if dearer(1.0) < 0:
        low = 1.0
        while dearer(high) < 0:
            low, high = high, high * 2
            if high > most:
                return None
    while high / low > close:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if dearer(middle) >= 0 else (middle, high)
    return high


def equal_photos(bill: Iterable[Item], servers: Iterable[Item], photos: float) -> float | None:
    """Return the number of photos for which two bills are equal, exactly.

    Args:
        bill: a bill of that many photos.
        servers: another bill of as many.
        photos: the number.

    Returns:
        The number of photos from which the first bill is the higher one; None if it never is.
    """
    bills = tuple(bill), tuple(servers)
    fixed = [total_usd(scaled(items, 0.0)) for items in bills]
    growing = [total_usd(items) - at_rest for items, at_rest in zip(bills, fixed, strict=True)]
    each = (growing[0] - growing[1]) / photos
    return (fixed[1] - fixed[0]) / each if each > 0 else None
