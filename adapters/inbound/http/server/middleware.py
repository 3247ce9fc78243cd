"""What every request passes first: its id, the Host guard, and the count of what is under way and was answered."""

import asyncio
import time
from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import Struct, field

from llm_gateway.application.ports.observation import AccessLog, TrafficMeter
from llm_gateway.application.ports.system import Entropy

from ..common.problems import Misdirected
from ..common.replies import error_reply
from ..common.request_context import ErrorStyle, begin_context
from ..common.requests import Bodies, ClientLeft, Fields, Share

CLIENT_LEFT = 499
"""nginx's status for a client that closed the connection: counted, never sent."""
_MISDIRECTED = "This gateway does not serve this Host. ALLOWED_HOSTS names the ones that it does."


class RequestMiddleware(Struct, kw_only=True):
    """Wraps the application, in one event loop.

    `hosts` are the names that are served, in lower case and without port; None is any. `error_style_of` gives the style
    of the surface that a path belongs to.
    """

    app: ASGIApp
    error_style_of: Callable[[str], ErrorStyle]
    hosts: frozenset[str] | None
    bodies: Bodies
    meter: TrafficMeter
    access_log: AccessLog | None
    entropy: Entropy
    under_way: int = 0
    last_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def idle(self) -> None:
        """Returns once no request is under way."""
        if self.under_way:
            await self.last_ended.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        style = self.error_style_of(scope["path"])
        context = begin_context(scope, self.entropy.new_id, style, Share(self.bodies))
        began = time.perf_counter()
        self.meter.began()
        self.under_way += 1
        self.last_ended.clear()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                own = ((b"x-request-id", context.id.encode()), *context.headers.items())
                message["headers"] = [*message["headers"], *own]
            await send(message)

        try:
            if self.hosts is None or _host(context.fields) in self.hosts:
                await self.app(scope, receive, send_on)
            else:
                await error_reply(Misdirected(_MISDIRECTED), context)(scope, receive, send_on)
        except ClientLeft:
            context.status = CLIENT_LEFT
        finally:
            self.under_way -= 1
            if not self.under_way:
                self.last_ended.set()
            context.body.release()
            status, seconds = context.status or CLIENT_LEFT, time.perf_counter() - began
            self.meter.ended(scope["method"], context.route, status, seconds)
            if self.access_log is not None:
                method, route = scope["method"], context.route
                self.access_log.answered(context.id, method, route, status, seconds, context.record)


def _host(fields: Fields) -> str:
    """The name of the one Host header, without port; an IPv6 address keeps its brackets."""
    values = fields.get(b"host", ())
    value = values[0].decode("latin-1").lower() if len(values) == 1 else ""
    name, colon, port = value.rpartition(":")
    return name if colon and port.isdigit() else value
