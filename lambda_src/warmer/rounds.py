"""Rounds of wakeups: calls that are sent at once and held until the same moment.

An instance serves one call at a time, so calls that overlap run on distinct instances. The calls
of a round overlap if all arrive before the moment until which they are held.
"""

import json
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .config import WarmerConfig
from .logs import emit_wakeups

MAX_ROUNDS = 3
HOLD_FACTOR = 3  # each further round has a hold three times as long
CLOCK_MARGIN_MS = 500  # an instance whose clock is behind rejects a hold as too long
_MINUTE_MS = 60_000
_DAY_S = 86_400  # no call takes as long


@dataclass(frozen=True)
class Wakeup:
    """An answered wakeup: the instance, whether it was a cold start, and the hold in seconds."""

    instance_id: str
    cold_start: bool
    held_s: float


@dataclass
class Round:
    """Results of one round's calls, the Unix time at which they were sent, and their hold."""

    sent_ms: int
    hold_ms: int
    wakeups: list[Wakeup] = field(default_factory=list)
    throttled: int = 0
    errors: list[str] = field(default_factory=list)
    unanswered: int = 0

    @property
    def distinct(self) -> int:
        """Number of distinct instances that answered."""
        return len({wakeup.instance_id for wakeup in self.wakeups})

    @property
    def spread_ms(self) -> float | None:
        """Milliseconds from sending until the last call arrived, or the hold if it was later.

        Only calls of instances that were warm count: one that is starting answers late but takes
        no second call meanwhile. None if these are not most of the calls.
        """
        arrivals = [
            self.hold_ms - 1000 * wakeup.held_s for wakeup in self.wakeups if not wakeup.cold_start
        ]
        calls = len(self.wakeups) + self.throttled + len(self.errors)
        if calls < 2 or 2 * len(arrivals) < calls:
            return None
        return max(0.0, *arrivals)


def run_rounds(
    client: Any, config: WarmerConfig, count: int, hold_ms: int, deadline_s: float
) -> list[Round]:
    """Run rounds until one reaches all instances, or the rounds or the budget are used up.

    Args:
        client: a Lambda client with a connection for each call.
        config: the warmer's configuration.
        count: number of instances.
        hold_ms: hold of the first round, in milliseconds.
        deadline_s: `time.monotonic()` at which the budget ends.
    """
    _connect(client, config, count)
    longest_ms = max(config.hold_ms, config.max_hold_ms - CLOCK_MARGIN_MS)
    rounds = list[Round]()
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
    result = Round(sent_ms=now_ms(), hold_ms=hold_ms)
    # Before they are sent: a run that ends abruptly must not leave wakeups that look like users.
    emit_wakeups(result.sent_ms, [0] * count, config.env_name)
    request: dict[str, object] = {"method": "wakeup"}
    if hold_ms:
        request["hold_until"] = result.sent_ms + hold_ms
    payload = json.dumps(request).encode()
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
            result.unanswered = count - answered
            result.errors += ["not answered within the budget"] * result.unanswered
            break
    emit_wakeups(result.sent_ms, [1] * result.throttled, config.env_name)
    next_minute_ms = (result.sent_ms // _MINUTE_MS + 1) * _MINUTE_MS
    if result.unanswered or now_ms() >= next_minute_ms:
        emit_wakeups(next_minute_ms, [0] * count, config.env_name)
    return result


def _call(client: Any, function_arn: str, payload: bytes) -> Callable[[Round], None]:
    """Send one wakeup; return a function that adds the outcome to the round."""
    try:
        response = client.invoke(FunctionName=function_arn, Payload=payload)
        answer = json.loads(response["Payload"].read())
        wakeup = None if "FunctionError" in response else _wakeup_of(answer)
        if wakeup is not None:
            return lambda result: result.wakeups.append(wakeup)
        problem = json.dumps(answer)[:500]
    except client.exceptions.TooManyRequestsException:
        return _count_throttled
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return lambda result: result.errors.append(problem)


def _wakeup_of(answer: object) -> Wakeup | None:
    """Return the wakeup that an answer describes; None if a part is missing or of another type."""
    if not isinstance(answer, dict):
        return None
    names = ("instance_id", "cold_start", "time")
    instance_id, cold_start, held_s = (answer.get(name) for name in names)
    if not isinstance(instance_id, str) or not isinstance(cold_start, bool):
        return None
    if isinstance(held_s, bool) or not isinstance(held_s, int | float):
        return None
    return Wakeup(instance_id, cold_start, float(held_s)) if 0 <= held_s < _DAY_S else None


def _count_throttled(result: Round) -> None:
    result.throttled += 1


def now_ms() -> int:
    """Return the Unix time in milliseconds."""
    return int(time.time() * 1000)
