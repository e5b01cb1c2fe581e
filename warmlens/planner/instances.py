"""The simulated instances: which one serves a call, when it is free again, and their limits."""

from warmlens.planner.rng import draw, uniform
from warmlens.planner.scenario import (
    DAY_H,
    HOUR_S,
    REQUESTS_PER_S_PER_ENVIRONMENT,
    SCALING_WINDOW_S,
)
from warmlens.planner.state import (
    N_BUSY,
    N_FREE,
    N_IDLE,
    N_PROVISIONED,
    N_RESTING,
    N_STARTED,
    N_UNUSED,
    STARTS,
    T_PLATFORM,
    T_PROVISIONED_TOKENS,
    T_PROVISIONED_TOKENS_AT,
    T_TOKENS,
    T_TOKENS_AT,
    State,
)

REFUSED, RESTING = -1, -2
LONG_AGO_S = -1e18
WINDOW_S = 1.0


def _ends_before(s: State, a: int, b: int) -> bool:
    if s.ends[a] != s.ends[b]:
        return s.ends[a] < s.ends[b]
    return s.numbers[s.busy[a]] < s.numbers[s.busy[b]]


def _swap(s: State, a: int, b: int) -> None:
    s.ends[a], s.ends[b] = s.ends[b], s.ends[a]
    s.busy[a], s.busy[b] = s.busy[b], s.busy[a]


def _push(s: State, end_s: float, slot: int) -> None:
    """Add to the heap; the caller has counted it as busy or resting."""
    at = s.n[N_BUSY] + s.n[N_RESTING] - 1
    s.ends[at], s.busy[at] = end_s, slot
    while at > 0:
        parent = (at - 1) // 2
        if not _ends_before(s, at, parent):
            break
        _swap(s, at, parent)
        at = parent


def _pop(s: State) -> None:
    """Remove the first of the heap; the caller then counts it no longer."""
    last = s.n[N_BUSY] + s.n[N_RESTING] - 1
    s.ends[0], s.busy[0] = s.ends[last], s.busy[last]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and _ends_before(s, child + 1, child):
            child += 1
        if not _ends_before(s, child, at):
            break
        _swap(s, at, child)
        at = child


def begin(s: State, end_s: float, slot: int) -> None:
    """Begin a call on an instance that `seat` found."""
    s.n[N_BUSY] += 1
    _push(s, end_s, slot)


def _end_one(s: State) -> None:
    end_s, slot = s.ends[0], s.busy[0]
    _pop(s)
    if s.resting[slot] == 1:
        s.resting[slot] = 0
        s.n[N_RESTING] -= 1
    else:
        s.n[N_BUSY] -= 1
        s.idle_since[slot] = end_s
        if s.each_limited:
            until_s = s.recent[slot * REQUESTS_PER_S_PER_ENVIRONMENT + s.recent_at[slot]] + WINDOW_S
            if until_s > end_s:
                s.resting[slot] = 1
                s.n[N_RESTING] += 1
                _push(s, until_s, slot)
                return
    if s.numbers[slot] < 0:
        s.free[s.n[N_FREE]] = slot
        s.n[N_FREE] += 1
        s.n[N_PROVISIONED] -= 1
    else:
        s.idle[s.n[N_IDLE]] = slot
        s.n[N_IDLE] += 1


def end_until(s: State, now_s: float) -> None:
    """End all calls and rests until a moment."""
    while s.n[N_BUSY] + s.n[N_RESTING] > 0 and s.ends[0] <= now_s:
        _end_one(s)


def stays(s: State, slot: int, now_s: float) -> bool:
    """Whether an idle instance has neither expired nor reached its lifetime."""
    return now_s - s.idle_since[slot] < s.expiry[slot] and now_s - s.born[slot] < s.lifetime[slot]


def _token(s: State, now_s: float, instances: int, tokens: int, tokens_at: int) -> bool:
    """Take a token from a bucket that fills at, and holds, ten a second for each instance."""
    most = float(REQUESTS_PER_S_PER_ENVIRONMENT * instances)
    filled = min(most, s.t[tokens] + (now_s - s.t[tokens_at]) * most)
    s.t[tokens_at] = now_s
    if filled < 1.0:
        s.t[tokens] = filled
        return False
    s.t[tokens] = filled - 1.0
    return True


def _count_request(s: State, slot: int, now_s: float) -> None:
    if s.each_limited:
        at = s.recent_at[slot]
        s.recent[slot * REQUESTS_PER_S_PER_ENVIRONMENT + at] = now_s
        s.recent_at[slot] = (at + 1) % REQUESTS_PER_S_PER_ENVIRONMENT


def _provisioned(s: State, begin_s: float) -> int:
    """Take a provisioned instance: its slot, or REFUSED."""
    count = s.provisioned[int(begin_s // HOUR_S) % DAY_H]
    if s.n[N_PROVISIONED] >= count:
        return REFUSED
    together = s.limited and not s.each_limited
    if together and not _token(s, begin_s, count, T_PROVISIONED_TOKENS, T_PROVISIONED_TOKENS_AT):
        return REFUSED
    s.n[N_PROVISIONED] += 1
    s.n[N_FREE] -= 1
    return s.free[s.n[N_FREE]]


def _start(s: State, now_s: float) -> int:
    """Start an instance: its slot, or REFUSED."""
    if s.each_limited and s.n[N_BUSY] + s.n[N_RESTING] >= s.concurrency:
        return REFUSED
    at = s.n[N_STARTED] % s.scaling
    if s.n[N_STARTED] >= s.scaling and now_s - s.started[at] < SCALING_WINDOW_S:
        return REFUSED
    s.started[at] = now_s
    s.n[N_STARTED] += 1
    s.n[N_UNUSED] -= 1
    slot = s.unused[s.n[N_UNUSED]]
    s.numbers[slot] = s.n[N_STARTED]
    s.born[slot] = now_s
    low, high = s.idle_range_s
    s.expiry[slot] = low + (high - low) * uniform(s.states, STARTS)
    low, high = s.lifetime_range_s
    s.lifetime[slot] = low + (high - low) * uniform(s.states, STARTS)
    if s.each_limited:
        for each in range(
            slot * REQUESTS_PER_S_PER_ENVIRONMENT, (slot + 1) * REQUESTS_PER_S_PER_ENVIRONMENT
        ):
            s.recent[each] = LONG_AGO_S
    return slot


def seat(s: State, now_s: float, synchronous: bool) -> tuple[int, float, float]:
    """Find an instance for a call; calls and rests that ended before have been ended.

    Args:
        s: the state.
        now_s: when the call comes.
        synchronous: whether the limits on requests a second apply.

    Returns:
        Its slot, `REFUSED`, or `RESTING` for an asynchronous call that runs on an instance which
        rests; the time until it is ready, or -1 if it was; when its work begins.
    """
    begin_s = now_s
    metered = synchronous and s.limited
    if metered and not _token(s, now_s, s.concurrency, T_TOKENS, T_TOKENS_AT):
        return REFUSED, -1.0, now_s
    if s.n[N_BUSY] >= s.concurrency:
        if not s.waits:
            return REFUSED, -1.0, now_s
        begin_s = s.ends[0]
        _end_one(s)
    slot = _provisioned(s, begin_s)
    while slot == REFUSED and s.n[N_IDLE] > 0:
        s.n[N_IDLE] -= 1
        idle = s.idle[s.n[N_IDLE]]
        if stays(s, idle, begin_s):
            slot = idle
        else:
            s.unused[s.n[N_UNUSED]] = idle
            s.n[N_UNUSED] += 1
    init_s = -1.0
    if slot == REFUSED:
        if not synchronous and s.n[N_RESTING] > 0:
            return RESTING, -1.0, now_s
        slot = _start(s, begin_s)
        if slot == REFUSED:
            return REFUSED, -1.0, now_s
        s.t[T_PLATFORM] = draw(
            s.platform, s.platform_values, s.platform_quantiles, s.states, STARTS
        )
        init_s = s.t[T_PLATFORM] + draw(s.init, s.init_values, s.init_quantiles, s.states, STARTS)
    if synchronous:
        _count_request(s, slot, begin_s)
    return slot, init_s, begin_s if init_s < 0 else begin_s + init_s
