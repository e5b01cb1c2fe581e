"""Gate of the HTTP servers on loopback: it refuses pages of others, and other users."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from warmlens.runtime.callers import foreign_caller, is_another_user

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def own_callers_only(refuse: Callable[[str], web.Response]) -> Middleware:
    """Return a middleware that answers the calls of this user and of the server's own page only.

    Args:
        refuse: returns the answer to all others, by the reason.
    """

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        reason = foreign_caller(request.headers)
        if request.transport is not None and is_another_user(
            request.transport.get_extra_info("peername"),
            request.transport.get_extra_info("sockname"),
        ):
            reason = "it comes from another user of this machine"
        return refuse(f"The request is refused: {reason}.") if reason else await handler(request)

    return gate
