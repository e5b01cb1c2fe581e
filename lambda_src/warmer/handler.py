"""Wakes N instances at once, counts how many distinct ones answered, and says what it reached.

An instance serves one call at a time, so calls that overlap are on distinct instances. All calls of
a round are sent at once and held until one common moment: they overlap if each arrives before it.
"""

import datetime
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

MAX_INSTANCES = 100
MAX_ROUNDS = 3
LONGER_HOLD = 3  # each further round holds three times as long
CLOCK_MARGIN_MS = 500  # an instance refuses a hold that its own clock calls too long
CONNECT_TIMEOUT_S = 5


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What the stack tells the function. `stacks/warming.py` writes the same names."""

    env_name: str
    function_arn: str
    warm_by_hour: tuple[int, ...]
    period_s: int
    hold_ms: int
    max_hold_ms: int
    budget_s: int
    user_reserve: int
    claim_parameter: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Configuration":
        """Read the variables; a missing one raises KeyError, a wrong number ValueError."""
        return cls(
            env_name=environment["ENV_NAME"],
            function_arn=environment["FUNCTION_ARN"],
            warm_by_hour=tuple(int(count) for count in environment["WARM_BY_HOUR"].split(",")),
            period_s=int(environment["PERIOD_MIN"]) * 60,
            hold_ms=int(environment["HOLD_MS"]),
            max_hold_ms=int(environment["MAX_HOLD_MS"]),
            budget_s=int(environment["BUDGET_S"]),
            user_reserve=int(environment["USER_RESERVE"]),
            claim_parameter=environment["CLAIM_PARAMETER"],
        )

    @property
    def function_name(self) -> str:
        """The function without the alias, as calls about its concurrency want it."""
        return ":".join(self.function_arn.split(":")[:7])

    def wanted_at(self, now_s: float) -> int:
        """How many instances a round must wake: they serve until the next one, maybe next hour."""
        hours = (
            datetime.datetime.fromtimestamp(each_s, datetime.UTC).hour
            for each_s in (now_s, now_s + self.period_s)
        )
        return max(self.warm_by_hour[hour] for hour in hours)


@dataclass(frozen=True)
class Wakeup:
    """One answered wakeup: which instance, whether it was cold, for how long it was held."""

    instance_id: str
    cold_start: bool
    held_s: float


@dataclass
class Round:
    """What came back of one round's calls."""

    wakeups: list[Wakeup] = field(default_factory=list)
    throttled: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def distinct(self) -> int:
        """Instances that were awake at the same moment."""
        return len({wakeup.instance_id for wakeup in self.wakeups})


class WarmingFailedError(Exception):
    """Not one wakeup was answered."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Wake instances, in as many rounds as it takes within the budget.

    Args:
        event: `scheduled_time`, the schedule's own time for this run, by which a second delivery of
            it is known; or `{"instances": N}`, 1 to 100, instead of the N of the settings.
        context: Lambda's context; only its `aws_request_id` is used.

    Returns:
        `requested` instances; `allowed`, as many as the concurrency leaves, and `limited_by`, which
        says so where that is less; `distinct` instances, the most that one round reached;
        `coverage`, distinct / requested; `cold` starts absorbed, `rounds`, `held_s`
        (instance-seconds held), `throttled` calls and `errors`, one text for each other call that
        failed, all of them over all rounds. Of a run that was delivered before, only
        `duplicate_of`, its scheduled time.

    Raises:
        ValueError: N is out of range.
        WarmingFailedError: no wakeup was answered.
    """
    configuration = Configuration.from_environment(os.environ)
    deadline_s = time.monotonic() + configuration.budget_s
    requested = event.get("instances", configuration.wanted_at(time.time()))
    if "instances" in event and not (type(requested) is int and 1 <= requested <= MAX_INSTANCES):
        allowed_words = f"allowed are whole numbers from 1 to {MAX_INSTANCES}"
        raise ValueError(f"instances is {requested!r}, {allowed_words}")

    problems: list[str] = []
    scheduled_time = _time_of(event)
    if scheduled_time and not _claim(scheduled_time, configuration, context, problems):
        _log("INFO", "delivered before", duplicate_of=scheduled_time)
        return {"duplicate_of": scheduled_time}

    client = _lambda_client(requested, configuration)
    limit = _limit(client, configuration, problems)
    allowed = requested if limit is None else max(0, min(requested, limit[0]))
    rounds = _run(client, configuration, allowed, deadline_s) if allowed else []
    problems += [error for each in rounds for error in each.errors]
    report = {
        "requested": requested,
        "allowed": allowed,
        "limited_by": limit[1] if limit and allowed < requested else None,
        **_summary(requested, rounds),
        "errors": problems,
    }
    _log("WARNING" if report["distinct"] < requested else "INFO", "warming", **report)
    _emit(report, configuration.env_name)
    if requested and not any(each.wakeups for each in rounds):
        reason = report["limited_by"] or (problems or ["all calls were throttled"])[-1]
        raise WarmingFailedError(f"none of {requested} wakeups was answered: {reason}")
    return report


def _summary(requested: int, rounds: list[Round]) -> dict[str, Any]:
    wakeups = [wakeup for each in rounds for wakeup in each.wakeups]
    distinct = max((each.distinct for each in rounds), default=0)
    return {
        "distinct": distinct,
        "coverage": distinct / requested if requested else 1.0,
        "cold": sum(wakeup.cold_start for wakeup in wakeups),
        "rounds": len(rounds),
        "held_s": round(sum(wakeup.held_s for wakeup in wakeups), 3),
        "throttled": sum(each.throttled for each in rounds),
    }


def _time_of(event: Mapping[str, Any]) -> str | None:
    """The schedule's time, or None for a run by hand or a scheduler that does not fill it in."""
    value = event.get("scheduled_time")
    try:
        return value if value and datetime.datetime.fromisoformat(value) else None
    except (TypeError, ValueError):
        _log("WARNING", "no scheduled time: a second delivery would not be noticed", value=value)
        return None


def _claim(
    scheduled_time: str, configuration: Configuration, context: Any, problems: list[str]
) -> bool:
    """Tell whether this delivery is to run, since Scheduler may deliver one run twice.

    Every delivery writes its time into one parameter, whose versions AWS numbers one after another:
    of two deliveries of one time, the later one finds the earlier one's version before its own. A
    run that failed is delivered again by Lambda under the same request id, and runs.
    """
    name, request_id = configuration.claim_parameter, context.aws_request_id
    try:
        client = boto3.client("ssm", config=Config(connect_timeout=2, read_timeout=5))
        version = client.put_parameter(
            Name=name, Value=f"{scheduled_time} {request_id}", Overwrite=True
        )["Version"]
        before = client.get_parameter(Name=f"{name}:{version - 1}")["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        # Rather twice than not at all: a run twice costs a hold, a run missed costs cold starts.
        problems.append(f"the claim of {scheduled_time} is not known to be the first: {error}")
        return True
    claimed_time, _, claimed_by = str(before).partition(" ")
    return claimed_time != scheduled_time or claimed_by == request_id


def _lambda_client(count: int, configuration: Configuration) -> Any:
    return boto3.client(
        "lambda",
        config=Config(
            max_pool_connections=max(1, count),
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=configuration.budget_s,
            retries={"total_max_attempts": 1},
        ),
    )


def _limit(
    client: Any, configuration: Configuration, problems: list[str]
) -> tuple[int, str] | None:
    """The largest number of instances that leaves the users their reserve, and why; None: unknown.

    A function with reserved concurrency has that for itself; another one shares what the account
    has left, of which the warmer itself takes one.
    """
    reserve = configuration.user_reserve
    try:
        reserved = client.get_function_concurrency(FunctionName=configuration.function_name)
        concurrency = reserved.get("ReservedConcurrentExecutions")
        if concurrency is not None:
            why = f"the function's concurrency of {concurrency} less {reserve} for users"
            return concurrency - reserve, why
        account = client.get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError) as error:
        problems.append(f"the concurrency limit is not known: {error}")
        return None
    concurrency = account["UnreservedConcurrentExecutions"]
    why = (
        f"the account's concurrency of {concurrency} less 1 for the warmer and {reserve} for users"
    )
    return concurrency - 1 - reserve, why


def _run(client: Any, configuration: Configuration, count: int, deadline_s: float) -> list[Round]:
    """Wake until one round reached all, or a further one makes no sense or has no time."""
    _connect(client, configuration, count)
    longest_ms = max(configuration.hold_ms, configuration.max_hold_ms - CLOCK_MARGIN_MS)
    hold_ms, rounds = configuration.hold_ms, list[Round]()
    while True:
        begun_s = time.monotonic()
        latest = _wake(client, configuration, count, hold_ms, deadline_s)
        rounds.append(latest)
        # What was throttled is not asked for again: users need the concurrency more.
        if latest.distinct >= count - latest.throttled or len(rounds) == MAX_ROUNDS:
            return rounds
        longer_ms = min(hold_ms * LONGER_HOLD, longest_ms)
        expected_s = time.monotonic() - begun_s + (longer_ms - hold_ms) / 1000
        if time.monotonic() + expected_s > deadline_s:
            return rounds
        hold_ms = longer_ms


def _connect(client: Any, configuration: Configuration, count: int) -> None:
    """Open the connections, so that the first round does not spread over as many TLS handshakes.

    A failure is none yet: the calls of the round will tell it.
    """

    def connect(_: int) -> None:
        try:
            client.invoke(FunctionName=configuration.function_arn, InvocationType="DryRun")
        except (BotoCoreError, ClientError):
            return

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(connect, range(count)))


def _wake(
    client: Any, configuration: Configuration, count: int, hold_ms: int, deadline_s: float
) -> Round:
    """One round: `count` calls at once, each held until the same moment."""
    hold_until_ms = int(time.time() * 1000) + hold_ms
    payload = json.dumps({"method": "wakeup", "hold_until": hold_until_ms}).encode()
    answers: queue.SimpleQueue[Callable[[Round], None]] = queue.SimpleQueue()

    def call() -> None:
        answers.put(_call(client, configuration.function_arn, payload))

    # Daemons: a call that outlasts the budget must keep neither the run nor the process.
    for _ in range(count):
        threading.Thread(target=call, daemon=True).start()
    result = Round()
    for answered in range(count):
        try:
            answers.get(timeout=max(0.0, deadline_s - time.monotonic()))(result)
        except queue.Empty:
            result.errors += ["not answered within the budget"] * (count - answered)
            break
    return result


def _call(client: Any, function_arn: str, payload: bytes) -> Callable[[Round], None]:
    """Call once; return what its outcome adds to the round. One failing call fails nothing else."""
    try:
        response = client.invoke(FunctionName=function_arn, Payload=payload)
        answer = json.loads(response["Payload"].read())
        if "FunctionError" not in response and "instance_id" in answer:
            wakeup = Wakeup(answer["instance_id"], answer["cold_start"], answer["time"])
            return lambda result: result.wakeups.append(wakeup)
        problem = json.dumps(answer)[:500]
    except client.exceptions.TooManyRequestsException:
        return _count_throttled
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return lambda result: result.errors.append(problem)


def _count_throttled(result: Round) -> None:
    result.throttled += 1


def _emit(report: Mapping[str, Any], env_name: str) -> None:
    """Print the metrics in CloudWatch's embedded metric format, one line."""
    metrics = {
        "WarmInstances": ("Count", report["distinct"]),
        "WarmCoverage": ("None", report["coverage"]),
        "ColdStartsAbsorbed": ("Count", report["cold"]),
        "HeldInstanceSeconds": ("Seconds", report["held_s"]),
        "WarmerThrottled": ("Count", report["throttled"]),
    }
    directive = {
        "Namespace": "Warmlens",
        "Dimensions": [["Environment"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "Environment": env_name,
        **{name: value for name, (_, value) in metrics.items()},
    }
    print(json.dumps(line))


def _log(level: str, message: str, **fields: object) -> None:
    print(json.dumps({"level": level, "message": message, **fields}))
