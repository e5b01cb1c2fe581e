"""Verdicts on the paper's claims: confirmed, corrected, beaten or not shown."""

from collections.abc import Callable, Iterator

from lab.experiments import claims_deployed, concurrency, memory
from lab.experiments.claim import (
    BEATEN,
    BOTH,
    COMPUTED,
    CONFIRMED,
    CORRECTED,
    FAKE_LAMBDA,
    MEASURED,
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

LITTLE = 1.25
"""Two times differ little if the larger is at most this multiple of the smaller."""


def claims(results: RecordSet) -> list[Claim]:
    """Return the claims that the records allow to judge, those on the paper's arithmetic first."""
    made: list[Claim] = []
    makers = (*_ARITHMETIC, *(claims_deployed.MAKERS if results.api_option else _MEASURED))
    for make in makers:
        try:
            made.extend(make(results))
        except NoRecordError:
            continue
    return made


def _table_6(results: RecordSet) -> Iterator[Claim]:
    per_million = results.value("usd_per_million", "paper's prices", memory_mb=768, duration_ms=100)
    yield Claim(
        "Table 6",
        "768 MB for 100 ms cost $1.45 per million requests",
        CONFIRMED,
        f"${per_million:.2f} from the prices printed beside it",
        COMPUTED,
    )
    at_500 = {"memory_mb": 768, "duration_ms": 500}
    right = results.value("usd_per_million", "paper's prices", **at_500)
    fees = results.value("usd_per_million", "five request fees", **at_500)
    yield Claim(
        "Table 6",
        "and $7.25 at 500 ms",
        CORRECTED,
        f"${right:.2f}: the price of a request is due once, not for each 100 ms; counted five "
        f"times it gives the ${fees:.2f}",
        COMPUTED,
    )


def _fig_8(results: RecordSet) -> Iterator[Claim]:
    at_500 = {"memory_mb": 768, "duration_ms": 500}
    a_day = results.value("usd_per_day", "paper's prices", **at_500)
    yield Claim(
        "Fig. 8",
        "10,000 requests a day cost $0.0725",
        CORRECTED,
        f"${a_day:.4f}, for the same reason",
        COMPUTED,
    )
    metric = "requests_a_day_where_costs_are_equal"
    printed, right, two = (
        results.value(metric, name, servers=count)
        for name, count in (
            ("five request fees", 1),
            ("paper's prices", 1),
            ("paper's prices", 2),
        )
    )
    yield Claim(
        "Fig. 8",
        "Lambda and EC2 at $3.3 a day cost the same at about 1,000,000 requests a day",
        CORRECTED,
        f"with the printed $7.25 at {printed:,.0f}, with the right $6.45 at {right:,.0f}; at a "
        f"million only if EC2 must grow to two servers, which meet Lambda at {two:,.0f}",
        COMPUTED,
    )


def _fig_9(results: RecordSet) -> Iterator[Claim]:
    metric = "fig_9_usd_per_day"
    few, many = (results.value(metric, "ours, Lambda", connections=each) for each in (1, 1000))
    servers = results.select(metric, "ours, c7i.large", connections=1000)
    if not servers:
        raise NoRecordError(metric)
    yield Claim(
        "Fig. 9",
        "With more connections at once EC2 costs more in proportion, Lambda the same",
        CONFIRMED,
        f"10,000 requests a day of ours: ${few:.3f} with one at a time, ${many:.3f} with 1,000 at "
        "once, the difference being inits, which are billed today; servers that answer 1,000 "
        f"within a second: {servers[0].conditions['servers']} c7i.large, ${servers[0].value:.2f}. "
        "Lambda's cost is flat in connections, not in requests",
        COMPUTED,
    )


def _pings(results: RecordSet) -> Iterator[Claim]:
    metric = "usd_per_month_for_a_call_every_5_min"
    five, short, one = (
        results.value(metric, "paper's prices", instances=instances, duration_ms=duration_ms)
        for instances, duration_ms in ((5, 500), (5, 400), (1, 400))
    )
    yield Claim(
        "4.2",
        "A call every five minutes costs about $0.3 a month",
        CONFIRMED,
        f"for five instances at 500 ms ${five:.2f}, at the 400 ms that it names ${short:.2f}; "
        f"for one instance ${one:.2f}",
        COMPUTED,
    )


def _fig_10(results: RecordSet) -> Iterator[Claim]:
    first, second, base_first, base_second = (
        results.value(metric, name, input_px=224)
        for name in ("ours", "baseline")
        for metric in ("first_mean_ms", "second_mean_ms")
    )
    paper_first, paper_second = PAPER["first_call_ms"], PAPER["second_call_ms"]
    yield Claim(
        "Fig. 10",
        f"The first call takes {paper_first:,} ms, the second {paper_second} ms",
        BEATEN if first < base_first and second < base_second else OPEN,
        f"a handler of the paper's kind takes {base_first:,.0f} and {base_second:,.0f} ms here "
        f"({base_first / base_second:.0f} times as long, the paper's "
        f"{paper_first / paper_second:.0f} times), ours {first:,.0f} and {second:,.0f} ms: "
        f"1/{base_first / first:.0f} and 1/{base_second / second:.1f} of it",
        MEASURED,
    )
    yield Claim(
        "3.2",
        "A cold start takes about 8 s",
        BEATEN if first < PAPER["cold_start_ms"] else OPEN,
        f"{first:,.0f} ms from the start of the process to the first answer; what Lambda does "
        "before it starts the process is not in it",
        MEASURED,
    )


def _fig_11(results: RecordSet) -> Iterator[Claim]:
    warm = results.get("flow_ms", call="second", temperature="warm")
    if warm is None:
        raise NoRecordError("flow_ms")
    yield whole_flow(
        warm.value,
        f"signing, upload and classification over HTTP take {warm.value:.0f} ms, p99 "
        f"{warm.p99:.0f} ms with the shipped model's 128 px; on one machine, so without the way "
        "over the network",
    )


def _memory_used(results: RecordSet) -> Iterator[Claim]:
    ours, base = (results.value("peak_rss_mb", name, input_px=224) for name in ("ours", "baseline"))
    yield Claim(
        "4",
        "The largest memory used is 422 MB",
        BEATEN if ours < base else OPEN,
        f"{ours:.0f} MiB with ours; a handler of the paper's kind takes {base:.0f} MiB with "
        "today's PyTorch",
        MEASURED,
    )


def _idle(results: RecordSet) -> Iterator[Claim]:
    shares = {
        record.conditions["wait_min"]: record.value
        for record in results.select("still_there_share", instances=5)
    }
    if not shares:
        raise NoRecordError("still_there_share")
    seen = "; ".join(
        f"after {wait_min} min {share:.0%}" for wait_min, share in sorted(shares.items())
    )
    yield idle_expiry(
        "locally it is a setting (`local up --idle-expiry-min 5-30`), drawn for each instance "
        f"alike, which the probe finds again, of five instances still there: {seen}. It says "
        "nothing of AWS until it is run there"
    )


def _five(results: RecordSet) -> Iterator[Claim]:
    warm = results.get(
        "warm_response_ms", "ours", clients=5, arrivals="closed", case=concurrency.PLAIN
    )
    if warm is None:
        raise NoRecordError("warm_response_ms")
    wake = results.get("wake_ms", "ours")
    if wake is not None:
        yield making_five(
            wake.value,
            f"{wake.value / 1000:.1f} s at 768 MB, of which {wake.conditions['hold_ms']} ms are "
            "the hold of the wakeups",
        )
    yield serving_five(
        warm.value,
        f"median {warm.value:.0f} ms, p99 {warm.p99:.0f} ms, API included, five instances at "
        "0.43 processors each on two processors that also run the API and the clients, with the "
        "shipped model's 128 px",
    )


def _fig_12(results: RecordSet) -> Iterator[Claim]:
    few, many, direct_few, direct_many = (
        results.value(
            "response_ms", name, clients=clients, arrivals="closed", case=concurrency.PLAIN
        )
        for name in (concurrency.FAKE_LAMBDA, concurrency.DIRECT)
        for clients in (100, 1000)
    )
    peak = results.value(
        "peak_executions",
        concurrency.FAKE_LAMBDA,
        clients=1000,
        arrivals="closed",
        case=concurrency.PLAIN,
    )
    yield Claim(
        "Fig. 12",
        "The response time grows in proportion to the number of connections",
        _proportion(few, many, direct_few, direct_many),
        f"through the API from {few:.0f} to {many:.0f} ms between 100 and 1,000 connections "
        f"({many / few:.1f} times), but called without the API the same instances take "
        f"{direct_few:.0f} and {direct_many:.0f} ms ({direct_many / direct_few:.1f} times): what "
        "grows is the queue before Lambda, in the client and the API of one machine. Of 1,000 "
        f"connections at most {peak:.0f} were executions at once. Whether the paper's growth came "
        "from there cannot be seen here",
        FAKE_LAMBDA,
    )
    plain = results.select(
        "throttled_share", concurrency.FAKE_LAMBDA, case=concurrency.PLAIN, clients=1200
    )
    slow = results.get("throttled_share", concurrency.FAKE_LAMBDA, case=concurrency.SLOW)
    reserved = results.get(
        "throttled_share", concurrency.FAKE_LAMBDA, case=concurrency.RESERVED_CASE
    )
    again = results.get("throttled_share", concurrency.FAKE_LAMBDA, case=concurrency.RETRY)
    if not plain or slow is None or reserved is None or again is None:
        raise NoRecordError("throttled_share")
    yield Claim(
        "Fig. 12",
        "Above the limit of 1,000 nothing happens: no errors",
        CORRECTED if slow.value > 0 else CONFIRMED,
        "the limit counts executions, not connections: 1,200 connections to fast instances meet "
        f"{max(each.value for each in plain):.1%} refusals, but {slow.value:.1%} get 429 when "
        "starts take the paper's own 10.46 s, as then more than 1,000 run at once. With a reserved "
        f"concurrency of {concurrency.RESERVED}, {reserved.value:.1%} of 200 calls get 429; "
        f"clients that wait and try again: {again.value:.1%}",
        FAKE_LAMBDA,
    )


def _proportion(few_ms: float, many_ms: float, direct_few_ms: float, direct_many_ms: float) -> str:
    """Return the verdict on growth from 100 to 1,000 connections, with and without the API."""
    if not grows(few_ms, 100, many_ms, 1000):
        return CORRECTED
    return CONFIRMED if grows(direct_few_ms, 100, direct_many_ms, 1000) else OPEN


def _fig_13(results: RecordSet) -> Iterator[Claim]:
    warm = {
        size: results.value("warm_mean_ms", "baseline", memory_mb=size, part=memory.SPEED)
        for size in (448, 768, 1536, 3008)
    }
    ours = {
        size: results.value("warm_mean_ms", "ours", memory_mb=size, part=memory.SPEED)
        for size in (448, 768, 1536, 3008)
    }
    yield Claim(
        "Fig. 13",
        "3,008 MB and 1,536 MB differ little",
        CONFIRMED if warm[1536] / warm[3008] <= LITTLE else CORRECTED,
        f"{warm[3008]:.0f} and {warm[1536]:.0f} ms with the paper's kind of handler "
        f"({warm[1536] / warm[3008]:.2f} times), {ours[3008]:.0f} and {ours[1536]:.0f} ms with "
        "ours: one thread uses no more than one processor, which 1,769 MB bring",
        MEASURED,
    )
    yield Claim(
        "Fig. 13",
        "Below 768 MB speed falls steeply",
        CONFIRMED if warm[448] / warm[768] > LITTLE else CORRECTED,
        f"{warm[448]:.0f} instead of {warm[768]:.0f} ms at 448 MB: {warm[448] / warm[768]:.2f} "
        f"times, where the share is 1/{768 / 448:.2f}; ours {ours[448]:.0f} and "
        f"{ours[768]:.0f} ms. The paper's kind of handler has no bend at 768 MB: its time goes "
        "with 1/share up to one processor",
        MEASURED,
    )
    cost = {
        size: results.value(
            "cost_usd_per_million", "baseline", memory_mb=size, prices="today", part=memory.SPEED
        )
        for size in (768, 1536)
    }
    printed = results.value(
        "cost_usd_per_million", "baseline", memory_mb=1536, prices="paper", part=memory.SPEED
    ) / results.value(
        "cost_usd_per_million", "baseline", memory_mb=768, prices="paper", part=memory.SPEED
    )
    balanced = results.value("balanced_memory_mb", "baseline")
    ours_balanced = results.value("balanced_memory_mb", "ours")
    yield Claim(
        "Fig. 13",
        "768 MB is the best for its price; 1,536 MB costs twice as much",
        CONFIRMED if cost[1536] / cost[768] > 1.8 else CORRECTED,
        f"a call at 1,536 MB is as much shorter as a millisecond is dearer: ${cost[1536]:.2f} "
        f"against ${cost[768]:.2f} per million ({cost[1536] / cost[768]:.2f} times; "
        f"{printed:.2f} times at the paper's prices in steps of 100 ms). Time x cost is smallest "
        f"at {balanced:.0f} MB for the paper's kind of handler, at {ours_balanced:.0f} MB for ours",
        BOTH,
    )


def _out_of_memory(results: RecordSet) -> Iterator[Claim]:
    killed = {
        (name, record.conditions["memory_mb"]): record.value
        for name in ("baseline", "ours")
        for record in results.select("killed", name)
    }
    if ("baseline", 448) not in killed:
        raise NoRecordError("killed")
    dead = [size for (name, size), value in killed.items() if name == "baseline" and value]
    alive = [size for (name, size), value in killed.items() if name == "ours" and not value]
    yield Claim(
        "Fig. 13",
        "448 MB is the smallest size that it shows",
        CORRECTED if killed["baseline", 448] else BEATEN if alive and min(alive) < 448 else OPEN,
        "with today's PyTorch the paper's kind of handler is killed at "
        f"{_listed(dead)} MB; ours answers from {min(alive, default=0)} MB on",
        MEASURED,
    )


def _many_and_memory(results: RecordSet) -> Iterator[Claim]:
    sizes = [
        each.conditions["memory_mb"] for each in results.select("response_ms", part=memory.API)
    ]
    clients = [
        each.conditions["clients"] for each in results.select("response_ms", part=memory.API)
    ]
    if not sizes:
        raise NoRecordError("response_ms")
    one, many = (
        results.value("response_ms", part=memory.API, memory_mb=448, clients=count)
        / results.value("response_ms", part=memory.API, memory_mb=1536, clients=count)
        for count in (1, max(clients))
    )
    yield Claim(
        "Fig. 13",
        "With many connections larger memory pays less",
        OPEN,
        f"from 448 to 1,536 MB the response gets {one:.1f} times as short with one connection, "
        f"{many:.1f} times with {max(clients)}: the shipped model's 128 px need less than a period "
        "of processor share at 448 MB, and with many connections the instances share two "
        "processors. On Lambda each has its own, and nothing of it is to be expected",
        MEASURED,
    )


def _cheaper(results: RecordSet) -> Iterator[Claim]:
    metric = "requests_a_day_where_one_server_costs_the_same"
    record = results.get(metric, "ours", server="c7i.large")
    if record is None:
        raise NoRecordError(metric)
    base = results.value(metric, "baseline", server="c7i.large")
    able = results.value("server_requests_per_s", "ours", server="c7i.large")
    yield Claim(
        "5",
        "Lambda is cheaper than EC2",
        CORRECTED,
        f"up to {record.value:,.0f} requests a day with ours ({base:,.0f} with the paper's kind), "
        f"where one c7i.large costs the same; it can answer {able:.0f} a second, "
        f"{able * 86_400:,.0f} a day. Storage costs both the same; API, free tier, and operating "
        "the server are not in it",
        COMPUTED,
    )


def _listed(sizes: list[int]) -> str:
    return ", ".join(f"{size:,}" for size in sorted(sizes)) or "none of the measured"


_ARITHMETIC: tuple[Callable[[RecordSet], Iterator[Claim]], ...] = (_table_6, _fig_8, _pings)
_MEASURED: tuple[Callable[[RecordSet], Iterator[Claim]], ...] = (
    _fig_10,
    _memory_used,
    _fig_9,
    _fig_11,
    _idle,
    _five,
    _fig_12,
    _fig_13,
    _out_of_memory,
    _many_and_memory,
    _cheaper,
)
