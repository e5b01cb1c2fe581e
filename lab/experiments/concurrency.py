"""Fig. 12: response times by the number of calls at once, and the effect of limits."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from lab.bench.speed.process import share_conditions
from lab.experiments.experiment import Earlier, Experiment, Measure, Mode, Values
from lab.experiments.fake_lambda import DIRECT_PATH, PEAK_PATH, RESET_PATH, set_throttle
from lab.experiments.flow import upload
from lab.experiments.load import ANSWERED, Load, call_at_once, calls_in, response_times, shares
from lab.experiments.measurements import (
    Measurement,
    Step,
    blocks,
    grouped,
    joined,
    ratio_of_means,
    record_of,
    total,
)
from lab.experiments.prices import PAPER
from lab.experiments.target import (
    CLASSIFICATION,
    Target,
    running_api,
    running_fake_lambda,
)
from lab.load import wake_at_once
from warmlens.errors import WarmlensError
from warmlens.local.aws import Keys, LocalAws
from warmlens.local.buckets import ANY_PHOTO, SAMPLES
from warmlens.records import Record
from warmlens.registry.serving import ALIAS
from warmlens.runtime.best_isolation import best_isolation

NAME = "concurrency"
LIMIT: int = PAPER["concurrency_limit"]
WARM: int = PAPER["instances_kept"]
HOLD_MS = 800
"""The paper's wakeup of Fig. 7: long enough for five starts to overlap on two cores."""

RESERVED = 50
OWN_THROTTLE = (100, 200)
"""Rate and burst of the environment `local`; prod has the same."""

NO_THROTTLE = (10_000, 5_000)
"""AWS's default for an account and region (API Gateway developer guide, "Quotas")."""

OPEN_BEFORE = "open before"
SAMPLE = SAMPLES / ANY_PHOTO
REAL, FAKE_LAMBDA, DIRECT = "ours", "stand-in", "stand-in without the API"
PLAIN, SLOW, RESERVED_CASE, RETRY, THROTTLED = (
    "as the paper's",
    "starts as slow as the paper's",
    f"reserved concurrency of {RESERVED}",
    f"reserved concurrency of {RESERVED}, clients that try again",
    "the environment's own throttle",
)
_REAL_CLIENTS = {Mode.QUICK: (1, 5, 20), Mode.FULL: (1, 2, 5, 10, 20, 40)}
_CLIENTS = {Mode.QUICK: (100, 500, 1000, 1200), Mode.FULL: tuple(range(100, 1201, 100))}
_REPETITIONS = {Mode.QUICK: 2, Mode.FULL: 10}
_OF_FIVE = {Mode.QUICK: 2, Mode.FULL: 60}
"""Repetitions of five calls to five instances, on which two claims rest: 300 calls."""

_FEWEST_OF_PAPER = 100
_SOME_CLIENTS = (100, 500, 1000, 1200)
"""Numbers of calls where only the fewest and the most decide."""

_DEPLOYED_CLIENTS = {Mode.QUICK: (1, 5, 20, 100), Mode.FULL: (WARM, *range(100, 1201, 100))}


def steps(mode: Mode, target: Target) -> list[Step]:
    """Return all steps; full mode measures each size ten times, five calls 60 times."""
    repetitions = range(_REPETITIONS[mode])
    of_five = range(_OF_FIVE[mode])

    local = {"memory_mb": PAPER["memory_mb"], **share_conditions(best_isolation())}

    def step(name: str, clients: int, arrivals: str, case: str, repetition: int) -> Step:
        return Step(
            experiment=NAME,
            name=name,
            conditions={
                "case": case,
                "clients": clients,
                "arrivals": arrivals,
                "connections": OPEN_BEFORE,
                "repetition": repetition,
                **(local if name == REAL and target.is_local else {}),
            },
        )

    def plan(name: str, sizes: Sequence[int], arrivals: str) -> list[Step]:
        return [
            step(name, clients, arrivals, PLAIN, repetition)
            for clients in sizes
            for repetition in (of_five if (name, clients) == (REAL, WARM) else repetitions)
        ]

    if not target.is_local:
        sizes = _DEPLOYED_CLIENTS[mode]
        return plan(REAL, sizes, "closed") + plan(REAL, sizes, "open")
    return [
        *plan(REAL, _REAL_CLIENTS[mode], "closed"),
        *plan(REAL, _REAL_CLIENTS[mode], "open"),
        *plan(FAKE_LAMBDA, _CLIENTS[mode], "closed"),
        *plan(FAKE_LAMBDA, _SOME_CLIENTS, "open"),
        *plan(DIRECT, _SOME_CLIENTS, "closed"),
        *(step(FAKE_LAMBDA, 1200, "closed", SLOW, repetition) for repetition in repetitions[:3]),
        *(step(FAKE_LAMBDA, 400, "closed", THROTTLED, repetition) for repetition in repetitions),
        *(
            step(FAKE_LAMBDA, 200, "closed", RESERVED_CASE, repetition)
            for repetition in repetitions
        ),
        *(step(FAKE_LAMBDA, 200, "closed", RETRY, repetition) for repetition in repetitions),
    ]


@contextmanager
def concurrency_setup(target: Target, earlier: Earlier) -> Iterator[Measure]:
    """Yield a function that measures a step and keeps its cloud running for the next ones."""
    with ExitStack() as stack:
        measures: dict[str, Measure] = {}

        def measure(step: Step) -> Values:
            kind = REAL if step.name == REAL else FAKE_LAMBDA
            if kind not in measures:
                stack.close()
                measures.clear()
                measures[kind] = (
                    _real(target, stack) if kind == REAL else _fake_lambda(stack, earlier["stages"])
                )
            return measures[kind](step)

        yield measure


def _real(target: Target, stack: ExitStack) -> Measure:
    # Enough for the forty clients of the full mode, an instance each.
    api = stack.enter_context(running_api(target, "--concurrency", "64"))

    body: Mapping[str, Any] = CLASSIFICATION
    if api.aws is None:  # only a local cloud surely has the paper's photo
        with httpx.Client(timeout=60, headers=dict(api.headers)) as http:
            file_path, _, _ = upload(http, api, SAMPLE.read_bytes())
        body = {**CLASSIFICATION, "file_path": file_path}

    def measure(step: Step) -> Values:
        wake: Values = {}
        if step.conditions["repetition"] == 0:
            if api.aws is not None:
                arrivals, clients = step.conditions["arrivals"], step.conditions["clients"]
                api.renew(memory_mb=PAPER["memory_mb"], note=f"{clients} {arrivals}")
            begun_s = time.perf_counter()
            cold = asyncio.run(wake_at_once(api.url, WARM, HOLD_MS, api.headers))
            wake["wake_ms"] = [(time.perf_counter() - begun_s) * 1000]
            wake["wake_cold"] = [float(sum(cold.values()))]
        return {**_call(f"{api.url}/classification", step, api.headers, body=body), **wake}

    return measure


def _fake_lambda(stack: ExitStack, stages: Sequence[Measurement]) -> Measure:
    about = stack.enter_context(running_fake_lambda(LIMIT))
    keys = Keys(about["access_key_id"], about["secret_access_key"])
    aws, door = LocalAws(about["endpoint_url"], keys), about["direct_url"]
    ours = [measurement for measurement in stages if measurement.name == REAL]
    if not ours:
        raise WarmlensError(
            "not_measured",
            "The simulated Lambda needs measured times; run: python -m lab experiments run stages",
        )
    service_ms = joined(ours, "second_ms")
    cold_start_ms = joined(ours, "first_ms")
    case_now: str | None = None
    api_url = f"{about['api_url']}/classification"

    def measure(step: Step) -> Values:
        nonlocal case_now
        case, repetition = step.conditions["case"], step.conditions["repetition"]
        fresh = case != case_now
        if fresh:
            _configure(aws, about, case)
            case_now = case
        if fresh or repetition == 0 or case == SLOW:
            slow_ms = [float(PAPER["first_call_ms"])]
            times = {
                "warm": WARM,
                "service_ms": service_ms,
                "cold_start_ms": slow_ms if case == SLOW else cold_start_ms,
            }
            httpx.post(door + RESET_PATH, json=times, trust_env=False).raise_for_status()
        httpx.get(door + PEAK_PATH, trust_env=False)
        url = door + DIRECT_PATH if step.name == DIRECT else api_url
        values = _call(url, step, {}, retry=case == RETRY)
        peak = httpx.get(door + PEAK_PATH, trust_env=False).json()["peak"]
        return {**values, "peak_executions": [float(peak)]}

    return measure


def _configure(aws: LocalAws, about: dict[str, str], case: str) -> None:
    rate_rps, burst = OWN_THROTTLE if case == THROTTLED else NO_THROTTLE
    set_throttle(aws, about["api_id"], rate_rps=rate_rps, burst=burst)
    if case in (RESERVED_CASE, RETRY):
        # The emulator knows a function's reserved concurrency for $LATEST only.
        aws.lambda_.update_alias(
            FunctionName=about["function"], Name=ALIAS, FunctionVersion="$LATEST"
        )
        aws.lambda_.put_function_concurrency(
            FunctionName=about["function"], ReservedConcurrentExecutions=RESERVED
        )


def _call(
    url: str,
    step: Step,
    headers: Mapping[str, str],
    *,
    retry: bool = False,
    body: Mapping[str, Any] = CLASSIFICATION,
) -> Values:
    conditions = step.conditions
    load = Load(
        calls=conditions["clients"],
        arrivals=conditions["arrivals"],
        retry=retry,
        seed=conditions["repetition"],
    )
    return asyncio.run(call_at_once(url, body, load, headers))


def records(measurements: Sequence[Measurement]) -> Iterator[Record]:
    """Return latencies, shares by outcome, growths, and the peak of concurrent executions."""
    yield from _wakes(measurements)
    plain: dict[tuple[str, str], list[tuple[int, list[Measurement]]]] = {}
    for name, conditions, group in grouped(measurements, "repetition"):
        about = {**conditions, "repetitions": len(group)}
        yield from response_times(group, about)
        cold_ms = blocks(group, "cold_ms")
        if cold_ms:
            yield record_of(group, cold_ms, metric="cold_response_ms", unit="ms", conditions=about)
        yield from shares(group, about, "cold", "throttled", "failed", "unanswered")
        yield total(
            group,
            sum(joined(group, "refusals")) / sum(map(calls_in, group)),
            metric="refusals_per_call",
            unit="1",
            conditions=about,
        )
        yield record_of(
            group,
            [[1000 * calls_in(each) / each.values["span_ms"][0]] for each in group],
            metric="calls_per_s",
            unit="1/s",
            conditions=about,
        )
        peaks = joined(group, "peak_executions")
        if peaks:
            yield total(group, max(peaks), metric="peak_executions", unit="1", conditions=about)
        if conditions["case"] == PLAIN and blocks(group, *ANSWERED):
            sizes = plain.setdefault((name, conditions["arrivals"]), [])
            sizes.append((conditions["clients"], group))
    for (_, arrivals), sizes in plain.items():
        yield from _growth(arrivals, sizes)


def _growth(arrivals: str, sizes: Sequence[tuple[int, Sequence[Measurement]]]) -> Iterator[Record]:
    """Yield the ratio of response times with the most calls, up to the limit, and the fewest.

    The fewest are from 100 on, as in the paper, where there are two such numbers.
    """
    ordered = sorted((each for each in sizes if each[0] <= LIMIT), key=lambda each: each[0])
    of_the_paper = [each for each in ordered if each[0] >= _FEWEST_OF_PAPER]
    ordered = of_the_paper if len(of_the_paper) > 1 else ordered
    if len(ordered) < 2:
        return
    (few, few_group), (many, many_group) = ordered[0], ordered[-1]
    yield ratio_of_means(
        many_group,
        blocks(many_group, *ANSWERED),
        blocks(few_group, *ANSWERED),
        metric="growth",
        conditions={"arrivals": arrivals, "case": PLAIN, "from": few, "to": many},
    )


def _wakes(measurements: Sequence[Measurement]) -> Iterator[Record]:
    """Return the time to make five instances, their hold included.

    A round that met an instance made fewer and is left out. Rounds of before December 2026 do not
    say it, but each of them was in a local cloud, on a new version, which has no instance.
    """
    group = [
        each
        for each in measurements
        if "wake_ms" in each.values and each.values.get("wake_cold", [WARM]) == [WARM]
    ]
    if group:
        about = {"instances": WARM, "hold_ms": HOLD_MS}
        values = blocks(group, "wake_ms")
        yield record_of(group, values, metric="wake_ms", unit="ms", conditions=about)


EXPERIMENT = Experiment(
    NAME,
    "Fig. 12: many calls at once",
    steps,
    concurrency_setup,
    records,
    needs=("stages",),
    anywhere=True,
)
