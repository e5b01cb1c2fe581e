"""Background threads, for example to fetch files during imports."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """A call in its own thread, with a result to wait for.

    Args:
        call: the function to run; it starts at once.
    """

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self, *, timeout_s: float | None = None) -> Result:
        """Wait for the call and return its result, or raise its exception.

        Args:
            timeout_s: maximum wait in seconds; None waits without limit.

        Raises:
            TimeoutError: the call has not ended. It goes on in the background.
        """
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._results[0]

    def wait(self) -> None:
        """Wait for the end of the call and ignore its result."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # raised by result()
            self._error = error
