"""Lambda handler that wakes N instances of the classifier and counts the distinct ones.

An instance serves one call at a time, so overlapping calls run on distinct instances. All calls of
a round are sent at once and held until the same time: they overlap if all arrive before it.
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
HOLD_FACTOR = 3  # each further round has a hold three times as long
CLOCK_MARGIN_MS = 500  # an instance whose clock is behind rejects a hold as too long
CONNECT_TIMEOUT_S = 5


@dataclass(frozen=True, kw_only=True)
class WarmerConfig:
    """The warmer's configuration; `stacks/warming.py` sets the variables."""

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
    def from_environment(cls, environment: Mapping[str, str]) -> "WarmerConfig":
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
        """The function's ARN without the alias, for calls about its concurrency."""
        return ":".join(self.function_arn.split(":")[:7])

    def wanted_at(self, now_s: float) -> int:
        """Return the number of instances to wake, so that enough are warm until the next round.

        Args:
            now_s: the Unix time now.
        """
        hours = (
            datetime.datetime.fromtimestamp(each_s, datetime.UTC).hour
            for each_s in (now_s, now_s + self.period_s)
        )
        return max(self.warm_by_hour[hour] for hour in hours)


@dataclass(frozen=True)
class Wakeup:
    """An answered wakeup: the instance, whether it was a cold start, and the hold in seconds."""

    instance_id: str
    cold_start: bool
    held_s: float


@dataclass
class Round:
    """Results of one round's calls, and the Unix time at which they were sent."""

    sent_ms: int
    wakeups: list[Wakeup] = field(default_factory=list)
    throttled: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def distinct(self) -> int:
        """Number of distinct instances that answered."""
        return len({wakeup.instance_id for wakeup in self.wakeups})


class WarmingFailedError(Exception):
    """No wakeup was answered."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Wake instances, in several rounds if needed and the budget allows.

    Args:
        event: `scheduled_time`, the schedule's time of this run, which identifies a duplicate
            delivery; or `{"instances": N}`, 1 to 100, to override the settings.
        context: Lambda's context; only its `aws_request_id` is used.

    Returns:
        `requested` instances; `allowed` by the concurrency, with the reason as `limited_by` if that
        is less; `distinct` instances, the maximum over the rounds; `coverage`, distinct /
        requested; and over all rounds `cold` starts absorbed, `rounds`, `held_s` (instance-seconds
        held), `throttled` calls and `errors`, one text for each other failed call. For a duplicate
        delivery only `duplicate_of`, its scheduled time.

    Raises:
        ValueError: N is out of range.
        WarmingFailedError: no wakeup was answered.
    """
    config = WarmerConfig.from_environment(os.environ)
    deadline_s = time.monotonic() + config.budget_s
    requested = event.get("instances", config.wanted_at(time.time()))
    if "instances" in event and not (type(requested) is int and 1 <= requested <= MAX_INSTANCES):
        allowed_words = f"allowed are whole numbers from 1 to {MAX_INSTANCES}"
        raise ValueError(f"instances is {requested!r}, {allowed_words}")

    problems: list[str] = []
    scheduled_time = _time_of(event)
    if scheduled_time and not _claim(scheduled_time, config, context, problems):
        _log("INFO", "delivered before", duplicate_of=scheduled_time)
        return {"duplicate_of": scheduled_time}

    client = _lambda_client(requested, config)
    limit = _limit(client, config, problems)
    allowed = requested if limit is None else max(0, min(requested, limit[0]))
    rounds = _run(client, config, allowed, deadline_s) if allowed else []
    problems += [error for each in rounds for error in each.errors]
    report = {
        "requested": requested,
        "allowed": allowed,
        "limited_by": limit[1] if limit and allowed < requested else None,
        **_summary(requested, rounds),
        "errors": problems,
    }
    _log("WARNING" if report["distinct"] < requested else "INFO", "warming", **report)
    _emit(report, rounds, config.env_name)
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
    """Return the run's scheduled time, or None if the event has none."""
    value = event.get("scheduled_time")
    try:
        return value if value and datetime.datetime.fromisoformat(value) else None
    except (TypeError, ValueError):
        _log("WARNING", "no scheduled time: a second delivery would not be noticed", value=value)
        return None


def _claim(scheduled_time: str, config: WarmerConfig, context: Any, problems: list[str]) -> bool:
    """Claim a scheduled run; return False for a duplicate, since Scheduler delivers at least once.

    Every delivery writes its time into one parameter, whose versions AWS numbers in order: of two
    deliveries of one time, the later one sees the earlier one in the version before its own. A
    failed run is retried by Lambda with the same request id, and runs again.
    """
    name, request_id = config.claim_parameter, context.aws_request_id
    try:
        client = boto3.client("ssm", config=Config(connect_timeout=2, read_timeout=5))
        version = client.put_parameter(
            Name=name, Value=f"{scheduled_time} {request_id}", Overwrite=True
        )["Version"]
        before = client.get_parameter(Name=f"{name}:{version - 1}")["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        # Run it anyway: a duplicate run costs a hold, a missed run costs cold starts.
        problems.append(f"the claim of {scheduled_time} is not known to be the first: {error}")
        return True
    claimed_time, _, claimed_by = str(before).partition(" ")
    return claimed_time != scheduled_time or claimed_by == request_id


def _lambda_client(count: int, config: WarmerConfig) -> Any:
    return boto3.client(
        "lambda",
        config=Config(
            max_pool_connections=max(1, count),
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=config.budget_s,
            retries={"total_max_attempts": 1},
        ),
    )


def _limit(client: Any, config: WarmerConfig, problems: list[str]) -> tuple[int, str] | None:
    """Return the number of instances that concurrency limits allow, and why; None if unknown.

    It is the function's reserved concurrency, or else the account's unreserved concurrency, of
    which the warmer itself takes one; less the reserve for users.
    """
    reserve = config.user_reserve
    try:
        reserved = client.get_function_concurrency(FunctionName=config.function_name)
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


def _run(client: Any, config: WarmerConfig, count: int, deadline_s: float) -> list[Round]:
    """Run rounds until one reaches all instances, or the rounds or the budget are used up."""
    _connect(client, config, count)
    longest_ms = max(config.hold_ms, config.max_hold_ms - CLOCK_MARGIN_MS)
    hold_ms, rounds = config.hold_ms, list[Round]()
    while True:
        begun_s = time.monotonic()
        latest = _wake(client, config, count, hold_ms, deadline_s)
        rounds.append(latest)
        # Throttled calls are not repeated: users need the concurrency.
        if latest.distinct >= count - latest.throttled or len(rounds) == MAX_ROUNDS:
            return rounds
        longer_ms = min(hold_ms * HOLD_FACTOR, longest_ms)
        expected_s = time.monotonic() - begun_s + (longer_ms - hold_ms) / 1000
        if time.monotonic() + expected_s > deadline_s:
            return rounds
        hold_ms = longer_ms


def _connect(client: Any, config: WarmerConfig, count: int) -> None:
    """Open the connections, so that TLS handshakes do not spread the first round's calls.

    Failures are ignored: the round's own calls report them.
    """

    def connect(_: int) -> None:
        try:
            client.invoke(FunctionName=config.function_arn, InvocationType="DryRun")
        except (BotoCoreError, ClientError):
            return

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(connect, range(count)))


def _wake(client: Any, config: WarmerConfig, count: int, hold_ms: int, deadline_s: float) -> Round:
    """Run one round: `count` calls at once, each held until the same time."""
    result = Round(sent_ms=_now_ms())
    hold_until_ms = result.sent_ms + hold_ms
    payload = json.dumps({"method": "wakeup", "hold_until": hold_until_ms}).encode()
    answers: queue.SimpleQueue[Callable[[Round], None]] = queue.SimpleQueue()

    def call() -> None:
        answers.put(_call(client, config.function_arn, payload))

    # Daemon threads, so that a call beyond the budget does not keep the process alive.
    for _ in range(count):
        threading.Thread(target=call, daemon=True).start()
    for answered in range(count):
        try:
            answers.get(timeout=max(0.0, deadline_s - time.monotonic()))(result)
        except queue.Empty:
            result.errors += ["not answered within the budget"] * (count - answered)
            break
    return result


def _call(client: Any, function_arn: str, payload: bytes) -> Callable[[Round], None]:
    """Send one wakeup; return a function that adds the outcome to the round."""
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


def _emit(report: Mapping[str, Any], rounds: list[Round], env_name: str) -> None:
    """Print the metrics in CloudWatch's embedded metric format.

    Throttled wakeups have the time at which they were sent, as they have in Lambda's own metric: an
    alarm subtracts them from it.
    """
    now_ms = _now_ms()
    metrics = {
        "WarmInstances": ("Count", report["distinct"]),
        "WarmCoverage": ("None", report["coverage"]),
        "ColdStartsAbsorbed": ("Count", report["cold"]),
        "HeldInstanceSeconds": ("Seconds", report["held_s"]),
    }
    _emit_at(now_ms, metrics, env_name)
    for each in rounds or [Round(sent_ms=now_ms)]:
        _emit_at(each.sent_ms, {"WarmerThrottled": ("Count", each.throttled)}, env_name)


def _emit_at(time_ms: int, metrics: Mapping[str, tuple[str, float]], env_name: str) -> None:
    directive = {
        "Namespace": "Warmlens",
        "Dimensions": [["Environment"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()],
    }
    line = {
        "_aws": {"Timestamp": time_ms, "CloudWatchMetrics": [directive]},
        "Environment": env_name,
        **{name: value for name, (_, value) in metrics.items()},
    }
    print(json.dumps(line))


def _now_ms() -> int:
    return int(time.time() * 1000)


def _log(level: str, message: str, **fields: object) -> None:
    print(json.dumps({"level": level, "message": message, **fields}))
