"""The report as people read it, made of records and nothing else."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from warmlens.bench.speed.cold import STAGES
from warmlens.experiments import concurrency, flow, memory
from warmlens.experiments.claims import claims
from warmlens.experiments.cost import EC2, LAMBDA_THEN, PAPER_PRICES
from warmlens.experiments.found import Records
from warmlens.experiments.prices import LAMBDA, PAPER, TODAY
from warmlens.records import Record

_INTRODUCTION = """# The paper's experiments, repeated

Every table and figure of Lee, Lee and Kim (2020) with numbers, beside ours. This page is made by
`warmlens experiments run` from the records in `{records}` and
from nothing else; a test makes all of it anew from the samples (`*.samples.jsonl`, every single
measurement) and compares.

```sh
make experiments
make experiments MODE=full
.venv/bin/warmlens experiments run concurrency --full
.venv/bin/warmlens experiments run all --env dev
```

The quick mode takes under ten minutes on two cores, the full mode some forty. A run that was
interrupted goes on where it stopped with the same command. `--env` and `--url` measure what is
deployed, into `.warmlens/experiments/`; what needs other processes or other settings of the
function (stages by process, memory sizes, the stand-in) is left out there. In the full mode that
is 101,000 calls for Fig. 12, and waits of hours for idle expiry. Nobody has run it against AWS yet:
there was no account.

- *measured*: here, on the machine below, which is shared with other work: take ratios, not
  Lambda's times. *computed*: from dated prices and what was measured. Nothing here is simulated.
- *baseline*: a handler of the paper's kind (PyTorch, torchvision, boto3), *ours*: the classifier.
  Both serve ResNet50 at 224 px where they are compared; over the API ours serves the shipped
  model at 128 px. Processor shares are those of the memory size.
- *stand-in*: behind the same API, instances that wait as long as ours was measured to take,
  instead of computing: two cores cannot run a model a thousand times at once
  ([why]({up}decisions/0040-stand-in.md)).
- Latencies count from the intended send time; nothing is trimmed; cold starts are told apart.
"""


def page(found: Records, charts: Sequence[str], *, up: str, records: str, pictures: str) -> str:
    """Return the page as Markdown.

    Args:
        found: the records.
        charts: names of the charts that were drawn.
        up: path from the page to this checkout's docs.
        records: path from the page to the records.
        pictures: path from the page to the pictures.
    """
    introduction = _INTRODUCTION.format(up=up, records=records)
    parts = [introduction]
    parts.append(f"Measured on: {'; '.join(found.where()) or 'nothing measured yet'}.\n")
    parts.append("## The claims\n")
    parts.append(
        _table(
            "where | the paper says | verdict | evidence | kind",
            (
                (each.where, each.claim, f"**{each.verdict}**", each.evidence, each.kind)
                for each in claims(found)
            ),
        )
    )
    parts.append(
        "Table 1 (errors and sizes of the networks) and Fig. 3 (own network, fine-tuned, "
        f"augmented) are in [the page on models]({up}models.md).\n"
    )

    def chart(name: str, text: str) -> str:
        return f"![{text}]({pictures}/{name}.png)\n" if name in charts else ""

    for section in (_costs, _our_costs, _stages, _flow, _idle, _concurrency, _memory, _clients):
        text = section(found, chart)
        if text:
            parts.append(text)
    return "\n".join(part for part in parts if part)


Chart = Callable[[str, str], str]


def _costs(found: Records, chart: Chart) -> str:
    about = {"duration_ms": 100}
    sizes = [
        (
            size,
            f"{found.value('usd_per_100_ms', 'paper', memory_mb=size):.9f}",
            f"{found.value('usd_per_million', PAPER_PRICES, memory_mb=size, **about):.2f}",
            f"{found.value('usd_per_million', 'today', memory_mb=size, **about):.2f}",
        )
        for size in map(int, PAPER["usd_per_100_ms"])
    ]
    days = [
        (
            f"{each.conditions['requests_a_day']:,}",
            f"{each.value:.4f}",
            f"{found.value('fig_8_usd_per_day', EC2, **each.conditions):.2f}",
        )
        for each in found.all("fig_8_usd_per_day", LAMBDA_THEN)
    ]
    return "\n".join(
        [
            "## Table 6 and Fig. 8: cost\n",
            "Computed; in Fig. 8 at 768 MB for 500 ms. Prices: "
            f"[the paper's](../../warmlens/experiments/paper.json), {PAPER['date']}, billed in "
            f"100 ms; [today's](../../warmlens/prices/us-east-1.json), {LAMBDA.region}, "
            f"{LAMBDA.date}, billed in 1 ms with init; those of EC2 and the APIs in "
            f"[a file of their own](../../warmlens/experiments/today.json), {TODAY['date']}.\n",
            _table(
                "memory size, MB | printed, USD per 100 ms | a million of 100 ms, USD "
                "| the same today, USD",
                sizes,
            ),
            chart("fig-08-cost-of-a-day", "Cost of a day against requests"),
            _table(
                "requests a day | Lambda, USD a day | one EC2 server of the paper, USD a day", days
            ),
        ]
    )


def _our_costs(found: Records, chart: Chart) -> str:
    per_million = found.all("usd_per_million", "ours")
    if not per_million:
        return ""
    rows = []
    for each in per_million:
        conditions = each.conditions
        base = found.first(
            "usd_per_million",
            "baseline",
            architecture=conditions["architecture"],
            api=conditions["api"],
        )
        rows.append(
            (
                conditions["architecture"],
                conditions["api"],
                f"{base.value:.2f}" if base else "",
                f"{each.value:.2f}",
            )
        )
    cold = [(each.name, f"{each.value:.2f}") for each in found.all("usd_per_million_cold_starts")]
    servers = [
        (
            each.name,
            each.conditions["server"],
            f"{each.conditions['usd_per_hour']:.5f}",
            f"{each.value:.1f}",
            f"{found.value(equal, each.name, server=each.conditions['server']):,.0f}",
        )
        for equal in ("requests_a_day_where_one_server_costs_the_same",)
        for each in found.all("server_requests_per_s")
    ]
    months = found.all("usd_per_month")
    return "\n".join(
        [
            "## Our costs today\n",
            f"Computed from the warm calls measured at {PAPER['memory_mb']} MB, with one S3 GET "
            "each. arm64 is priced with the time measured on x86: no such machine was at hand.\n",
            _table("processor | API | baseline, USD per million | ours, USD per million", rows),
            "A million cold starts at the same size, init billed:\n",
            _table("handler | USD", cold),
            chart("fig-09-cost-against-connections", "Cost against connections"),
            "EC2 instead: each processor as fast as one measured here, two a server, fully used, "
            "but for t3.medium, which may use a fifth of them in the long run; the baseline's "
            "time at 1,536 MB is scaled to one processor.\n",
            _table(
                "handler | server | USD an hour | requests a second "
                "| requests a day where Lambda costs the same",
                servers,
            ),
            "A month, in USD, with one S3 PUT for each request; kept warm: five instances at "
            f"{PAPER['memory_mb']} MB (ping: without the warmer's own run). Servers are as many as "
            "three times the day's average needs, without a load balancer.\n",
            _table(
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


def _stages(found: Records, chart: Chart) -> str:
    firsts = found.all("first_ms", input_px=224)
    if not firsts:
        return ""
    calls = [
        (
            each.name,
            each.samples,
            f"{each.value:,.0f}",
            _ms(each.p99),
            f"{found.value('second_ms', each.name, input_px=224):,.0f}",
            f"{found.value('peak_rss_mb', each.name, input_px=224):.0f}",
        )
        for each in firsts
    ]
    rows = []
    for stage in STAGES:
        cells: list[object] = [stage]
        for call in ("first", "second"):
            for name in ("baseline", "ours"):
                record = found.first("stage_ms", name, call=call, stage=stage)
                cells.append(f"{record.value:.1f}" if record else "")
        if any(cells[1:]):
            rows.append(tuple(cells))
    return "\n".join(
        [
            "## Fig. 10 and 11: the first and the second call\n",
            f"Measured at {PAPER['memory_mb']} MB: a fresh process, from its start to its first "
            "answer, and a second call, with a photo of 2 megapixels. "
            f"The paper: {PAPER['first_call_ms']:,} and {PAPER['second_call_ms']} ms.\n",
            _command(firsts),
            _table(
                "handler | runs | first call, ms | p99 | second call, ms | peak of memory, MiB",
                calls,
            ),
            chart("fig-10-11-calls-and-stages", "Stages of both calls"),
            "Stages in ms, medians:\n",
            _table("stage | first, baseline | first, ours | second, baseline | second, ours", rows),
        ]
    )


def _flow(found: Records, chart: Chart) -> str:
    totals = found.all("flow_ms")
    if not totals:
        return ""
    header = "stage | " + " | ".join(
        f"{each.conditions['call']}, {each.conditions['temperature']}" for each in totals
    )
    rows: list[tuple[object, ...]] = []
    for stage in flow.STAGES:
        cells: list[object] = [stage]
        for each in totals:
            record = found.first(
                "flow_stage_ms",
                call=each.conditions["call"],
                temperature=each.conditions["temperature"],
                stage=stage,
            )
            cells.append(f"{record.value:.1f}" if record else "")
        rows.append(tuple(cells))
    rows.append(("total, median", *(f"{each.value:.0f}" for each in totals)))
    rows.append(("total, p99", *(_ms(each.p99) for each in totals)))
    rows.append(("runs", *(each.samples for each in totals)))
    return "\n".join(
        [
            "## Fig. 11: the whole flow\n",
            "Measured over HTTP with a photo of 2 megapixels, in ms. `function` is what is left of "
            "the function's time, `api` what is left of the call: API, dispatch, and on a cold "
            "call the start of a process before its init.\n",
            _command(totals),
            chart("fig-11-whole-flow", "Stages of the whole flow"),
            _table(header, rows),
        ]
    )


def _idle(found: Records, chart: Chart) -> str:
    shares = found.all("still_there_share")
    if not shares:
        return ""
    minute_s = shares[0].conditions["minute_s"]
    return "\n".join(
        [
            "## Idle expiry (section 4.2)\n",
            "A probe: wake instances at once, call nothing for a while, wake as many again, count "
            "those that are still there. "
            + (
                f"In the local cloud a minute lasts {minute_s:g} s and the idle expiry is a "
                "setting, 5 to 30 minutes, drawn evenly for each instance: this shows that the "
                "probe finds it, and nothing of AWS. `--env` waits real minutes.\n"
                if minute_s < 60
                else "Those that outlived a shorter wait took part in the longer ones.\n"
            ),
            _command(shares),
            chart("idle-expiry", "Share of instances that are still there"),
            _table(
                "instances | minutes without a call | woken in all | still there",
                (
                    (
                        each.conditions["instances"],
                        each.conditions["wait_min"],
                        each.conditions["woken"],
                        f"{each.value:.0%}",
                    )
                    for each in shares
                ),
            ),
        ]
    )


def _concurrency(found: Records, chart: Chart) -> str:
    plain = found.all("calls_per_s", case=concurrency.PLAIN)
    if not plain:
        return ""
    header = (
        "what | arrivals | calls at once | repetitions | p50 ms | p95 ms | p99 ms | cold, p50 ms "
        "| cold | 429 | failed | no answer | calls a second | executions at once"
    )
    limits = [each for each in found.all("calls_per_s") if each not in plain]
    return "\n".join(
        [
            "## Fig. 12: many calls at once\n",
            "Measured. *closed*: as many clients, each sends one request, all at once, as JMeter's "
            f"threads do, on connections that are {_connections(plain)}. *open*: as many requests "
            "come independently within a second. Five "
            f"instances are warm before the first repetition of each line. *{concurrency.REAL}* is "
            "the real function, as far as two cores go; *stand-in* is not the model (see above); "
            f"*{concurrency.DOOR}* is the same, called directly. Shares are of all calls, "
            "*executions at once* is the most that the stand-in saw.\n",
            _command(plain),
            chart("fig-12-concurrency", "Response times against calls at once"),
            _table(header, (_load_row(found, each) for each in plain)),
            *(_limits(found, limits, header) if limits else ()),
        ]
    )


def _connections(records: Sequence[Record]) -> str:
    if all("connections" in record.conditions for record in records):
        return str(records[0].conditions["connections"])
    return (
        "new, where the emulator's queue of a hundred overflows; that in some repetitions most "
        "calls failed may come from it, and was not looked into (clients now connect before)"
    )


def _limits(found: Records, limits: Sequence[Record], header: str) -> Iterator[str]:
    yield "### What limits do\n"
    yield (
        "With the stand-in: 1,200 calls to instances that start as slowly as the paper's first "
        f"call took; the environment's own throttle (rate {concurrency.OWN_THROTTLE[0]}, burst "
        f"{concurrency.OWN_THROTTLE[1]}; elsewhere in this section it is AWS's default); a "
        f"reserved concurrency of {concurrency.RESERVED} with clients that give up on 429, and "
        "with clients "
        "that wait a random time up to 0.1 s, doubled with each attempt up to 5 s, and try again "
        "up to eight times. That is what a client should do: AWS's SDKs do so by themselves, the "
        "page and phones must be told.\n"
    )
    yield _table(
        f"case | {header} | 429s met per call",
        (
            (
                each.conditions["case"],
                *_load_row(found, each),
                f"{_same(found, 'refusals_per_call', each):.2f}",
            )
            for each in limits
        ),
    )


def _load_row(found: Records, about: Record) -> tuple[object, ...]:
    conditions = about.conditions
    response = found.first("response_ms", about.name, **conditions)
    cold = found.first("cold_response_ms", about.name, **conditions)
    peak = found.first("peak_executions", about.name, **conditions)
    return (
        about.name,
        conditions["arrivals"],
        f"{conditions['clients']:,}",
        conditions["repetitions"],
        *(
            (_ms(response.value), _ms(response.p95), _ms(response.p99))
            if response
            else ("", "", "")
        ),
        _ms(cold.value) if cold else "",
        f"{_same(found, 'cold_share', about):.1%}",
        f"{_same(found, 'throttled_share', about):.1%}",
        f"{_same(found, 'failed_share', about):.1%}",
        f"{_same(found, 'unanswered_share', about):.1%}",
        f"{about.value:,.0f}",
        f"{peak.value:,.0f}" if peak else "",
    )


def _memory(found: Records, chart: Chart) -> str:
    warm = found.all("warm_ms", part=memory.SPEED)
    if not warm:
        return ""
    rows = []
    for each in warm:
        about = {"memory_mb": each.conditions["memory_mb"], "part": memory.SPEED}
        paper = found.first("cost_usd_per_million", each.name, prices="paper", **about)
        rows.append(
            (
                each.name,
                f"{each.conditions['memory_mb']:,}",
                f"{each.conditions['vcpu']:.2f}",
                f"{found.value('first_ms', each.name, **about):,.0f}",
                _ms(each.value),
                _ms(each.p95),
                f"{found.value('cost_usd_per_million', each.name, prices='today', **about):.2f}",
                f"{paper.value:.2f}" if paper else "",
            )
        )
    chosen = [
        (
            each.name,
            f"{each.value:,.0f}",
            f"{found.value('balanced_memory_mb', each.name):,.0f}",
        )
        for each in found.all("cheapest_memory_mb")
    ]
    return "\n".join(
        [
            "## Fig. 13: memory sizes\n",
            "One instance, held to the processor share of its size, a photo of 2 megapixels, 224 "
            f"px; {_order(warm)}; cost per million warm calls. 10,240 MB bring 5.8 "
            "processors and are measured only "
            "where there are as many.\n",
            _command(warm),
            chart("fig-13-memory", "Time and cost against memory size"),
            _table(
                "handler | MB | processors | first call, ms | warm, p50 ms | warm, p95 ms "
                "| USD per million, today | at the paper's prices",
                rows,
            ),
            "The cheapest size, and the one with the smallest product of time and cost:\n",
            _table("handler | cheapest, MB | recommended, MB", chosen),
            *_memory_over_api(found),
            *_killed(found),
        ]
    )


def _order(records: Sequence[Record]) -> str:
    if any("calls" in record.conditions for record in records):
        return (
            "sizes were measured one after another, so that other work on the machine may decide "
            "between two of them (since then they take turns)"
        )
    return "sizes and handlers take turns of five calls"


def _memory_over_api(found: Records) -> Iterator[str]:
    records = found.all("response_ms", part=memory.API)
    if not records:
        return
    clients = list(dict.fromkeys(each.conditions["clients"] for each in records))
    sizes = list(dict.fromkeys(each.conditions["memory_mb"] for each in records))
    yield (
        "Over the API, ours at 128 px, five instances warm before the first repetition: response "
        "times in ms, p50 / p95, and the share of cold calls. All instances share two processors.\n"
    )
    rows = []
    for size in sizes:
        cells: list[object] = [f"{size:,}"]
        for count in clients:
            about = {"part": memory.API, "memory_mb": size, "clients": count}
            record = found.first("response_ms", "ours", **about)
            cells.append(
                f"{_ms(record.value)} / {_ms(record.p95)}, "
                f"{found.value('cold_share', 'ours', **about):.0%}"
                if record
                else ""
            )
        rows.append(tuple(cells))
    yield _table("MB | " + " | ".join(f"{count} at once" for count in clients), rows)


def _killed(found: Records) -> Iterator[str]:
    records = found.all("killed")
    if not records:
        return
    yield (
        "Out of memory: the memory size enforced (with a whole processor, 224 px, 2 megapixels). "
        "The peak counts files that are mapped, too, which the kernel may drop instead of killing. "
        "On Lambda such a call is answered with `Runtime.ExitError`, `signal: killed`, 502 at the "
        "API, and each retry meets a new cold start.\n"
    )
    yield _table(
        "handler | MB | outcome",
        (
            (
                each.name,
                f"{each.conditions['memory_mb']:,}",
                "killed"
                if each.value
                else "answers, peak "
                f"{found.value('peak_rss_mb', each.name, **each.conditions):.0f} MiB",
            )
            for each in records
        ),
    )


def _clients(found: Records, chart: Chart) -> str:
    shares = [each for each in found.all("failed_share") if "label" in each.conditions]
    if not shares:
        return ""
    rows = []
    for each in shares:
        response = found.first("response_ms", each.name, **each.conditions)
        cells = (
            (_ms(response.value), _ms(response.p95), _ms(response.p99)) if response else [""] * 3
        )
        rows.append(
            (
                each.name,
                each.conditions["label"],
                each.conditions["clients"],
                each.conditions["calls"],
                *cells,
                *(
                    f"{found.value(metric, each.name, **each.conditions):.1%}"
                    for metric in ("cold_share", "throttled_share")
                ),
                f"{each.value:.1%}",
            )
        )
    commands = dict.fromkeys(each.command for each in shares)
    return "\n".join(
        [
            "## By a real load client\n",
            "Plans with the paper's requests are written for an API that runs; JMeter (2.13 of "
            "Debian here) and Locust (`pip install locust`, in an environment of its own) are "
            "run by you, and their results read into this report:\n",
            "```sh\n"
            ".venv/bin/warmlens experiments client-plan jmeter plan.jmx --url http://127.0.0.1:8080\n"
            ".venv/bin/warmlens experiments client-plan locust load.py --url http://127.0.0.1:8080\n"
            ".venv/bin/warmlens experiments read-results jmeter jmeter.csv\n"
            ".venv/bin/warmlens experiments read-results locust results.csv\n"
            "```\n",
            "The plans name the paper's photo, `test/20200118.jpg`, which a local cloud has; in an "
            "environment in AWS put one there first. "
            "First five wakeups at once, then the load, closed: each user sends the next request "
            "when the one before is answered. Measured on a local cloud of 64 concurrent calls "
            "with:\n",
            "```text\n" + "\n".join(commands) + "\n```\n",
            _table(
                "client | request | users | calls | p50 ms | p95 ms | p99 ms | cold | 429 | failed",
                rows,
            ),
        ]
    )


def _same(found: Records, metric: str, like: Record) -> float:
    return found.value(metric, like.name, **like.conditions)


def _command(records: Sequence[Record]) -> str:
    commands = dict.fromkeys(f"`{each.command}`, {each.date}" for each in records)
    return f"{'; '.join(commands)}.\n"


def _ms(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _table(header: str, rows: Iterable[Sequence[object]]) -> str:
    columns = header.count("|") + 1
    lines = [f"| {header} |", f"|{' --- |' * columns}"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines) + "\n"
