"""Work that goes on beside other work: fetching files while modules are imported."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """A call that runs in a thread of its own from now on.

    Args:
        call: what to run.
    """

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self, *, timeout_s: float | None = None) -> Result:
        """Wait for the end of the call and return its result, or raise what it raised.

        Args:
            timeout_s: longest wait in seconds; None waits for as long as it takes.

        Raises:
            TimeoutError: the call has not ended. It goes on, and nobody is told what comes of it.
        """
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._results[0]

    def wait(self) -> None:
        """Wait for the end of the call, whatever comes of it."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # raised where the result is asked for
            self._error = error
