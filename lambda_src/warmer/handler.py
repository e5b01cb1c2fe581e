"""Lambda handler that wakes N instances of the classifier and counts the distinct ones."""

import os
import time
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .claim import claim, time_of
from .config import WarmerConfig
from .hold import first_hold_ms
from .logs import emit, log
from .rounds import Round, now_ms, run_rounds
from .state import State, read_state, write_state
from .wanted import Wanted, wanted_instances

MAX_INSTANCES = 100
CONNECT_TIMEOUT_S = 5
_SMALL_CALLS = Config(connect_timeout=2, read_timeout=5)


class WarmingFailedError(Exception):
    """No wakeup was answered."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Wake instances, in several rounds if needed and the budget allows.

    Args:
        event: `scheduled_time`, the schedule's time of this run, which identifies a duplicate
            delivery; or `{"instances": N}`, 1 to 100, to override the settings.
        context: Lambda's context; only its `aws_request_id` is used.

    Returns:
        `requested` instances, and `chosen_because`, the reason for their number; `allowed` by the
        concurrency, with the reason as `limited_by` if that is less; `distinct` instances, the
        maximum over the rounds; `coverage`, distinct / requested; and over all rounds `cold` starts
        absorbed, `rounds`, `held_s` (instance-seconds held), `throttled` calls and `errors`,
        one text for each other failed call. `hold_ms` is the first round's hold, `spread_ms` the
        spread of arrivals that the last round measured, or None. For a duplicate delivery only
        `duplicate_of`, its scheduled time.

    Raises:
        ValueError: N is out of range.
        WarmingFailedError: no wakeup was answered.
    """
    config = WarmerConfig.from_environment(os.environ)
    asked = event.get("instances")
    if "instances" in event and not (type(asked) is int and 1 <= asked <= MAX_INSTANCES):
        allowed_words = f"allowed are whole numbers from 1 to {MAX_INSTANCES}"
        raise ValueError(f"instances is {asked!r}, {allowed_words}")

    problems: list[str] = []
    ssm = boto3.client("ssm", config=_SMALL_CALLS)
    scheduled_time = time_of(event)
    if scheduled_time:
        name, request_id = config.claim_parameter, context.aws_request_id
        if not claim(ssm, name, scheduled_time, request_id, problems):
            log("INFO", "delivered before", duplicate_of=scheduled_time)
            return {"duplicate_of": scheduled_time}

    state = read_state(ssm, config.state_parameter, problems)
    before = state.to_json()
    wanted = (
        wanted_instances(config, state, time.time(), problems, cloudwatch=_cloudwatch_client)
        if asked is None
        else Wanted(asked, "the event asks for it")
    )
    report, rounds = _warm(wanted, config, state, problems)
    if state.to_json() != before:
        write_state(ssm, config.state_parameter, state, problems)
    log("WARNING" if report["distinct"] < report["requested"] else "INFO", "warming", **report)
    _emit(report, config.env_name)
    if wanted.instances and not any(each.wakeups for each in rounds):
        failed = [error for each in rounds for error in each.errors]
        reason = (failed or ["all calls were throttled"])[-1] if rounds else report["limited_by"]
        raise WarmingFailedError(f"none of {wanted.instances} wakeups was answered: {reason}")
    return report


def _warm(
    wanted: Wanted, config: WarmerConfig, state: State, problems: list[str]
) -> tuple[dict[str, Any], list[Round]]:
    """Run the rounds, take what they measured into the state, and return the report."""
    deadline_s = time.monotonic() + config.budget_s
    requested = wanted.instances
    client = _lambda_client(requested, config)
    limit = _limit(client, config, problems)
    allowed = requested if limit is None else max(0, min(requested, limit[0]))
    hold_ms = first_hold_ms(state.spreads.get(allowed), calls=allowed, longest_ms=config.hold_ms)
    rounds = run_rounds(client, config, allowed, hold_ms, deadline_s) if allowed else []
    problems += [error for each in rounds for error in each.errors]
    spread_ms = rounds[-1].spread_ms if rounds else None
    if spread_ms is not None:
        state.measured(allowed, min(spread_ms, config.hold_ms))
    report = {
        "requested": requested,
        "chosen_because": wanted.because,
        "allowed": allowed,
        "limited_by": limit[1] if limit and allowed < requested else None,
        **_summary(requested, rounds),
        "hold_ms": rounds[0].hold_ms if rounds else 0,
        "spread_ms": None if spread_ms is None else round(spread_ms, 1),
        "errors": problems,
    }
    return report, rounds


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


def _cloudwatch_client() -> Any:
    return boto3.client("cloudwatch", config=_SMALL_CALLS)


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


def _emit(report: Mapping[str, Any], env_name: str) -> None:
    metrics: dict[str, tuple[str, float]] = {
        "WarmInstances": ("Count", report["distinct"]),
        "WarmCoverage": ("None", report["coverage"]),
        "ColdStartsAbsorbed": ("Count", report["cold"]),
        "HeldInstanceSeconds": ("Seconds", report["held_s"]),
    }
    emit(now_ms(), metrics, env_name)
