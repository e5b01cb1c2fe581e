"""The two clients: one blocks, one is for `async` code."""

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

import anyio  # httpx brings it
import anyio.to_thread
import httpx

from .access import auth_of, calls_of
from .answers import Classification, ServedModel, Upload, Wakeup
from .calls import Deadline, Flow, Retry, Send
from .photos import Source, read_photo
from .urls import trusts_env

TIMEOUT_S = 60.0
MAX_RETRIES = 2
_PART_BYTES = 65_536

T = TypeVar("T")


class Client:
    """A client of a Warmlens API, for threads; close it, or use it in a `with` statement.

    Args:
        url: root of the API, such as `http://127.0.0.1:8080` or the output `ApiUrl`.
        api_key: key of the API, with `auth = "api_key"`.
        token: bearer token of an OpenID Connect issuer, with `auth = "jwt"`.
        auth: any other authentication of httpx, such as one that signs requests for AWS.
        timeout_s: seconds for a method of this class as a whole, its tries and waits among them.
        max_retries: number of times that a request is tried again if that may help.
        on_retry: called before each of them, for logs.
        http: client of httpx to send with, which stays open; for proxies and certificates of your
            own. Without it proxies are those of the environment, none for this machine.

    Raises:
        WarmlensClientError: `invalid_url`: the URL is not the root of an API.
        ValueError: more than one of `api_key`, `token` and `auth`, or one that no header can have.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        token: str | None = None,
        auth: httpx.Auth | None = None,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        on_retry: Callable[[Retry], None] | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        self._calls = calls_of(url, timeout_s, max_retries, on_retry)
        self._auth = auth_of(api_key, token, auth)
        self._owns_http = http is None
        self._http = httpx.Client(trust_env=trusts_env(url)) if http is None else http

    def classify(
        self, photo: Source, *, top: int = 5, explain: bool = False, upload: bool | None = None
    ) -> Classification:
        """Classify a photo: in one call up to 4.4 MB, else it is uploaded first.

        Args:
            photo: a path, the bytes of a JPEG, PNG, WebP or GIF file, or a PIL image.
            top: number of classes to return, 1 to 10.
            explain: True asks for the class-activation map of the first class.
            upload: True to upload it whatever its size, False never to.

        Raises:
            PhotoError: it is no photo that can be sent.
            WarmlensApiError: the API refused it.
            UploadError: S3 did not store it.
            UnexpectedAnswerError: an answer is not the API's.
            WarmlensConnectionError: no connection, or no answer within `timeout_s`.
        """
        deadline = self._deadline()
        flow = self._calls.classify(read_photo(photo), top, explain, upload, deadline)
        return self._run(flow, deadline)

    def classify_path(
        self, file_path: str, *, top: int = 5, explain: bool = False
    ) -> Classification:
        """Classify an uploaded photo.

        Args:
            file_path: that of what :meth:`upload` returned.
            top: as for :meth:`classify`, as are the errors.
            explain: as for :meth:`classify`.
        """
        deadline = self._deadline()
        return self._run(self._calls.classify_path(file_path, top, explain, deadline), deadline)

    def upload(self, photo: Source) -> Upload:
        """Upload a photo, to classify its path and to delete it.

        Args:
            photo: as for :meth:`classify`, as are the errors.
        """
        deadline = self._deadline()
        return self._run(self._calls.upload(read_photo(photo), deadline), deadline)

    def delete(self, upload: Upload) -> None:
        """Delete an uploaded photo; nothing happens if it is not there any more.

        Args:
            upload: what :meth:`upload` returned. The errors are those of :meth:`classify`.
        """
        deadline = self._deadline()
        self._run(self._calls.delete(upload, deadline), deadline)

    def wake(self) -> Wakeup:
        """Start an instance if none is idle, before its user needs it.

        Raises the errors of :meth:`classify` that do not name a photo.
        """
        deadline = self._deadline()
        return self._run(self._calls.wake(deadline), deadline)

    def model(self) -> ServedModel:
        """Return the model that is served, with the names of its classes.

        It starts an instance if none is idle, as :meth:`wake` does, with the same errors.
        """
        deadline = self._deadline()
        return self._run(self._calls.model(deadline), deadline)

    def close(self) -> None:
        """Close its connections."""
        if self._owns_http:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _deadline(self) -> Deadline:
        return Deadline(self._calls.timeout_s)

    def _run(self, flow: Flow[T], deadline: Deadline) -> T:
        try:
            send = next(flow)
            while True:
                try:
                    response = self._send(send, deadline)
                except httpx.RequestError as error:
                    send = flow.throw(error)
                else:
                    send = flow.send(response)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def _send(self, send: Send, deadline: Deadline) -> httpx.Response:
        time.sleep(send.wait_s)
        request = self._http.build_request(
            send.method, send.url, **send.options, timeout=deadline.timeout()
        )
        assert isinstance(request.stream, httpx.SyncByteStream)
        request.stream = _InTime(request.stream, deadline)
        # httpx limits the time of each read and write only, so the parts are counted, too.
        response = self._http.send(
            request,
            auth=self._auth if send.is_api else None,
            stream=True,
            follow_redirects=False,
        )
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _InTime(response.stream, deadline)
        try:
            response.read()
        finally:
            response.close()
        return response


class AsyncClient:
    """The same client for `async` code, with asyncio or Trio.

    Args:
        url: as for :class:`Client`, as are the others.
        api_key: as there.
        token: as there.
        auth: as there.
        timeout_s: as there.
        max_retries: as there.
        on_retry: as there.
        http: an `httpx.AsyncClient`.

    Raises:
        WarmlensClientError: as there.
        ValueError: as there.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        token: str | None = None,
        auth: httpx.Auth | None = None,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        on_retry: Callable[[Retry], None] | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._calls = calls_of(url, timeout_s, max_retries, on_retry)
        self._auth = auth_of(api_key, token, auth)
        self._owns_http = http is None
        self._http = httpx.AsyncClient(trust_env=trusts_env(url)) if http is None else http

    async def classify(
        self, photo: Source, *, top: int = 5, explain: bool = False, upload: bool | None = None
    ) -> Classification:
        """Classify a photo, as :meth:`Client.classify` does."""
        deadline = self._deadline()
        data = await anyio.to_thread.run_sync(read_photo, photo)
        flow = self._calls.classify(data, top, explain, upload, deadline)
        return await self._run(flow, deadline)

    async def classify_path(
        self, file_path: str, *, top: int = 5, explain: bool = False
    ) -> Classification:
        """Classify an uploaded photo, as :meth:`Client.classify_path` does."""
        deadline = self._deadline()
        flow = self._calls.classify_path(file_path, top, explain, deadline)
        return await self._run(flow, deadline)

    async def upload(self, photo: Source) -> Upload:
        """Upload a photo, as :meth:`Client.upload` does."""
        deadline = self._deadline()
        data = await anyio.to_thread.run_sync(read_photo, photo)
        return await self._run(self._calls.upload(data, deadline), deadline)

    async def delete(self, upload: Upload) -> None:
        """Delete an uploaded photo, as :meth:`Client.delete` does."""
        deadline = self._deadline()
        await self._run(self._calls.delete(upload, deadline), deadline)

    async def wake(self) -> Wakeup:
        """Start an instance if none is idle, as :meth:`Client.wake` does."""
        deadline = self._deadline()
        return await self._run(self._calls.wake(deadline), deadline)

    async def model(self) -> ServedModel:
        """Return the model that is served, as :meth:`Client.model` does."""
        deadline = self._deadline()
        return await self._run(self._calls.model(deadline), deadline)

    async def aclose(self) -> None:
        """Close its connections."""
        if self._owns_http:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _deadline(self) -> Deadline:
        return Deadline(self._calls.timeout_s)

    async def _run(self, flow: Flow[T], deadline: Deadline) -> T:
        with anyio.move_on_after(deadline.left_s):
            try:
                send = next(flow)
                while True:
                    try:
                        response = await self._send(send, deadline)
                    except httpx.RequestError as error:
                        send = flow.throw(error)
                    else:
                        send = flow.send(response)
            except StopIteration as stop:
                result: T = stop.value
                return result
        raise self._calls.out_of_time()

    async def _send(self, send: Send, deadline: Deadline) -> httpx.Response:
        await anyio.sleep(send.wait_s)
        request = self._http.build_request(
            send.method, send.url, **send.options, timeout=deadline.timeout()
        )
        return await self._http.send(
            request, auth=self._auth if send.is_api else None, follow_redirects=False
        )


class _InTime(httpx.SyncByteStream):
    """Bytes that are sent or received until a deadline, which is checked before each part."""

    def __init__(self, stream: httpx.SyncByteStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for data in self._stream:
            for begin in range(0, len(data), _PART_BYTES):
                if not self._deadline.left_s:
                    raise httpx.ReadTimeout("the time is over")
                yield data[begin : begin + _PART_BYTES]

    def close(self) -> None:
        self._stream.close()
