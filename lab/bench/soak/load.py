"""Calls to the API: as many at once as clients, or when they arrive, whether or not others wait."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

CLASSIFY = {"method": "classification", "file_path": "test/20200118.jpg"}
CALL_TIMEOUT_S = 60
UNREACHED = 0


@dataclass(frozen=True)
class Answered:
    """What came of one call.

    Attributes:
        sent_s: when it was to be sent, in seconds since the phase began.
        latency_ms: from that moment to the end of the answer.
        status: its HTTP status; UNREACHED when there was no answer.
        class_id: the class it named first, if any.
    """

    sent_s: float
    latency_ms: float
    status: int
    class_id: str | None


class Load:
    """Sends classifications to one API.

    Args:
        url: root of the API.
        session: what they are sent with.
    """

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = f"{url}/classification"
        self._session = session

    async def closed(self, *, clients: int, duration_s: float) -> list[Answered]:
        """Keep as many calls under way as there are clients.

        Args:
            clients: how many.
            duration_s: time after which no further call is begun.
        """
        begun_s = time.monotonic()
        answered: list[Answered] = []

        async def client() -> None:
            while (sent_s := time.monotonic() - begun_s) < duration_s:
                answered.append(await self._call(begun_s, sent_s))

        await asyncio.gather(*(client() for _ in range(clients)))
        return answered

    async def open(
        self, *, rate_rps: float, duration_s: float, chance: random.Random
    ) -> list[Answered]:
        """Send calls at moments that do not depend on the answers: a Poisson process.

        Args:
            rate_rps: calls per second on average.
            duration_s: time over which they arrive.
            chance: draws the moments.
        """
        begun_s = time.monotonic()
        calls: list[asyncio.Task[Answered]] = []
        sent_s = chance.expovariate(rate_rps)
        while sent_s < duration_s:
            await asyncio.sleep(max(0.0, begun_s + sent_s - time.monotonic()))
            calls.append(asyncio.create_task(self._call(begun_s, sent_s)))
            sent_s += chance.expovariate(rate_rps)
        return list(await asyncio.gather(*calls))

    async def _call(self, begun_s: float, sent_s: float) -> Answered:
        status, class_id = UNREACHED, None
        try:
            async with self._session.post(self._url, json=CLASSIFY) as answer:
                body = await answer.json(content_type=None)
                status, class_id = answer.status, body.get("TOP1_ID")
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass  # told by the status
        return Answered(sent_s, (time.monotonic() - begun_s - sent_s) * 1000, status, class_id)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
