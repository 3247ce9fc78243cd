"""What every request passes first: its id, the Host guard, and the count of what is under way and was answered."""

import asyncio
import time
from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from llm_gateway.application.ports.observation import AccessLog, TrafficMeter
from llm_gateway.application.ports.system import Entropy

from ..common.problems import Misdirected
from ..common.replies import error_reply
from ..common.request_context import ErrorStyle, begin_context
from ..common.requests import Bodies, ClientLeft, Fields, Share

CLIENT_LEFT = 499
"""nginx's status for a client that closed the connection: counted, never sent."""
_MISDIRECTED = "This gateway does not serve this Host. ALLOWED_HOSTS names the ones that it does."


class RequestMiddleware:
    """Wraps the application, in one event loop.

    `hosts` are the names that are served, in lower case and without port; None is any. `error_style_of` gives the style
    of the surface that a path belongs to.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        error_style_of: Callable[[str], ErrorStyle],
        hosts: frozenset[str] | None,
        bodies: Bodies,
        meter: TrafficMeter,
        access_log: AccessLog | None,
        entropy: Entropy,
    ) -> None:
        self._app = app
        self._error_style_of = error_style_of
        self._hosts = hosts
        self._bodies = bodies
        self._meter = meter
        self._access_log = access_log
        self._entropy = entropy
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Returns once no request is under way."""
        await self._idle.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        style = self._error_style_of(scope["path"])
        context = begin_context(scope, self._entropy.new_id, style, Share(self._bodies))
        began = time.perf_counter()
        self._meter.began()
        self._under_way += 1
        self._idle.clear()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                own = ((b"x-request-id", context.id.encode()), *context.headers.items())
                message["headers"] = [*message["headers"], *own]
            await send(message)

        try:
            if self._hosts is None or _host(context.fields) in self._hosts:
                await self._app(scope, receive, send_on)
            else:
                await error_reply(Misdirected(_MISDIRECTED), context)(scope, receive, send_on)
        except ClientLeft:
            context.status = CLIENT_LEFT
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
            context.body.release()
            status, seconds = context.status or CLIENT_LEFT, time.perf_counter() - began
            self._meter.ended(scope["method"], context.route, status, seconds)
            if self._access_log is not None:
                method, route = scope["method"], context.route
                self._access_log.answered(context.id, method, route, status, seconds, context.record)


def _host(fields: Fields) -> str:
    """The name of the one Host header, without port; an IPv6 address keeps its brackets."""
    values = fields.get(b"host", ())
    value = values[0].decode("latin-1").lower() if len(values) == 1 else ""
    name, colon, port = value.rpartition(":")
    return name if colon and port.isdigit() else value
