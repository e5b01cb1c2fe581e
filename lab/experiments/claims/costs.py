"""Claims on costs: Table 6, Fig. 8, Fig. 9, warming, and the conclusion."""

from lab.experiments.cost import (
    EQUAL_COST,
    FIVE_FEES,
    HOLD_BILLED_MS,
    HOLD_MS,
    PAPER_PRICES,
    PINGED_MONTH,
    SAME_COST,
    WAYS_OF_THE_PAPER,
    WHOLE_SAME_COST,
)
from lab.experiments.printed import AWS, PAPERS, WITH_API
from lab.experiments.record_query import RecordSet
from lab.experiments.verdicts import (
    COMPUTED,
    QUOTED,
    Judgement,
    Rules,
    Verdict,
)

RULES = Rules()
_AT_100 = {"memory_mb": 768, "duration_ms": 100}
_AT_500 = {"memory_mb": 768, "duration_ms": 500}
_TIMES = 10


@RULES.add(
    "Table 6",
    "100 ms cost $0.000000729 (448 MB) to $0.000004897 (3,008 MB)",
    turned_by="a price that is more than 0.2 % off that of a GB-second",
)
def _prices(results: RecordSet) -> Judgement:
    gb_s_usd = results.value("usd_per_gb_s", AWS)
    printed = results.select("usd_per_100_ms", PAPERS)
    off = max(
        abs(each.value / (each.conditions["memory_mb"] / 1024 * 0.1 * gb_s_usd) - 1)
        for each in printed
    )
    return Judgement(
        Verdict.CONFIRMED if off < 0.002 else Verdict.CORRECTED,
        f"within {off:.2%} of ${gb_s_usd:.10f} a GB-second, AWS's price today",
        COMPUTED,
    )


@RULES.add(
    "Table 6",
    "768 MB for 100 ms cost $1.45 per million requests",
    turned_by="printed prices that add up to anything else, to a cent",
)
def _at_100_ms(results: RecordSet) -> Judgement:
    printed = results.value("usd_per_million", PAPERS, **_AT_100)
    usd = results.value("usd_per_million", PAPER_PRICES, **_AT_100)
    return Judgement(_same(usd, printed), f"${usd:.2f} from the prices printed beside it", COMPUTED)


@RULES.add(
    "Table 6",
    "and $7.25 at 500 ms",
    turned_by="printed prices that add up to $7.25 with one fee for each request",
)
def _at_500_ms(results: RecordSet) -> Judgement:
    printed = results.value("usd_per_million", PAPERS, **_AT_500)
    usd = results.value("usd_per_million", PAPER_PRICES, **_AT_500)
    fees = results.value("usd_per_million", FIVE_FEES, **_AT_500)
    verdict = _same(usd, printed)
    return Judgement(
        verdict,
        f"${usd:.2f} from the prices printed beside it"
        + (
            f": the price of a request is due once, not for each 100 ms; counted five times it "
            f"gives ${fees:.2f}"
            if verdict is Verdict.CORRECTED
            else ""
        ),
        COMPUTED,
    )


@RULES.add(
    "Fig. 8",
    "10,000 requests a day cost $0.0725 in Lambda",
    turned_by="printed prices that add up to $0.0725",
)
def _a_day(results: RecordSet) -> Judgement:
    printed = results.value("usd_per_day", PAPERS, **_AT_500)
    usd = results.value("usd_per_day", PAPER_PRICES, **_AT_500)
    verdict = _same(usd, printed, cents=0.0001)
    why = ", for the same reason" if verdict is Verdict.CORRECTED else ""
    return Judgement(verdict, f"${usd:.4f}{why}", COMPUTED)


@RULES.add(
    "Fig. 8",
    "The $0.0725 a day are Lambda's price alone; API Gateway is in no cost",
    turned_by="an API whose price adds less than 1 %",
)
def _a_day_with_api(results: RecordSet) -> Judgement:
    usd = results.value("usd_per_day", PAPER_PRICES, **_AT_500)
    whole = results.value("usd_per_day", WITH_API, requests_a_day=10_000)
    return Judgement(
        _complete(usd, whole),
        f"Table 4's address belongs to API Gateway: with a call of a REST API at today's price "
        f"${whole:.4f}, {whole / usd:.2f} times Lambda's ${usd:.4f}",
        COMPUTED,
    )


@RULES.add(
    "Fig. 8",
    "EC2 costs $3.3 a day",
    turned_by="a server in our list of prices within 1 % of it",
)
def _ec2_a_day(results: RecordSet) -> Judgement:
    printed = results.value("ec2_usd_per_day", PAPERS)
    servers = results.select("server_usd_per_day", "today")
    near = [each for each in servers if abs(each.value / printed - 1) < 0.01]
    priced = ", ".join(f"{each.conditions['server']} ${each.value:.2f}" for each in servers)
    return Judgement(
        Verdict.CONFIRMED if near else Verdict.NOT_SHOWN,
        f"the type of server is not named; today {priced} a day",
        QUOTED,
    )


@RULES.add(
    "Fig. 8",
    "Lambda and EC2 cost the same at about 1,000,000 requests a day",
    turned_by="prices by which one server costs as much within 10 % of a million (confirmed), or "
    "neither one nor two do (corrected)",
)
def _equal(results: RecordSet) -> Judgement:
    said = results.value(EQUAL_COST, PAPERS)
    printed, right, two = (
        results.value(EQUAL_COST, name, servers=count)
        for name, count in ((FIVE_FEES, 1), (PAPER_PRICES, 1), (PAPER_PRICES, 2))
    )
    by_one, by_two = (abs(each / said - 1) <= 0.1 for each in (right, two))
    return Judgement(
        Verdict.CONFIRMED if by_one else Verdict.NOT_DECIDED if by_two else Verdict.CORRECTED,
        f"with one server at {right:,.0f} ({printed:,.0f} with the printed $7.25), with two at "
        f"{two:,.0f}. The paper does not say how many servers it means",
        COMPUTED,
    )


@RULES.add(
    "Fig. 8",
    "EC2's $3.3 for 10,000 requests a day are more than ten times Lambda's $0.0725",
    turned_by="less than ten times by Lambda's price alone, or ten times and more with API and WAS",
)
def _ten_times(results: RecordSet) -> Judgement:
    ec2 = results.value("ec2_usd_per_day", PAPERS)
    usd = results.value("usd_per_day", PAPER_PRICES, **_AT_500)
    whole = results.value("usd_per_day", WITH_API, requests_a_day=10_000)
    was, server = _cheapest_server(results)
    alone, service = ec2 / usd, ec2 / (whole + was)
    both = [alone >= _TIMES, service >= _TIMES]
    return Judgement(
        Verdict.CONFIRMED if all(both) else Verdict.CORRECTED if any(both) else Verdict.REFUTED,
        f"{alone:.0f} times, by Lambda's price alone; {ec2 / whole:.0f} times with a REST API; "
        f"{service:.1f} times with a REST API and the WAS, if a {server} at today's ${was:.2f} a "
        "day is enough for it. The WAS is added to Lambda's side alone, as if the EC2 server did "
        "its work, too",
        COMPUTED,
    )


@RULES.add(
    "Fig. 8, 9",
    "The costs are Lambda's or EC2's; the WAS, which always runs, is in none",
    turned_by="a server for the WAS that costs less than a tenth of what Lambda does",
)
def _was(results: RecordSet) -> Judgement:
    usd = results.value("usd_per_day", PAPER_PRICES, **_AT_500)
    was, server = _cheapest_server(results)
    return Judgement(
        Verdict.CORRECTED if was >= 0.1 * usd else Verdict.CONFIRMED,
        f"beside Lambda the WAS is a server more: a {server} costs ${was:.2f} a day today, "
        f"{was / usd:.0f} times Lambda's ${usd:.4f} for 10,000 requests. Here the warmer is a "
        "function and the photo goes to S3 without a WAS",
        COMPUTED,
    )


@RULES.add(
    "Fig. 9",
    "With more connections at once EC2 costs more in proportion, Lambda the same",
    turned_by="Lambda's cost of a day growing by half, or servers by less than five times, "
    "between 1 and 1,000 connections",
    command="python -m lab experiments run memory --full",
)
def _fig_9(results: RecordSet) -> Judgement:
    metric = "fig_9_usd_per_day"
    few, many = (results.value(metric, "ours, Lambda", connections=each) for each in (1, 1000))
    one, more = (results.require(metric, "ours, c7i.large", connections=each) for each in (1, 1000))
    flat, grows = many / few < 1.5, more.value / one.value >= 5
    return Judgement(
        Verdict.CONFIRMED
        if flat and grows
        else Verdict.CORRECTED
        if flat or grows
        else Verdict.REFUTED,
        f"10,000 requests a day of ours: ${few:.3f} with one at a time, ${many:.3f} with 1,000 at "
        "once, the difference being inits, which are billed today; servers that answer 1,000 "
        f"within a second: {more.conditions['servers']} c7i.large, ${more.value:.2f}. "
        "Lambda's cost is flat in connections, not in requests",
        COMPUTED,
    )


@RULES.add(
    "4.2",
    "A call every five minutes costs about $0.3 a month",
    turned_by="prices by which five instances that sleep 400 ms cost less than $0.25, or more than "
    "$0.35",
)
def _pings(results: RecordSet) -> Judgement:
    printed = results.value(PINGED_MONTH, PAPERS)
    five, one, slept = (
        results.value(PINGED_MONTH, PAPER_PRICES, instances=instances, duration_ms=duration_ms)
        for instances, duration_ms in ((5, HOLD_BILLED_MS), (1, HOLD_BILLED_MS), (5, HOLD_MS))
    )
    return Judgement(
        Verdict.CONFIRMED if abs(five - printed) <= 0.05 else Verdict.CORRECTED,
        f"${five:.2f} for five instances: a call that sleeps {HOLD_MS} ms lasts a little longer, "
        f"and is billed as {HOLD_BILLED_MS} ms (${slept:.2f} if it were billed as {HOLD_MS}); "
        f"${one:.2f} for one instance",
        COMPUTED,
    )


@RULES.add(
    "4.2",
    "The $0.3 a month are Lambda's price alone; API Gateway and the WAS are in no cost",
    turned_by="an API whose price adds less than 1 %",
)
def _pings_with_api(results: RecordSet) -> Judgement:
    about = {"instances": 5, "duration_ms": HOLD_BILLED_MS}
    usd = results.value(PINGED_MONTH, PAPER_PRICES, **about)
    whole = results.value(PINGED_MONTH, WITH_API, **about)
    was, server = _cheapest_server(results)
    return Judgement(
        _complete(usd, whole),
        f"with a call of a REST API for each wakeup at today's price ${whole:.2f}, "
        f"{whole / usd:.1f} times Lambda's ${usd:.2f}. The WAS with JMeter is a server more, "
        f"${30 * was:.0f} a month for a {server}. A schedule that calls a function needs neither",
        COMPUTED,
    )


@RULES.add(
    "5",
    "Lambda is cheaper than EC2",
    turned_by="a day's requests at which both cost the same beyond what the server can answer "
    "(confirmed), or below 10,000 (refuted)",
    command="python -m lab experiments run memory --full",
)
def _cheaper(results: RecordSet) -> Judgement:
    ours, base = (
        results.value(SAME_COST, name, server="c7i.large") for name in ("ours", "baseline")
    )
    able = 86_400 * results.value("server_requests_per_s", "ours", server="c7i.large")
    by_call, by_upload = (
        results.value(WHOLE_SAME_COST, "ours", way=way) for way in WAYS_OF_THE_PAPER
    )
    return Judgement(
        Verdict.CONFIRMED
        if ours >= able
        else Verdict.REFUTED
        if ours < 10_000
        else Verdict.CORRECTED,
        f"up to {ours:,.0f} requests a day with ours ({base:,.0f} with the paper's kind), where "
        f"one c7i.large costs as much as Lambda's calls and time; it could answer {able:,.0f} a "
        "day. By the whole bill of each, a load balancer on one side, API Gateway and logs on the "
        f"other, up to {by_call:,.0f} with the photo in a REST API's call, {by_upload:,.0f} with "
        "two calls and S3 between them. Free tier and operating the server are not in it",
        COMPUTED,
    )


def _same(usd: float, printed: float, *, cents: float = 0.01) -> Verdict:
    return Verdict.CONFIRMED if abs(usd - printed) <= cents / 2 else Verdict.CORRECTED


def _complete(usd: float, whole: float) -> Verdict:
    return Verdict.CONFIRMED if whole / usd < 1.01 else Verdict.CORRECTED


def _cheapest_server(results: RecordSet) -> tuple[float, str]:
    servers = results.require_any("server_usd_per_day", "today")
    cheapest = min(servers, key=lambda each: each.value)
    return cheapest.value, cheapest.conditions["server"]
