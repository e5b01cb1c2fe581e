"""Who got which call: what the page of the local cloud shows of the instance pool."""

import json
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Literal

from warmlens.runtime.instance import InstanceInfo
from warmlens.runtime.invocation import InvokeRefusedError, InvokeResult
from warmlens.runtime.lambda_proxy import Invoker

KEPT_CALLS = 60

Outcome = Literal["answered", "failed", "refused"]


@dataclass(frozen=True, kw_only=True)
class FinishedCall:
    """A call that is over.

    Attributes:
        number: counts calls from 1 on, in the order in which they ended.
        method: `classification` or `wakeup`; empty for a call that is neither.
        outcome: answered, failed in the function, or refused by the pool.
        instance_id: who got it; None when it was refused.
        cold_start: an instance was started for it.
        init_ms: how long that took; None on a warm call.
        duration_ms: from its arrival at the pool to its end, init included.
    """

    number: int
    method: str
    outcome: Outcome
    instance_id: str | None
    cold_start: bool
    init_ms: float | None
    duration_ms: float


class Fleet:
    """Passes calls on to the pool and keeps what became of the last ones.

    Args:
        pool: the instance pool.
    """

    def __init__(self, pool: Invoker) -> None:
        self._pool = pool
        self._methods: dict[str, str] = {}
        self._finished: deque[FinishedCall] = deque(maxlen=KEPT_CALLS)
        self._count = 0

    async def invoke(
        self,
        *,
        function: str,
        version: str,
        payload: bytes,
        request_id: str,
        function_arn: str | None = None,
    ) -> InvokeResult:
        """Pass a call on, as `InstancePool.invoke`; raises what that raises."""
        self._methods[request_id] = method = method_of(payload)
        begun_s = time.monotonic()
        result = None
        try:
            result = await self._pool.invoke(
                function=function,
                version=version,
                payload=payload,
                request_id=request_id,
                function_arn=function_arn,
            )
        except InvokeRefusedError:
            self._finish(method, "refused", None, begun_s)
            raise
        finally:
            del self._methods[request_id]
        self._finish(method, "failed" if result.error else "answered", result, begun_s)
        return result

    def describe(self, instances: list[InstanceInfo]) -> dict[str, Any]:
        """Return the instances as the page shows them, and the last calls, newest first.

        An instance is `init`, `idle`, `busy` with a user's call or `held` by a wakeup.
        """
        return {
            "instances": [
                {
                    "id": instance.id,
                    "state": self._state(instance),
                    "version": instance.version,
                    "calls": instance.calls,
                    "init_ms": instance.init_ms,
                    "memory_mb": instance.rss_mb,
                }
                for instance in instances
            ],
            "calls": [asdict(call) for call in reversed(self._finished)],
        }

    def _state(self, instance: InstanceInfo) -> str:
        is_held = self._methods.get(instance.request_id or "") == "wakeup"
        return "held" if instance.state == "busy" and is_held else str(instance.state)

    def _finish(
        self, method: str, outcome: Outcome, result: InvokeResult | None, begun_s: float
    ) -> None:
        self._count += 1
        init_ms = result.init_ms if result else None
        self._finished.append(
            FinishedCall(
                number=self._count,
                method=method,
                outcome=outcome,
                instance_id=result.instance_id if result else None,
                cold_start=init_ms is not None,
                init_ms=init_ms,
                duration_ms=(time.monotonic() - begun_s) * 1000,
            )
        )


def method_of(payload: bytes) -> str:
    """Return the method that an event asks for: API Gateway's event, or the request itself."""
    try:
        event = json.loads(payload)
        fields = json.loads(event["body"]) if "requestContext" in event else event
        method = fields["method"]
    except (ValueError, TypeError, KeyError):
        return ""
    return str(method) if method in ("classification", "wakeup") else ""
