"""One instance of a function: a process with one init phase that serves one call at a time."""

import asyncio
import functools
import logging
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from warmlens.runtime.clock import Clock
from warmlens.runtime.delivery import Delivery
from warmlens.runtime.function import FunctionSpec, instance_environment
from warmlens.runtime.invocation import (
    EXITED,
    TIMED_OUT,
    Answer,
    FunctionError,
    Invocation,
    InvokeResult,
    NotTakenError,
)
from warmlens.runtime.isolation import Isolation
from warmlens.runtime.platform_log import (
    end_line,
    init_report_line,
    report_line,
    start_line,
    timeout_line,
)
from warmlens.runtime.private_tmp import PrivateTmp
from warmlens.runtime.request_rate import RecentRequests
from warmlens.runtime.runtime_api import Event, RuntimeApi, RuntimeApiError
from warmlens.runtime.sandbox import Sandbox
from warmlens.runtime.scratch import ScratchFolder

_logger = logging.getLogger(__name__)


class State(StrEnum):
    """State of an instance; `INIT` includes platform time, and `ENDED` is final."""

    INIT = "init"
    IDLE = "idle"
    BUSY = "busy"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class InstanceInfo:
    """Description of an instance for users.

    `cold_starts` is 1 once the init phase is over and 0 before; `pid` is None before the process
    runs; `request_id` is that of the current call, None without one.
    """

    id: str
    state: State
    function: str
    version: str
    created_at: datetime
    init_ms: float | None
    cold_starts: int
    calls: int
    rss_mb: int
    pid: int | None
    request_id: str | None


@dataclass(frozen=True, kw_only=True)
class InstanceHost:
    """Parts of the pool that its instances use.

    `platform_s` is called once for each instance, `on_idle` each time that it can take a call,
    `on_ended` once, at its end.
    """

    runtime_api: RuntimeApi
    clock: Clock
    log: Callable[[str], None]
    region: str
    extra_environment: Mapping[str, str]
    init_limit_s: float
    platform_s: Callable[[], float]
    isolation: Isolation
    private_tmp: PrivateTmp | None
    on_idle: Callable[["Instance"], None]
    on_ended: Callable[["Instance"], None]


class Instance:
    """One instance: its process, its state and its current call.

    Platform time, Lambda's own part of a cold start, passes first. Init lasts from the start of the
    process until the runtime asks for its first call. A call lasts until the runtime asks for the
    next one. Only then is the caller answered, so that the instance is idle when it calls again. A
    failed init is repeated once, within the call that waits for it and its timeout, as on Lambda.
    Everything else (the process ends, a limit passes, the pool stops) leads to `_end`, which
    answers the current call and kills the process.
    """

    def __init__(self, spec: FunctionSpec, host: InstanceHost) -> None:
        self.id = uuid.uuid4().hex
        self.spec = spec
        self.state = State.INIT
        self.created_at = datetime.now(UTC)
        self.created_s = host.clock.monotonic()
        self.idle_since = 0.0
        self.recent_requests = RecentRequests()
        self._host = host
        self._calls = 0
        self._init_started = self.created_s
        self._init_failed_before = False
        self._init_ms: float | None = None
        self._platform_time: asyncio.Task[None] | None = None
        self._sandbox = Sandbox(
            spec,
            isolation=host.isolation,
            private_tmp=host.private_tmp,
            on_line=self._log,
            on_unlimited=self.end,
        )
        self._invocation: Invocation | None = None
        self._poll: asyncio.Future[Event] | None = None
        self._delivery: Delivery | None = None
        self._limit: asyncio.Task[None] | None = None

    def info(self) -> InstanceInfo:
        """Return a description of the instance."""
        return InstanceInfo(
            id=self.id,
            state=self.state,
            function=self.spec.name,
            version=self.spec.version,
            created_at=self.created_at,
            init_ms=self._init_ms,
            cold_starts=0 if self._init_ms is None else 1,
            calls=self._calls,
            rss_mb=self._sandbox.rss_mb(),
            pid=self._sandbox.pid,
            request_id=self._invocation.request_id if self._invocation else None,
        )

    def assign(self, invocation: Invocation) -> None:
        """Give an idle instance a call, or a new one the call that waits for its init."""
        self._invocation = invocation
        if self.state is State.IDLE:
            invocation.found_idle = True
            self._dispatch(invocation)

    def end(self, reason: str) -> None:
        """End the instance; a current call is answered with `reason`."""
        self._end(self._fault("ServiceException", reason))

    async def run(self) -> None:
        """Start the process, and return once it has ended and its files are removed."""
        try:
            await self._pass_platform_time()
            if self.state is State.ENDED:
                return
            async with AsyncExitStack() as stack:
                scratch = ScratchFolder(self.id[:8])
                stack.push_async_callback(asyncio.to_thread, scratch.remove)
                listening = self._host.runtime_api.listening(self)
                address = await stack.enter_async_context(listening)
                self._limit_to(self._host.init_limit_s, self._init_timed_out)
                status = await self._run_process(address, scratch.path)
                if self.state is State.INIT and not self._init_failed_before:
                    self._init_failed(self._exit_fault(status))
                if self.state is State.INIT:
                    self._begin_init_within_call()
                    status = await self._run_process(address, scratch.path)
                self._end(self._exit_fault(status))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            what = f"fork/exec {error.filename or self.spec.command[0]}: {reason}"
            self._end(self._fault("Runtime.InvalidEntrypoint", what))
        finally:
            self.end("the instance failed")

    async def _pass_platform_time(self) -> None:
        """Wait for as long as Lambda takes before the process starts, or for the end."""
        platform_s = self._host.platform_s()
        if platform_s > 0:
            self._platform_time = asyncio.create_task(self._host.clock.sleep(platform_s))
            await asyncio.wait({self._platform_time})
            self._platform_time = None

    async def _run_process(self, address: str, directory: Path) -> int:
        """Start the function's process and wait for its end."""
        self._init_started = self._host.clock.monotonic()
        environment = functools.partial(self._environment, address)
        async with self._sandbox.running(directory, environment) as process:
            if self._init_failed_before:
                # Lambda gives a repeated init the function's share and timeout (decision 131).
                self._sandbox.hold_to_share()
            if self.state is State.ENDED:
                process.kill()
            return await process.wait()

    def _begin_init_within_call(self) -> None:
        if self._invocation:
            self._begin_call(self._invocation)

    def _environment(self, address: str, directory: Path) -> dict[str, str]:
        return instance_environment(
            self.spec,
            log_stream=f"{self.created_at:%Y/%m/%d}/[{self.spec.version}]{self.id}",
            runtime_api=address,
            directory=directory,
            region=self._host.region,
            extra=self._host.extra_environment,
        )

    async def next_event(self, delivery: Delivery) -> Event:
        """End the current phase and wait for a call."""
        if self.state is State.BUSY and self._invocation and not self._invocation.answer:
            raise _wrong_state("the current call has no answer yet")
        if self.state is State.ENDED:
            raise _wrong_state("the instance has ended")
        # A runtime that asks again has given up its earlier request.
        self._release_poll("the request was superseded")
        poll: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._poll = poll
        self._let_go_of_delivery()
        self._delivery = delivery
        if self.state is State.INIT:
            self._init_ms = self._since_ms(self._init_started)
            self._become_idle()
        elif self.state is State.BUSY:
            self._complete(None)
            self._become_idle()
        return await poll

    def answer(self, request_id: str, answer: Answer) -> None:
        """Store the answer until the runtime asks for the next call."""
        invocation = self._invocation
        if self.state is not State.BUSY or not invocation or invocation.answer:
            raise _wrong_state("no call is waiting for an answer")
        if invocation.request_id != request_id:
            raise RuntimeApiError(400, "InvalidRequestID", "Invalid request ID")
        invocation.answer = answer

    def fail_init(self, error: FunctionError) -> None:
        """End the init phase with the error that the runtime posted."""
        if self.state is not State.INIT:
            raise _wrong_state("the init phase is over")
        self._init_failed(error)

    def _init_failed(self, fault: FunctionError) -> None:
        """Give up the first init, to be run once more, or the instance."""
        if self._init_failed_before or not self._invocation:
            self._end(fault)
            return
        self._init_failed_before = True
        self._lift_limit()
        self._log(init_report_line(self._since_ms(self._init_started), fault, phase="init"))
        self._sandbox.kill()

    def _become_idle(self) -> None:
        if self._invocation and self._invocation.dispatched_at is not None:
            self._hand_over(self._invocation)  # the call began with this second init
            return
        self._lift_limit()
        self.state = State.IDLE
        self.idle_since = self._host.clock.monotonic()
        if self._invocation:
            self._dispatch(self._invocation)
        else:
            self._host.on_idle(self)

    def _dispatch(self, invocation: Invocation) -> None:
        self._begin_call(invocation)
        self._hand_over(invocation)

    def _begin_call(self, invocation: Invocation) -> None:
        self._calls += 1
        invocation.dispatched_at = self._host.clock.monotonic()
        self.recent_requests.add(invocation.dispatched_at)
        self._log(start_line(invocation.request_id, self.spec.version))
        self._limit_to(self.spec.timeout_s, self._call_timed_out)

    def _hand_over(self, invocation: Invocation) -> None:
        self._sandbox.hold_to_share()
        if self.state is State.ENDED:
            return
        self.state = State.BUSY
        left_ms = self.spec.timeout_s * 1000 - self._since_ms(invocation.dispatched_at or 0.0)
        poll, self._poll = self._poll, None
        if poll and not poll.done():
            poll.set_result(
                Event(
                    request_id=invocation.request_id,
                    payload=invocation.payload,
                    function_arn=invocation.function_arn,
                    deadline_ms=int(time.time() * 1000) + round(left_ms),
                )
            )

    def _complete(self, fault: FunctionError | None) -> None:
        """Close the call with its own answer or, where it gave none, with `fault`."""
        invocation, self._invocation = self._invocation, None
        if not invocation:
            return
        answer = invocation.answer
        # A call that reached its timeout unread has used up its time.
        timed_out = fault is not None and fault.error_type == TIMED_OUT
        unread = invocation.found_idle and self._delivery and self._delivery.was_unread()
        if not answer and unread and not timed_out:
            self._log(f"Instance ended before it took RequestId: {invocation.request_id}")
            if not invocation.outcome.done():
                invocation.outcome.set_exception(NotTakenError())
            return
        if not answer:
            fault = fault or self._fault(EXITED, "Runtime ended without an answer")
            answer = Answer(fault.to_json(), fault)
        dispatched_at = invocation.dispatched_at
        duration_ms = 0.0 if dispatched_at is None else self._since_ms(dispatched_at)
        counts_apart = self._calls == 1 and not self._init_failed_before
        init_ms = self._init_ms if counts_apart else None
        if dispatched_at is None:
            self._log(start_line(invocation.request_id, self.spec.version))
        self._log(end_line(invocation.request_id))
        self._log(
            report_line(
                invocation.request_id,
                duration_ms=duration_ms,
                init_ms=init_ms,
                memory_mb=self.spec.memory_mb,
                peak_rss_mb=self._sandbox.peak_rss_mb(),
                fault=fault,
            )
        )
        if not invocation.outcome.done():  # it is done when the caller went away
            invocation.outcome.set_result(
                InvokeResult(
                    payload=answer.payload,
                    error=answer.error,
                    instance_id=self.id,
                    duration_ms=duration_ms,
                    init_ms=init_ms,
                )
            )

    def _end(self, fault: FunctionError) -> None:
        """End the instance; the first reason counts."""
        if self.state is State.ENDED:
            return
        ended_in, self.state = self.state, State.ENDED
        self._lift_limit()
        self._release_poll("the instance has ended")
        self._host.on_ended(self)
        if self._platform_time:
            self._platform_time.cancel()  # the init phase has not begun
        elif ended_in is State.INIT:
            phase = "invoke" if self._init_failed_before else "init"
            self._log(init_report_line(self._since_ms(self._init_started), fault, phase=phase))
        elif ended_in is State.IDLE:
            self._log(f"Instance ended while idle: {fault.message}")
        self._complete(fault)
        self._let_go_of_delivery()
        self._sandbox.kill()

    def _let_go_of_delivery(self) -> None:
        delivery, self._delivery = self._delivery, None
        if delivery:
            delivery.close()

    def _release_poll(self, reason: str) -> None:
        poll, self._poll = self._poll, None
        if poll and not poll.done():
            poll.set_exception(_wrong_state(reason))

    def _init_timed_out(self) -> None:
        limit_s = self._host.init_limit_s
        self._init_failed(
            self._fault(TIMED_OUT, f"Init phase timed out after {limit_s:.2f} seconds")
        )

    def _call_timed_out(self) -> None:
        timeout_s = self.spec.timeout_s
        if self._invocation:
            self._log(timeout_line(self._invocation.request_id, timeout_s))
        self._end(self._fault(TIMED_OUT, f"Task timed out after {timeout_s:.2f} seconds"))

    def _exit_fault(self, status: int) -> FunctionError:
        if status < 0:
            name = (signal.strsignal(-status) or f"signal {-status}").lower()
            return self._fault(EXITED, f"Runtime exited with error: signal: {name}")
        if status > 0:
            return self._fault(EXITED, f"Runtime exited with error: exit status {status}")
        return self._fault(EXITED, "Runtime exited without providing a reason")

    def _fault(self, error_type: str, reason: str) -> FunctionError:
        if self._invocation:
            reason = f"RequestId: {self._invocation.request_id} Error: {reason}"
        return FunctionError(error_type, reason)

    def _limit_to(self, limit_s: float, expired: Callable[[], None]) -> None:
        async def expire() -> None:
            await self._host.clock.sleep(limit_s)
            self._limit = None
            expired()

        self._lift_limit()
        self._limit = asyncio.create_task(expire())

    def _lift_limit(self) -> None:
        if self._limit:
            self._limit.cancel()
            self._limit = None

    def _since_ms(self, start_s: float) -> float:
        return (self._host.clock.monotonic() - start_s) * 1000

    def _log(self, line: str) -> None:
        try:
            self._host.log(f"[{self.id[:8]}] {line}")
        except Exception:
            # A broken log must not leave a caller without its answer.
            _logger.exception("a line of the log of instance %s is lost", self.id)


def _wrong_state(reason: str) -> RuntimeApiError:
    return RuntimeApiError(403, "InvalidStateTransition", reason)
