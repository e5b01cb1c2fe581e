"""The run of a batch: photos from a source, classified by workers, into a results file."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from warmlens.batch.cost import Sent
from warmlens.batch.pace import Pace
from warmlens.batch.results import ResultsFile
from warmlens.batch.sources import OtherFileError, Photo, Source, is_named_as_photo
from warmlens.errors import WarmlensError
from warmlens_client import AnswerError, PhotoError, Retry, WarmlensClientError
from warmlens_client.photos import MAX_IN_CALL_BYTES

Call = Callable[[bytes | None, str | None], Awaitable[dict[str, Any]]]
"""Classifies a photo of these bytes, or else the one at this path of the environment's bucket."""
FAILED_IN_A_ROW = 20
"""Calls in a row that fail for another reason than their photo, after which a batch stops."""
_LISTED_AT_ONCE = 200
_NAMED_OTHERS = 5
_THROTTLED = 429
_OF_THE_PHOTO = (400, 404, 413, 415, 422)
_GO_ON = "Run the command again: it continues where it stopped."
# Errors that all other calls would get, too.
_OF_ALL_CALLS = ("quota_exceeded", "budget_exceeded", "no_such_call", "unexpected_answer")


@dataclass
class Outcome:
    """The figures of a run.

    Attributes:
        classified: number of photos that got an answer.
        throttled: number of calls that the API refused as too many.
        sent: photos that were sent, for the bill.
        errors: number of photos by the code of their error.
        others: number of files that are no photos.
        other_names: names of the first of these.
        function_s: time in the function, of all answers.
        wall_s: time of the run.
    """

    classified: int = 0
    throttled: int = 0
    sent: Sent = field(default_factory=Sent)
    errors: Counter[str] = field(default_factory=Counter)
    others: int = 0
    other_names: list[str] = field(default_factory=list)
    function_s: float = 0.0
    wall_s: float = 0.0

    @property
    def failed(self) -> int:
        """Number of photos that got no answer."""
        return self.errors.total()


class Batch:
    """A batch of photos.

    Args:
        source: where the photos are.
        results: the file that gets a line for each photo.
        call: classifies one photo; raises WarmlensClientError.
        concurrency: most calls at once.
        upload: whether the call uploads each photo first, as it does larger ones.
        on_progress: called with the number of photos that are done.
        pace: the pace of the calls.
    """

    def __init__(
        self,
        source: Source,
        results: ResultsFile,
        call: Call,
        *,
        concurrency: int,
        upload: bool = False,
        on_progress: Callable[[int], None] = lambda _: None,
        pace: Pace | None = None,
    ) -> None:
        self._source = source
        self._results = results
        self._call = call
        self._concurrency = concurrency
        self._upload = upload
        self._on_progress = on_progress
        self._pace = pace or Pace()
        self._queue: asyncio.Queue[Photo | None] = asyncio.Queue(maxsize=concurrency)
        self._in_a_row = 0
        self._done = 0
        self._outcome = Outcome()

    async def run(self) -> Outcome:
        """Classify the photos that the results file has no answer for.

        Raises:
            WarmlensError: the batch stopped: the results file cannot be written, another model
                answered, or the API refuses all calls. What was answered is in the file.
        """
        begun_s = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._list())
                for _ in range(self._concurrency):
                    group.create_task(self._work())
        except* WarmlensError as errors:
            raise _first(errors) from None
        self._outcome.wall_s = time.monotonic() - begun_s
        return self._outcome

    async def _list(self) -> None:
        photos = self._source.photos()
        while listed := await asyncio.to_thread(_take, photos):
            for photo in listed:
                if self._results.has(photo.name):
                    self._count()
                else:
                    await self._queue.put(photo)
        for _ in range(self._concurrency):
            await self._queue.put(None)

    async def _work(self) -> None:
        while (photo := await self._queue.get()) is not None:
            await self._classify(photo)
            self._count()

    async def _classify(self, photo: Photo) -> None:
        data = None
        try:
            if photo.file_path is None:
                data = await asyncio.to_thread(photo.read)
            self._count_sent(data)
            answer = await self._answer(photo, data)
        except OtherFileError:
            self._skip(photo.name)
        except WarmlensError as error:
            if error.code == "throttled":
                raise
            self._fail(photo.name, error.code, error.message)
        except PhotoError as error:
            self._fail(photo.name, error.code, error.message)
        except WarmlensClientError as error:
            self._refused(photo, error)
        else:
            self._results.add_answer(photo.name, answer)
            self._in_a_row = 0
            self._outcome.classified += 1
            self._outcome.function_s += answer["time"]

    def _count_sent(self, data: bytes | None) -> None:
        size_bytes = None if data is None else len(data)
        is_large = size_bytes is not None and size_bytes > MAX_IN_CALL_BYTES
        self._outcome.sent.add(size_bytes, upload=self._upload or is_large)

    async def _answer(self, photo: Photo, data: bytes | None) -> dict[str, Any]:
        while True:
            await self._pace.turn()
            try:
                answer = await self._call(data, photo.file_path)
            except AnswerError as error:
                if error.status != _THROTTLED or error.code in _OF_ALL_CALLS:
                    raise
                self._slow_down(error)
            else:
                self._pace.answered()
                return answer

    def on_retry(self, retry: Retry) -> None:
        """Slow down as the client's own retries show that calls are throttled.

        Args:
            retry: the call that is tried again.
        """
        if isinstance(retry.error, AnswerError) and retry.error.status == _THROTTLED:
            self._slow_down(retry.error)

    def _slow_down(self, error: AnswerError) -> None:
        self._outcome.throttled += 1
        self._pace.throttled(error.retry_after_s)

    def _refused(self, photo: Photo, error: WarmlensClientError) -> None:
        """Note an error of the API or of the network; raise it where all calls would get it."""
        status = error.status if isinstance(error, AnswerError) else None
        if error.code == "unsupported_type" and not is_named_as_photo(photo.name):
            self._skip(photo.name)
            return
        of_all = error.code in _OF_ALL_CALLS or status in (401, 403)
        if of_all and error.code != "path_not_allowed":
            raise WarmlensError(error.code, f"{error.message} {_GO_ON}")
        self._fail(photo.name, error.code, error.message)
        self._in_a_row = 0 if status in _OF_THE_PHOTO else self._in_a_row + 1
        if self._in_a_row >= FAILED_IN_A_ROW:
            raise WarmlensError(
                error.code, f"{FAILED_IN_A_ROW} calls in a row failed, at last: {error.message} "
                f"{_GO_ON}",
            )  # fmt: skip

    def _fail(self, photo: str, code: str, message: str) -> None:
        self._results.add_error(photo, code, message)
        self._outcome.errors[code] += 1

    def _skip(self, name: str) -> None:
        self._outcome.others += 1
        if len(self._outcome.other_names) < _NAMED_OTHERS:
            self._outcome.other_names.append(name)

    def _count(self) -> None:
        self._done += 1
        self._on_progress(self._done)


def _take(photos: Iterator[Photo]) -> list[Photo]:
    return list(itertools.islice(photos, _LISTED_AT_ONCE))


def _first(errors: ExceptionGroup[WarmlensError]) -> WarmlensError:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
