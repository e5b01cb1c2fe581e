"""Verdicts on the paper's claims, measured on a deployed API over the network."""

from collections.abc import Callable, Iterator

from lab.experiments import concurrency
from lab.experiments.claim import (
    BEATEN,
    CONFIRMED,
    CORRECTED,
    MEASURED,
    NOT_MEASURED,
    OPEN,
    Claim,
    grows,
    idle_expiry,
    making_five,
    serving_five,
    whole_flow,
)
from lab.experiments.prices import PAPER
from lab.experiments.record_query import NoRecordError, RecordSet

_LOCAL_ONLY = (
    ("Fig. 10", "The first call takes 10,460 ms, the second 460 ms", "stages"),
    ("4", "The largest memory used is 422 MB", "stages"),
    ("Fig. 13", "768 MB is the best for its price, and below it speed falls steeply", "memory"),
    ("5", "Lambda is cheaper than EC2", "memory"),
)


def cold_starts(results: RecordSet) -> Iterator[Claim]:
    """Judge section 3.2 on cold starts."""
    cold = results.get("flow_ms", temperature="cold")
    if cold is None:
        raise NoRecordError("flow_ms")
    yield Claim(
        "3.2",
        "A cold start takes about 8 s",
        BEATEN if cold.value < PAPER["cold_start_ms"] else CONFIRMED,
        f"a photo's whole flow takes {cold.value:,.0f} ms where its call met a cold start (median "
        f"of {cold.samples}), upload and the way over the network included",
        MEASURED,
    )


def stages(results: RecordSet) -> Iterator[Claim]:
    """Judge Fig. 11 on the stages of a call."""
    warm = results.get("flow_ms", temperature="warm", call="second")
    if warm is None:
        raise NoRecordError("flow_ms")
    yield whole_flow(
        warm.value,
        f"signing, upload and classification take {warm.value:.0f} ms, p99 {warm.p99:.0f} ms, the "
        "way over the network included",
    )


def idle(results: RecordSet) -> Iterator[Claim]:
    """Judge section 4.2 on idle expiry."""
    shares = {
        count: sorted(
            (each.conditions["wait_min"], each.value)
            for each in results.select("still_there_share", instances=count)
        )
        for count in (1, PAPER["instances_kept"])
    }
    if not all(shares.values()):
        raise NoRecordError("still_there_share")
    seen = "; ".join(
        f"of {count}: "
        + ", ".join(f"after {wait_min} min {share:.0%}" for wait_min, share in points)
        for count, points in shares.items()
    )
    yield idle_expiry(f"still there {seen}. AWS documents no time and may change it")


def waking(results: RecordSet) -> Iterator[Claim]:
    """Judge section 4.2 on starting five instances and serving five users."""
    wake = results.get("wake_ms", "ours")
    if wake is None:
        raise NoRecordError("wake_ms")
    yield making_five(
        wake.value,
        f"{wake.value / 1000:.1f} s for five wakeups at once, of which "
        f"{wake.conditions['hold_ms']} ms are their hold; some may have met instances that were "
        "there already",
    )
    five = results.get("response_ms", "ours", clients=PAPER["instances_kept"], arrivals="closed")
    if five is not None:
        yield serving_five(
            five.value,
            f"median {five.value:.0f} ms, p99 {five.p99:.0f} ms, the way over the network included",
        )


def many_at_once(results: RecordSet) -> Iterator[Claim]:
    """Judge Fig. 12 on many connections at once."""
    times = sorted(
        (each.conditions["clients"], each.value)
        for each in results.select("response_ms", concurrency.REAL, arrivals="closed")
    )
    refused = sorted(
        (each.conditions["clients"], each.value)
        for each in results.select("throttled_share", concurrency.REAL, arrivals="closed")
    )
    if len(times) < 2 or not refused:
        raise NoRecordError("response_ms")
    (few, few_ms), (many, many_ms) = times[0], times[-1]
    yield Claim(
        "Fig. 12",
        "The response time grows in proportion to the number of connections",
        CONFIRMED if grows(few_ms, few, many_ms, many) else CORRECTED,
        f"{few_ms:.0f} ms with {few} calls at once, {many_ms:.0f} ms with {many}, of those that "
        "were answered",
        MEASURED,
    )
    most, share = refused[-1]
    yield Claim(
        "Fig. 12",
        "Above the limit of 1,000 nothing happens: no errors",
        OPEN if most <= concurrency.LIMIT else CORRECTED if share > 0 else CONFIRMED,
        f"of {most} calls at once {share:.1%} get 429: from the throttle of the API's stage, the "
        "function's reserved concurrency, or the account's limit, whichever is smallest "
        f"({refused[0][1]:.1%} of {refused[0][0]})",
        MEASURED,
    )


def not_measured(results: RecordSet) -> Iterator[Claim]:
    """Yield the claims that only a local cloud can show, as they need other settings."""
    for where, claim, name in _LOCAL_ONLY:
        if not results.select("warm_ms" if name == "memory" else "peak_rss_mb"):
            evidence = f"measured in a local cloud: `python -m lab experiments run {name}`"
            yield Claim(where, claim, OPEN, evidence, NOT_MEASURED)


MAKERS: tuple[Callable[[RecordSet], Iterator[Claim]], ...] = (
    cold_starts,
    stages,
    idle,
    waking,
    many_at_once,
    not_measured,
)
