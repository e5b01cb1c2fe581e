"""Wakes ahead of users' calls, when the page opens and when an upload begins."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from warmlens.planner.rng import WAKES, Floats, Ints, States, draw, seed_states
from warmlens.planner.scenario import WakeAhead

if TYPE_CHECKING:
    from warmlens.planner.kernel import Kernel

PAGE_WAKE, UPLOAD_WAKE, CALL = -2, -1, 0
"""Kinds of events; of those at one moment, the least comes first."""


class Wakes(NamedTuple):
    """The lead times of wakes, and the state of drawing them.

    Attributes:
        from_page: whether a wake comes when the page opens.
        from_upload: whether one comes when the upload begins.
        pause, upload: kinds of the distributions of `WakeAhead`.
        pause_values to upload_quantiles: these distributions.
        begin_s: the begin of the simulation; no wake comes before it.
        states: random number stream.
    """

    begin_s: float
    from_page: bool
    from_upload: bool
    pause: int
    upload: int
    pause_values: Floats
    pause_quantiles: Floats
    upload_values: Floats
    upload_quantiles: Floats
    states: States


def draw_wakes(moments: Floats, kinds: Ints, calls: Floats, count: int, w: Wakes) -> int:
    """Fill arrays with the first calls of a chunk and their wakes; return how many there are."""
    filled = 0
    for at in range(count):
        call_s = calls[at]
        pause_s = 0.0
        if w.from_page:
            pause_s = draw(w.pause, w.pause_values, w.pause_quantiles, w.states, 0)
        upload_s = draw(w.upload, w.upload_values, w.upload_quantiles, w.states, 0)
        if w.from_page:
            moments[filled] = max(w.begin_s, call_s - upload_s - pause_s)
            kinds[filled] = PAGE_WAKE
            filled += 1
        if w.from_upload:
            moments[filled] = max(w.begin_s, call_s - upload_s)
            kinds[filled] = UPLOAD_WAKE
            filled += 1
        moments[filled] = call_s
        kinds[filled] = CALL
        filled += 1
    return filled


def with_wakes(
    run: "Kernel",
    calls: Iterable[tuple[Floats, int]],
    policy: WakeAhead,
    seed: int,
    begin_s: float = 0.0,
) -> Iterator[tuple[Floats, Ints, int]]:
    """Yield chunks of calls and their wakes, in the order of time.

    Args:
        run: the kernel.
        calls: chunks of calls in the order of time, and the number of calls in each.
        policy: the lead times.
        seed: seed of the lead times.
        begin_s: the begin of the simulation; a wake that would come before it comes then.
    """
    wakes = Wakes(
        begin_s=float(begin_s),
        from_page=policy.from_page,
        from_upload=policy.from_upload,
        pause=policy.pause.code,
        upload=policy.upload.code,
        pause_values=run.floats(policy.pause.values_s),
        pause_quantiles=run.floats(policy.pause.quantiles),
        upload_values=run.floats(policy.upload.values_s),
        upload_quantiles=run.floats(policy.upload.quantiles),
        states=run.states(seed_states(seed, WAKES)),
    )
    each = 1 + policy.from_page + policy.from_upload
    moments, kinds = run.zeros(0), run.counters(0)
    for chunk, count in calls:
        further, their_kinds = run.zeros(each * count), run.counters(each * count)
        run.draw_wakes(further, their_kinds, chunk, count, wakes)
        moments, kinds = run.in_order(run.joined(moments, further), run.joined(kinds, their_kinds))
        # A later call's wakes are at most the longest lead before it.
        ready = bisect_left(moments, chunk[count - 1] - policy.longest_s)
        yield moments[:ready], kinds[:ready], ready
        moments, kinds = moments[ready:], kinds[ready:]
    yield moments, kinds, len(moments)
