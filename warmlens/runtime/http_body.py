"""Reading the body of a request up to a limit of one's own."""

from aiohttp import web


async def read_body(request: web.Request, limit_bytes: int) -> bytes | None:
    """Read a body whatever the application's `client_max_size`.

    Args:
        request: the request.
        limit_bytes: the largest body accepted.

    Returns:
        The body, or None when it is longer than `limit_bytes`. It is read to its end all the same,
        because a client may not look at the answer before it has sent everything.

    Raises:
        web.HTTPBadRequest: the client hung up half-way.
    """
    body = bytearray()
    size_bytes = 0
    try:
        async for chunk in request.content.iter_any():
            size_bytes += len(chunk)
            if size_bytes <= limit_bytes:
                body += chunk
    except ConnectionError as error:
        raise web.HTTPBadRequest(text="The body is broken off.") from error
    return bytes(body) if size_bytes <= limit_bytes else None
