"""The section on concurrent calls: Fig. 12."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lab.experiments import concurrency
from lab.experiments.prices import PAPER
from lab.experiments.record_query import RecordSet
from lab.experiments.sections.text import (
    Chart,
    commands,
    figure,
    p95,
    same,
    share_note,
    tail,
)
from lab.markdown import figure_cell, table
from warmlens.records import Record

_WHAT = (
    f" *{concurrency.REAL}* is the real function, as far as two cores go; *stand-in* is not the "
    f"model (see above); *{concurrency.DIRECT}* is the same, called directly, past the API and the "
    "account's limit. The stand-in waits as long as ours took at 224 px, in Fig. 10; *ours* here "
    "serves 128 px. *executions at once* is the most that the stand-in saw."
)


def connections_section(results: RecordSet, chart: Chart) -> str:
    """Return the section on Fig. 12: response times, errors and throttling by connections."""
    plain = results.select("calls_per_s", case=concurrency.PLAIN)
    if not plain:
        return ""
    header = (
        "what | arrivals | calls at once | repetitions | median ms | p95 ms | p99 or slowest, ms "
        "| cold calls | cold | 429 | failed | no answer | calls a second | executions at once"
    )
    limits = [each for each in results.select("calls_per_s") if each not in plain]
    return "\n".join(
        [
            "## Fig. 12: many calls at once\n",
            "Measured. *closed*: as many clients, each sends one request, all at once, as JMeter's "
            f"threads do, on connections that are {_connections(plain)}. *open*: as many requests "
            "come independently within a second. Five "
            "instances are warm before the first repetition of each line; that one starts the "
            "others, so it has nearly all cold calls, and the slowest ones. Shares are of all "
            "calls."
            f"{'' if results.api_option else _WHAT}\n",
            commands(plain),
            "" if results.api_option else share_note(_real(plain)),
            chart("fig-12-concurrency", "Response times against calls at once"),
            table(header, (_load_row(results, each) for each in plain)),
            *(_limits(results, limits, header) if limits else ()),
        ]
    )


def _real(records: Sequence[Record]) -> list[Record]:
    """Return the records of the real function, with its memory size, which old ones lack."""
    return [
        replace(each, conditions={"memory_mb": PAPER["memory_mb"], **each.conditions})
        for each in records
        if each.name == concurrency.REAL
    ]


def _connections(records: Sequence[Record]) -> str:
    if all("connections" in record.conditions for record in records):
        return str(records[0].conditions["connections"])
    return (
        "new, where the emulator's queue of a hundred overflows; that in some repetitions most "
        "calls failed may come from it, and was not looked into (clients now connect before)"
    )


def _limits(results: RecordSet, limits: Sequence[Record], header: str) -> Iterator[str]:
    yield "### What limits do\n"
    yield (
        "With the stand-in, three limits:\n\n"
        "- 1,200 calls to instances that start as slowly as the paper's first call took.\n"
        f"- The environment's throttle (rate {concurrency.OWN_THROTTLE[0]}, burst "
        f"{concurrency.OWN_THROTTLE[1]}). Elsewhere in this section it is AWS's default.\n"
        f"- A reserved concurrency of {concurrency.RESERVED}, with clients that give up on 429, "
        "and with clients that try again up to eight times. These wait a random time up to 0.1 s, "
        "doubled with each attempt up to 5 s. That is what a client should do: AWS's SDKs do so "
        "by themselves, the page and phones must do so in their own code.\n"
    )
    yield commands(limits)
    yield table(
        f"case | {header} | 429s met per call",
        (
            (
                each.conditions["case"],
                *_load_row(results, each),
                f"{same(results, 'refusals_per_call', each):.2f}",
            )
            for each in limits
        ),
    )


def _cold_share(results: RecordSet, about: Record) -> str:
    share = results.require("cold_share", about.name, **about.conditions)
    return figure_cell(share.value, share.interval, ".1%")


def _samples(record: Record | None) -> int:
    return (record.samples or 0) if record else 0


def _load_row(results: RecordSet, about: Record) -> tuple[object, ...]:
    conditions = about.conditions
    response = results.get("response_ms", about.name, **conditions)
    cold = results.get("cold_response_ms", about.name, **conditions)
    peak = results.get("peak_executions", about.name, **conditions)
    return (
        about.name,
        conditions["arrivals"],
        f"{conditions['clients']:,}",
        conditions["repetitions"],
        *((figure(response), p95(response), tail(response)) if response else ("", "", "")),
        f"{_samples(cold):,}",
        _cold_share(results, about),
        f"{same(results, 'throttled_share', about):.1%}",
        f"{same(results, 'failed_share', about):.1%}",
        f"{same(results, 'unanswered_share', about):.1%}",
        f"{about.value:,.0f}",
        f"{peak.value:,.0f}" if peak else "",
    )
