"""Costs of Table 6, Fig. 8 and Fig. 9, computed from prices and measurements."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lab.bench.warming.comparison import INSTANCES
from lab.experiments.measurements import Measurement, blocks, joined
from lab.experiments.memory import SPEED
from lab.experiments.prices import (
    DAYS_PER_MONTH,
    HOURS_PER_MONTH,
    PAPER,
    PINGS_PER_MONTH,
    TODAY,
    Ec2,
    api_usd,
    billed_usd,
    function_usd,
    gb_s_usd,
    mean_usd,
    paper_usd,
    servers,
    storage_usd,
    today_usd,
)
from lab.intervals import Blocks, Interval, mean_interval
from lab.photo_costs import PHOTOS, WAYS, break_even
from warmlens.planner.photo import Usage
from warmlens.records import Record
from warmlens.runtime.isolation import MEMORY_MB_PER_VCPU

NAME = "cost"
PAPER_PRICES, FIVE_FEES = "paper's prices", "five request fees"
LAMBDA_THEN, EC2 = "Lambda, paper's prices", "one EC2 server of the paper"
COMMAND = "python -m lab experiments run cost"
HOLD_MS: int = PAPER["hold_ms"]
HOLD_BILLED_MS: int = HOLD_MS + PAPER["billed_in_ms"]
"""A call that sleeps through whole steps of the bill lasts longer, and is billed one more."""

MEMORY_MB: int = PAPER["memory_mb"]
REQUESTS_A_DAY = (1_000, 10_000, 100_000, 455_172, 1_000_000, 10_000_000)
CONNECTIONS = (1, 10, 100, 1_000)
PEAK_FACTOR = 3
"""Assumed: the busiest minutes have three times the day's average."""

EQUAL_COST = "requests_a_day_where_costs_are_equal"
PINGED_MONTH = "usd_per_month_for_a_call_every_5_min"
"""Metrics of the paper's figures; the two below are of ours."""

SAME_COST = "requests_a_day_where_one_server_costs_the_same"
WHOLE_SAME_COST = "requests_a_day_where_the_whole_bills_are_equal"
WHOLE_SERVER = "EC2 c7i.large"
WAYS_OF_THE_PAPER = ("REST API, photo in the call", "REST API, upload")
"""One API call, and two with S3 between them, as the paper's."""

_DAY_S = 86_400


def arithmetic() -> Iterator[Record]:
    """Yield the paper's cost figures as printed, and as recomputed from its prices."""
    prices = PAPER["usd_per_100_ms"]
    for size, usd in prices.items():
        about = {"memory_mb": int(size), "duration_ms": 100}
        yield _record("paper", "usd_per_100_ms", usd, "USD", about, kind="quoted")
        per_million = paper_usd(int(size), 100) * 1e6
        yield _record(PAPER_PRICES, "usd_per_million", per_million, "USD", about)
        yield _record(
            "today",
            "usd_per_million",
            function_usd(int(size), 100) * 1e6,
            "USD",
            about,
        )
    at_500 = {"memory_mb": MEMORY_MB, "duration_ms": 500}
    at_100 = {"memory_mb": MEMORY_MB, "duration_ms": 100}
    printed = {
        "usd_per_million": (
            (PAPER["usd_per_million_at_100_ms"], at_100),
            (PAPER["usd_per_million_at_500_ms"], at_500),
        ),
        "usd_per_day": ((PAPER["usd_per_day_for_10000_requests"], at_500),),
        EQUAL_COST: ((PAPER[EQUAL_COST], at_500),),
        PINGED_MONTH: ((PAPER[PINGED_MONTH], {}),),
    }
    for metric, each in printed.items():
        for value, about in each:
            unit = "1" if metric.startswith("requests") else "USD"
            yield _record("paper", metric, value, unit, about, kind="quoted")
    right = paper_usd(MEMORY_MB, 500)
    five_fees = 5 * paper_usd(MEMORY_MB, 100)
    ec2 = PAPER["ec2_usd_per_day"]
    yield _record("paper", "ec2_usd_per_day", ec2, "USD", {}, kind="quoted")
    yield _record(FIVE_FEES, "usd_per_million", five_fees * 1e6, "USD", at_500)
    yield _record(PAPER_PRICES, "usd_per_million", right * 1e6, "USD", at_500)
    yield _record(FIVE_FEES, "usd_per_day", five_fees * 1e4, "USD", at_500)
    yield _record(PAPER_PRICES, "usd_per_day", right * 1e4, "USD", at_500)
    for name, usd in ((FIVE_FEES, five_fees), (PAPER_PRICES, right)):
        for count in (1, 2):
            yield _record(
                name,
                EQUAL_COST,
                count * ec2 / usd,
                "1",
                {**at_500, "servers": count},
            )
    for instances in (1, PAPER["instances_kept"]):
        for duration_ms in (HOLD_MS, HOLD_BILLED_MS):
            yield _record(
                PAPER_PRICES,
                PINGED_MONTH,
                instances * PINGS_PER_MONTH * paper_usd(MEMORY_MB, duration_ms),
                "USD",
                {"memory_mb": MEMORY_MB, "duration_ms": duration_ms, "instances": instances},
            )


def fig_8() -> Iterator[Record]:
    """Yield the cost of a day by its requests, at the paper's prices and times."""
    usd = paper_usd(MEMORY_MB, 500)
    for requests in REQUESTS_A_DAY:
        about = {"requests_a_day": requests}
        yield _record(LAMBDA_THEN, "fig_8_usd_per_day", requests * usd, "USD", about)
        yield _record(
            EC2,
            "fig_8_usd_per_day",
            PAPER["ec2_usd_per_day"],
            "USD",
            about,
        )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Measured times for the computation of costs.

    Attributes:
        warm_ms: warm calls at the paper's memory size.
        first_ms: from the start of an instance to its first answer there.
        vcpu_ms: warm calls on one whole processor.
        warm_blocks: the warm calls in groups that were made together.
        source: a measurement that they come from, for the machine and date.
    """

    warm_ms: Sequence[float]
    first_ms: Sequence[float]
    vcpu_ms: Sequence[float]
    warm_blocks: Blocks
    source: Measurement

    @property
    def billed_ms(self) -> float:
        """Mean billed time of a warm call."""
        return statistics.fmean(map(math.ceil, self.warm_ms))

    @property
    def billed_ms_interval(self) -> Interval | None:
        """The interval of that mean; None for too few groups."""
        return mean_interval([[math.ceil(ms) for ms in block] for block in self.warm_blocks])

    def warm_usd(self, architecture: str = "x86_64") -> float:
        """Return today's cost of a warm call, with its S3 GET."""
        usd = partial(today_usd, MEMORY_MB, architecture=architecture)
        return mean_usd(usd, self.warm_ms)

    def warm_function_usd(self, *, provisioned: bool = False) -> float:
        """Return today's cost of a warm call in Lambda alone; a server needs S3, too."""
        usd = partial(function_usd, MEMORY_MB, provisioned=provisioned)
        return mean_usd(usd, self.warm_ms)

    def cold_usd(self) -> float:
        """Return today's cost of a first call, with its init and S3 GET."""
        return mean_usd(partial(today_usd, MEMORY_MB), self.first_ms)


def measured(measurements: Mapping[str, Sequence[Measurement]], name: str) -> Measured | None:
    """Return the measured times of `ours` or `baseline`, or None if some are missing.

    Warm calls are those of the memory experiment on one instance, not those over the API, which
    share processors; first calls are those of the stages. For the baseline, which is not measured
    at 1,769 MB, the times on one processor are those at 1,536 MB, reduced in the proportion of the
    shares.
    """

    def of(experiment: str, memory_mb: int) -> list[Measurement]:
        return [
            each
            for each in measurements.get(experiment, ())
            if each.name == name
            and each.conditions["memory_mb"] == memory_mb
            and each.conditions.get("part", SPEED) == SPEED
        ]

    def at(experiment: str, memory_mb: int, metric: str) -> list[float]:
        return joined(of(experiment, memory_mb), metric)

    warm_ms, first_ms = at("memory", MEMORY_MB, "warm_ms"), at("stages", MEMORY_MB, "first_ms")
    vcpu_ms = at("memory", MEMORY_MB_PER_VCPU, "warm_ms") or [
        each * 1536 / MEMORY_MB_PER_VCPU for each in at("memory", 1536, "warm_ms")
    ]
    if not (warm_ms and first_ms and vcpu_ms):
        return None
    source = measurements["memory"][0]
    return Measured(
        warm_ms=warm_ms,
        first_ms=first_ms,
        vcpu_ms=vcpu_ms,
        warm_blocks=blocks(of("memory", MEMORY_MB), "warm_ms"),
        source=source,
    )


def our_costs(measurements: Mapping[str, Sequence[Measurement]]) -> Iterator[Record]:
    """Yield today's costs of requests, of warming, and of servers instead."""
    for name in ("baseline", "ours"):
        times = measured(measurements, name)
        if times is None:
            continue
        yield from _requests(name, times)
        yield from _servers(name, times)
        yield from _fig_9(name, times)
        if name == "ours":
            yield from _months(times)


def _requests(name: str, times: Measured) -> Iterator[Record]:
    for architecture in ("x86_64", "arm64"):
        for api in ("none", "REST", "HTTP"):
            about = {"memory_mb": MEMORY_MB, "architecture": architecture, "api": api}
            usd = times.warm_usd(architecture) + api_usd(api)
            yield _from(times, name, "usd_per_million", usd * 1e6, about)
    about = {"memory_mb": MEMORY_MB, "architecture": "x86_64", "api": "none"}
    yield _from(times, name, "usd_per_million_cold_starts", times.cold_usd() * 1e6, about)


def _servers(name: str, times: Measured) -> Iterator[Record]:
    for server in servers():
        about = {"server": server.name, "usd_per_hour": server.usd_per_hour}
        yield _from(
            times, name, "server_requests_per_s", throughput_rps(server, times), about, unit="1/s"
        )
        yield _from(times, name, "server_usd_per_day", server.usd_per_hour * 24, about)
        a_day_usd = server.usd_per_hour * 24
        record = _from(
            times,
            name,
            SAME_COST,
            a_day_usd / times.warm_function_usd(),
            about,
            unit="1",
        )
        yield _with_interval(record, times, partial(_requests_for, a_day_usd))
    yield from _whole_bills(name, times)


def _requests_for(usd: float, billed_ms: float) -> float:
    return usd / billed_usd(MEMORY_MB, billed_ms)


def _whole_bills(name: str, times: Measured) -> Iterator[Record]:
    """Yield where the whole bill of Lambda, and that of a server, are equal.

    As in docs/choices.md: all items of a photo, and a load balancer before the server.
    """
    for way in WAYS_OF_THE_PAPER:
        about = {"server": WHOLE_SERVER, "way": way}
        record = _from(times, name, WHOLE_SAME_COST, _a_day(times.billed_ms, way), about, unit="1")
        yield _with_interval(record, times, partial(_a_day, way=way))


def _a_day(billed_ms: float, way: str) -> float:
    gb_s = PHOTOS * billed_ms / 1000 * MEMORY_MB / 1024
    return break_even(WAYS[way], WHOLE_SERVER, usage=Usage(photos=PHOTOS, gb_s=gb_s))


def _with_interval(record: Record, times: Measured, of_ms: Callable[[float], float]) -> Record:
    """Return a record with the interval that the mean billed time gives a falling function."""
    interval = times.billed_ms_interval
    if interval is None:
        return record
    low_ms, high_ms = interval
    return replace(record, interval=(of_ms(high_ms), of_ms(low_ms)))


def throughput_rps(server: Ec2, times: Measured) -> float:
    """Return the requests per second of a server with processors like this machine's."""
    return server.vcpus * server.sustained_share * 1000 / statistics.median(times.vcpu_ms)


def _fig_9(name: str, times: Measured) -> Iterator[Record]:
    """Yield the cost of a day of 10,000 requests by the number that come at once.

    Servers must answer them all within a second; Lambda starts an instance for each, once a day,
    and bills its init. S3's requests are left out, since they cost the same.
    """
    server = servers()[1]
    usd = times.warm_function_usd()
    for connections in CONNECTIONS:
        count = math.ceil(connections / throughput_rps(server, times))
        extra_usd = connections * (times.cold_usd() - times.warm_usd())
        about = {"connections": connections, "requests_a_day": 10_000}
        yield _from(times, f"{name}, Lambda", "fig_9_usd_per_day", 1e4 * usd + extra_usd, about)
        yield _from(
            times,
            f"{name}, {server.name}",
            "fig_9_usd_per_day",
            count * server.usd_per_hour * 24,
            {**about, "servers": count},
        )


def _months(times: Measured) -> Iterator[Record]:
    """Yield the monthly cost of Lambda with five warm instances, and of servers.

    Servers must answer the busiest minutes. S3's requests are part of both.
    """
    kept_usd = {
        "off": 0.0,
        "ping": ping_usd_per_month(),
        "provisioned": provisioned_usd_per_month(),
    }
    for requests in (1_000, 10_000, 100_000, 1_000_000):
        a_month = requests * DAYS_PER_MONTH
        for api in ("REST", "HTTP"):
            for warming, usd in kept_usd.items():
                about = {"requests_a_day": requests, "api": api, "warming": warming}
                each_usd = times.warm_function_usd(provisioned=warming == "provisioned")
                value = a_month * (each_usd + storage_usd() + api_usd(api)) + usd
                yield _from(times, "ours", "usd_per_month", value, about)
        for server in servers():
            busiest_rps = PEAK_FACTOR * requests / _DAY_S
            count = max(1, math.ceil(busiest_rps / throughput_rps(server, times)))
            about = {"requests_a_day": requests, "server": server.name, "servers": count}
            value = count * server.usd_per_hour * HOURS_PER_MONTH + a_month * storage_usd()
            yield _from(times, "ours", "usd_per_month", value, about)


def ping_usd_per_month(instances: int = INSTANCES) -> float:
    """Return the monthly cost of a warming round every five minutes, with calls of 400 ms.

    The warmer's own run is not included.
    """
    gb_s = instances * HOLD_MS / 1000 * MEMORY_MB / 1024
    fees: float = instances * TODAY["lambda_per_request"] + TODAY["scheduler_per_invocation"]
    return PINGS_PER_MONTH * (gb_s * gb_s_usd("x86_64") + fees)


def provisioned_usd_per_month(instances: int = INSTANCES) -> float:
    """Return the monthly cost of provisioned concurrency around the clock."""
    gb_s = instances * MEMORY_MB / 1024 * HOURS_PER_MONTH * 3600
    return gb_s * TODAY["provisioned_x86_per_gb_s"]


def records(measurements: Mapping[str, Sequence[Measurement]]) -> Iterator[Record]:
    """Return the records of all costs.

    Args:
        measurements: of the experiments, by name; records that need missing ones are left out.
    """
    yield from arithmetic()
    yield from fig_8()
    yield from our_costs(measurements)


def _record(
    name: str,
    metric: str,
    value: float,
    unit: str,
    conditions: Mapping[str, Any],
    *,
    kind: str = "computed",
) -> Record:
    return Record(
        name=name,
        metric=metric,
        value=value,
        unit=unit,
        kind=kind,
        conditions={**conditions, "prices": TODAY.date if name == "today" else PAPER["date"]},
        command=COMMAND,
        machine="",
        date=TODAY.date,
    )


def _from(
    times: Measured,
    name: str,
    metric: str,
    value: float,
    conditions: Mapping[str, Any],
    *,
    unit: str = "USD",
) -> Record:
    return Record(
        name=name,
        metric=metric,
        value=value,
        unit=unit,
        kind="computed",
        conditions={**conditions, "prices": TODAY.date},
        command=COMMAND,
        machine=times.source.machine,
        date=times.source.date,
    )
