"""The sections on costs: Table 6, Fig. 8 and Fig. 9."""

from lab.experiments import arm64
from lab.experiments.cost import (
    EC2,
    LAMBDA_THEN,
    PAPER_PRICES,
    SAME_COST,
    WAYS_OF_THE_PAPER,
    WHOLE_SAME_COST,
)
from lab.experiments.prices import PAPER, TODAY, servers
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.text import Chart, commands, figure, whole
from lab.markdown import table
from warmlens.records import Record


def fig_8_section(results: RecordSet, chart: Chart) -> str:
    """Return the section on Table 6 and Fig. 8: the paper's prices and costs of a day."""
    about = {"duration_ms": 100}
    sizes = [
        (
            size,
            f"{results.value('usd_per_100_ms', 'paper', memory_mb=size):.9f}",
            f"{results.value('usd_per_million', PAPER_PRICES, memory_mb=size, **about):.2f}",
            f"{results.value('usd_per_million', 'today', memory_mb=size, **about):.2f}",
        )
        for size in map(int, PAPER["usd_per_100_ms"])
    ]
    days = [
        (
            f"{each.conditions['requests_a_day']:,}",
            f"{each.value:.4f}",
            f"{results.value('fig_8_usd_per_day', EC2, **each.conditions):.2f}",
        )
        for each in results.select("fig_8_usd_per_day", LAMBDA_THEN)
    ]
    return "\n".join(
        [
            "## Table 6 and Fig. 8: cost\n",
            "Computed; in Fig. 8 at 768 MB for 500 ms. Prices: "
            f"[the paper's](repository:lab/experiments/paper.json), {PAPER['date']}, billed in "
            f"100 ms; [today's](repository:warmlens/prices/us-east-1.json), {TODAY.region}, "
            f"{TODAY.date}, billed in 1 ms with init.\n",
            commands(results.select("fig_8_usd_per_day")[:1]),
            table(
                "memory size, MB | printed, USD per 100 ms | a million of 100 ms, USD "
                "| the same today, USD",
                sizes,
            ),
            chart("fig-08-cost-of-a-day", "Cost of a day against requests"),
            table(
                "requests a day | Lambda, USD a day | one EC2 server of the paper, USD a day", days
            ),
        ]
    )


def own_costs_section(results: RecordSet, chart: Chart) -> str:
    """Return the section on today's costs on Lambda and on EC2."""
    per_million = results.select("usd_per_million", "ours")
    if not per_million:
        return ""
    rows = []
    for each in per_million:
        conditions = each.conditions
        base = results.get(
            "usd_per_million",
            "baseline",
            architecture=conditions["architecture"],
            api=conditions["api"],
        )
        rows.append(
            (
                conditions["architecture"],
                conditions["api"],
                _million(base) if base else "",
                _million(each),
            )
        )
    cold = [
        (each.name, f"{each.value:.2f}") for each in results.select("usd_per_million_cold_starts")
    ]
    per_server = [
        (
            each.name,
            each.conditions["server"],
            f"{each.conditions['usd_per_hour']:.5f}",
            _per_second(each),
            f"{results.value(SAME_COST, each.name, server=each.conditions['server']):,.0f}",
        )
        for each in results.select("server_requests_per_s")
    ]
    whole_bills = [
        (
            each.name,
            figure(results.require(SAME_COST, each.name, server="c7i.large"), whole),
            *(
                figure(results.require(WHOLE_SAME_COST, each.name, way=way), whole)
                for way in WAYS_OF_THE_PAPER
            ),
        )
        for each in results.select(WHOLE_SAME_COST, way=WAYS_OF_THE_PAPER[0])
    ]
    months = results.select("usd_per_month")
    return "\n".join(
        [
            "## Our costs today\n",
            f"Computed from the warm calls measured at {PAPER['memory_mb']} MB, with one S3 GET "
            "each and, where one is named, one call of the API; nothing else of the bill. No arm64 "
            "machine was available: its costs are ranges, with "
            f"{arm64.TIMES[0]:.2f} to {arm64.TIMES[1]:.2f} times the time on x86-64, as [others "
            "measured](repository:lab/experiments/arm64.py) on other functions. At four fifths of "
            "the price it costs less if a call takes less than 1.25 times as long; what would show "
            "it is `python -m lab bench warm` on a Graviton2, or `call_reports` of a function "
            "deployed on both.\n",
            commands(per_million[:1]),
            table("processor | API | baseline, USD per million | ours, USD per million", rows),
            "A million cold starts at the same size, init billed, with the GET:\n",
            table("handler | USD", cold),
            chart("fig-09-cost-against-connections", "Cost against connections"),
            "EC2 instead: each processor as fast as one measured here, two a server, fully used; "
            "only t3.medium may use a fifth of them in the long run, and c7g.large, a newer arm64, "
            "has the range above. The baseline's time at 1,536 MB is scaled to one processor. Here "
            "and in Fig. 9 S3's requests, which a server makes too, are on neither side.\n",
            table(
                "handler | server | USD an hour | requests a second "
                "| requests a day where Lambda costs the same",
                per_server,
            ),
            "The same for a c7i.large, by Lambda's calls and time alone, as the paper compares "
            "them, and by [the whole bill](repository:docs/choices.md#how-photos-are-sent) of "
            "each side: API calls, S3, answers, logs and traces on one, a load balancer, S3 and "
            "answers on the other. In brackets the 95 % interval that the mean time gives them.\n",
            table(
                "handler | Lambda's calls and time alone | whole bill, "
                + " | whole bill, ".join(WAYS_OF_THE_PAPER),
                whole_bills,
            ),
            "A month of 30 days, in USD, with one S3 PUT and one GET for each request on both "
            "sides; kept warm: five instances at "
            f"{PAPER['memory_mb']} MB (ping: without the warmer's own run; provisioned: all calls "
            "meet them, at the price of their time). Servers are as many as "
            "three times the day's average needs, without a load balancer; c7g.large is counted as "
            "fast as the others here.\n",
            table(
                "requests a day | way | USD a month",
                (
                    (
                        f"{each.conditions['requests_a_day']:,}",
                        (
                            f"{each.conditions['servers']} x {each.conditions['server']}"
                            if "server" in each.conditions
                            else f"Lambda, {each.conditions['api']} API, "
                            f"warming {each.conditions['warming']}"
                        ),
                        f"{each.value:,.2f}",
                    )
                    for each in months
                ),
            ),
        ]
    )


def _million(record: Record) -> str:
    if record.conditions["architecture"] == "arm64":
        return arm64.usd_per_million(record)
    return f"{record.value:.2f}"


def _per_second(record: Record) -> str:
    names = {each.name for each in servers() if each.architecture == "arm64"}
    if record.conditions["server"] in names:
        return arm64.requests_per_s(record.value)
    return f"{record.value:.1f}"
