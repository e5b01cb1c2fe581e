"""The instance pool: runs functions as Lambda does, one process for each instance."""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Self

from warmlens.runtime.clock import Clock, SystemClock
from warmlens.runtime.function import FunctionSpec
from warmlens.runtime.instance import Instance, InstanceHost, InstanceInfo, State
from warmlens.runtime.invocation import (
    REQUEST_LIMIT_BYTES,
    Invocation,
    InvokeRefusedError,
    InvokeResult,
    NotTakenError,
    RequestTooLargeError,
    TooManyRequestsError,
)
from warmlens.runtime.isolation import Isolation, NoIsolation
from warmlens.runtime.private_tmp import PrivateTmp
from warmlens.runtime.process import die_with_parent
from warmlens.runtime.request_rate import Reading, RequestRate
from warmlens.runtime.runtime_api import RuntimeApi

_NOTHING: Mapping[str, str] = MappingProxyType({})
_UNCONFINED = NoIsolation()
_SCALING_WINDOW_S = 10
_TOO_OLD = "in service for as long as an instance may be"


class InstancePool:
    """Starts, reuses and expires the instances of any number of functions.

    A call takes the most recently used idle instance of its function and version. If none is idle,
    a new one is started, up to `max_instances` in all; at the limit an idle instance of another
    function or version is ended first. The functions are trusted: an instance is an ordinary
    process of this user.

    Use it from one event loop, whose thread must outlive the pool: on Linux the kernel kills the
    instances when that thread ends.

    Args:
        resolve: returns the specification for a name and version, or raises InvokeRefusedError (for
            instance FunctionNotFoundError). Called only when a new instance is needed, so a change
            to `$LATEST` reaches instances started after it.
        log: called with every line of Lambda and of the functions, prefixed with eight digits of
            the instance's id. Called on the event loop, so it must be quick.
        max_instances: maximum number of instances at once.
        idle_expiry_s: seconds without a call after which an instance ends, or a function that is
            called for each instance, as the time on Lambda varies.
        max_lifetime_s: seconds after which an instance takes no more calls.
        scaling_per_10_s: maximum number of instances of a function started within ten seconds,
            1,000 on Lambda (AWS Lambda developer guide, "Lambda scaling behavior").
        per_environment_limit: reading of AWS's limit of 10 requests a second for each execution
            environment, beyond which calls are refused; None for no limit. All calls count as
            synchronous ones.
        init_limit_s: seconds an init phase may take.
        platform_s: seconds that Lambda's own part of a cold start takes, from fetching the code to
            starting the sandbox, or a function that is called for each instance. It passes before
            the process starts and the init phase begins, and takes no processor time.
        region: AWS region in the functions' environment.
        extra_environment: variables for every instance, such as credentials and AWS_ENDPOINT_URL.
        isolation: limits instances to their function's memory size.
        private_tmp: gives each instance its own /tmp; None for the shared one.
        clock: the system's unless given; tests give a fake one.

    Raises:
        ValueError: a limit is not above zero, or `platform_s` is below zero.
    """

    def __init__(
        self,
        *,
        resolve: Callable[[str, str], Awaitable[FunctionSpec]],
        log: Callable[[str], None],
        max_instances: int = 10,
        idle_expiry_s: float | Callable[[], float] = 600.0,
        max_lifetime_s: float = 7200.0,
        scaling_per_10_s: int = 1000,
        per_environment_limit: Reading | None = None,
        init_limit_s: float = 10.0,
        platform_s: float | Callable[[], float] = 0.0,
        region: str = "us-east-1",
        extra_environment: Mapping[str, str] = _NOTHING,
        isolation: Isolation = _UNCONFINED,
        private_tmp: PrivateTmp | None = None,
        clock: Clock | None = None,
    ) -> None:
        for name, value in (
            ("max_instances", max_instances),
            ("idle_expiry_s", 1 if callable(idle_expiry_s) else idle_expiry_s),
            ("max_lifetime_s", max_lifetime_s),
            ("scaling_per_10_s", scaling_per_10_s),
            ("init_limit_s", init_limit_s),
        ):
            if value <= 0:
                raise ValueError(f"{name} is {value}, must be above 0")
        if not callable(platform_s) and not 0 <= platform_s < math.inf:
            raise ValueError(f"platform_s is {platform_s}, must be at least 0")
        self._resolve = resolve
        self._max_instances = max_instances
        self._idle_expiry_s = idle_expiry_s
        self._max_lifetime_s = max_lifetime_s
        self._scaling_per_10_s = scaling_per_10_s
        self._per_environment_limit = per_environment_limit
        self._rates: dict[tuple[str, int], RequestRate] = {}
        self._started_s: dict[str, deque[float]] = defaultdict(deque)
        self._clock = clock or SystemClock()
        self._region = region
        self._runtime_api = RuntimeApi()
        self._host = InstanceHost(
            runtime_api=self._runtime_api,
            clock=self._clock,
            log=log,
            region=region,
            extra_environment=extra_environment,
            init_limit_s=init_limit_s,
            platform_s=platform_s if callable(platform_s) else lambda: platform_s,
            isolation=isolation,
            private_tmp=private_tmp,
            on_idle=self._on_idle,
            on_ended=self._on_ended,
        )
        self._running = False
        self._next_is_fresh = False
        self._instances: list[Instance] = []
        # In the order in which they became idle: the one used last is at the end.
        self._idle: list[Instance] = []
        self._lives: set[asyncio.Task[None]] = set()
        self._stopping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Prepare for calls; no instance is started yet."""
        die_with_parent()  # asks the system once, so that the first cold start does not
        await self._runtime_api.start()
        self._running = True

    async def stop(self) -> None:
        """Kill all instances, answer their callers and wait for their end; may be repeated.

        A stopped pool cannot be started again.
        """
        if not self._stopping:
            self._running = False
            self._stopping = asyncio.create_task(self._take_down())
        await asyncio.shield(self._stopping)

    async def _take_down(self) -> None:
        await self.end_all("the instance pool was stopped")
        await self._runtime_api.stop()

    def start_fresh(self) -> None:
        """Have the next call start an instance although others are idle, if there is room for it.

        So a person sees a cold and a warm call side by side; Lambda itself does that only for
        calls at once.
        """
        self._next_is_fresh = True

    async def end_all(self, reason: str) -> None:
        """End all instances, as a deployment does, and wait until their processes have ended."""
        for instance in tuple(self._instances):
            instance.end(reason)
        if self._lives:
            await asyncio.wait(self._lives)

    def instances(self) -> list[InstanceInfo]:
        """Return all instances, oldest first."""
        return [instance.info() for instance in self._instances]

    async def invoke(
        self,
        *,
        function: str,
        version: str,
        payload: bytes,
        request_id: str,
        function_arn: str | None = None,
    ) -> InvokeResult:
        """Call a function and wait for its outcome.

        The function's timeout counts from the moment an instance gets the call, as on Lambda: the
        init phase before it does not count. If the waiting task is cancelled, the call goes on and
        its instance becomes idle afterwards. An idle instance that ends before it has read the call
        is replaced by another; after that a call is never made twice.

        Args:
            function: name.
            version: a published version or `$LATEST`; an alias must have been resolved.
            payload: the event, JSON as the function gets it.
            request_id: letters, digits, '-' and '_'; given to the function and to the log.
            function_arn: ARN in the function's context; made from the name if None.

        Raises:
            RequestTooLargeError: the event is longer than 6 MiB.
            TooManyRequestsError: no instance is idle and no further one may be started, or there
                were too many calls in the last second.
            InvokeRefusedError: the pool is not running, or `resolve` refused.
            ValueError: the request id has other characters.
        """
        if len(payload) > REQUEST_LIMIT_BYTES:
            raise RequestTooLargeError
        arn = f"arn:aws:lambda:{self._region}:000000000000:function:{function}"
        while True:
            invocation = Invocation(
                request_id=request_id, payload=payload, function_arn=function_arn or arn
            )
            self._require_running()
            is_fresh = self._next_is_fresh and len(self._instances) < self._max_instances
            self._next_is_fresh = False
            instance = None if is_fresh else self._take_idle(function, version)
            if not instance:
                spec = await self._resolve(function, version)
                self._require_running()
                # One may have become idle in the meantime.
                idle = None if is_fresh else self._take_idle(function, version)
                instance = idle or self._new_instance(spec)
            instance.assign(invocation)
            try:
                return await invocation.outcome
            except NotTakenError:
                continue  # only an idle instance is lost so, and there are ever fewer

    def _require_running(self) -> None:
        if not self._running:
            raise InvokeRefusedError("the instance pool is not running")

    def _take_idle(self, function: str, version: str) -> Instance | None:
        for instance in reversed(self._idle):
            if (instance.spec.name, instance.spec.version) == (function, version) and not (
                self._per_environment_limit == "environment"
                and instance.recent_requests.used_up(self._clock.monotonic())
            ):
                self._require_reserved(instance.spec)
                self._require_rate(instance.spec)
                self._idle.remove(instance)
                return instance
        return None

    def _require_reserved(self, spec: FunctionSpec) -> None:
        """Raise TooManyRequestsError if the function's reserved concurrency is used up."""
        reserved = spec.reserved_concurrency
        active = [each for each in self._instances if each.state in (State.INIT, State.BUSY)]
        if reserved is not None and reserved <= sum(each.spec.name == spec.name for each in active):
            raise TooManyRequestsError(
                f"Rate Exceeded: {spec.name} has a reserved concurrency of {reserved}"
            )

    def _require_rate(self, spec: FunctionSpec) -> None:
        """Count a call; raise TooManyRequestsError if there were too many in the last second."""
        if self._per_environment_limit is None:
            return
        now_s, reserved = self._clock.monotonic(), spec.reserved_concurrency
        # Functions without a concurrency of their own share the account's.
        of, concurrency = ("", self._max_instances) if reserved is None else (spec.name, reserved)
        rate = self._rates.setdefault((of, concurrency), RequestRate(concurrency, now_s))
        if not rate.take(now_s):
            raise TooManyRequestsError(
                f"Rate Exceeded: more than {rate.limit_per_s} requests in a second, 10 for each of "
                f"{concurrency} instances at once"
            )

    def _new_instance(self, spec: FunctionSpec) -> Instance:
        self._require_reserved(spec)
        ended = None
        if len(self._instances) >= self._max_instances:
            # One of the same function may be idle, but have used up its requests of this second.
            used_up = (spec.name, spec.version)
            others = [each for each in self._idle if (each.spec.name, each.spec.version) != used_up]
            if not others:
                raise TooManyRequestsError(
                    f"Rate Exceeded: all {self._max_instances} instances are busy"
                )
            ended = others[0]
        self._require_rate(spec)
        self._require_scaling(spec.name)
        if ended:
            ended.end("made room for another function")
        instance = Instance(spec, self._host)
        self._instances.append(instance)
        life = asyncio.create_task(self._live(instance))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        return instance

    def _require_scaling(self, function: str) -> None:
        now_s, started_s = self._clock.monotonic(), self._started_s[function]
        while started_s and now_s - started_s[0] >= _SCALING_WINDOW_S:
            started_s.popleft()
        if len(started_s) >= self._scaling_per_10_s:
            raise TooManyRequestsError(
                f"Rate Exceeded: {self._scaling_per_10_s} instances of {function} were started "
                f"within {_SCALING_WINDOW_S} s"
            )
        started_s.append(now_s)

    async def _live(self, instance: Instance) -> None:
        expiry = asyncio.create_task(self._expire(instance))
        try:
            await instance.run()
        finally:
            expiry.cancel()

    async def _expire(self, instance: Instance) -> None:
        """End the instance once it was idle for long enough, without a timer for every call."""
        expiry_s = self._idle_expiry_s() if callable(self._idle_expiry_s) else self._idle_expiry_s
        while True:
            idle_s = 0.0
            if instance.state is State.IDLE:
                idle_s = self._clock.monotonic() - instance.idle_since
                if idle_s >= expiry_s:
                    instance.end("idle for too long")
                    return
                if self._is_too_old(instance):
                    instance.end(_TOO_OLD)
                    return
            left_s = instance.created_s + self._max_lifetime_s - self._clock.monotonic()
            # A busy instance that is too old ends when it becomes idle.
            await self._clock.sleep(min(expiry_s - idle_s, left_s if left_s > 0 else expiry_s))

    def _is_too_old(self, instance: Instance) -> bool:
        return self._clock.monotonic() - instance.created_s >= self._max_lifetime_s

    def _on_idle(self, instance: Instance) -> None:
        if self._is_too_old(instance):
            instance.end(_TOO_OLD)
        else:
            self._idle.append(instance)

    def _on_ended(self, instance: Instance) -> None:
        self._instances.remove(instance)
        if instance in self._idle:
            self._idle.remove(instance)
