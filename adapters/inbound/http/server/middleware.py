"""What every request passes first: its id, the Host guard, and the count of what is under way and was answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from msgspec import Struct, field

from llm_gateway.application.ports.observation import AccessLog

from ..common.handling import RequestHandling
from ..common.problems import Misdirected
from ..common.replies import error_reply
from ..common.request_context import ErrorStyle, RequestContext, begin_context
from ..common.requests import Bodies, ClientLeft, Fields, Share

CLIENT_LEFT = 499
"""nginx's status for a client that closed the connection: counted, never sent."""
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_MAX_HOST_BYTES = 300
"""No name of a host is longer (RFC 1035: 253), with its port: what is longer is not kept."""
_HTTP: Final = ScopeType.HTTP
_MISDIRECTED = "This gateway does not serve this Host. ALLOWED_HOSTS names the ones that it does."


class RequestMiddleware(Struct, kw_only=True):
    """Wraps the application, in one event loop. `error_style_of` gives the style by path and header fields.

    `direct` are the handlers, by path, that a POST is given to at once. The application answers what they raise.
    """

    app: ASGIApp
    direct: Mapping[str, ASGIApp]
    handling: RequestHandling
    error_style_of: Callable[[str, Iterable[tuple[bytes, bytes]]], ErrorStyle]
    bodies: Bodies
    access_log: AccessLog | None
    under_way: int = 0
    last_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def idle(self) -> None:
        """Returns once no request is under way."""
        while self.under_way:
            self.last_ended.clear()
            await self.last_ended.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != _HTTP:
            await self.app(scope, receive, send)
            return
        style = self.error_style_of(scope["path"], scope["headers"])
        services = self.handling.services
        context = begin_context(scope, services.entropy.new_id, style, Share(self.bodies))
        began = time.perf_counter()
        services.meter.began()
        self.under_way += 1

        def send_on(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                own = ((b"x-request-id", context.id.encode()), _NO_SNIFFING, *context.headers.items())
                message["headers"] = [*message["headers"], *own]
            return send(message)

        app = self._app_for(scope, context)
        try:
            try:
                await app(scope, receive, send_on)
            except Exception as error:
                if app is self.app or context.status:
                    raise
                context.failed = error
                await self.app(scope, receive, send_on)
        except ClientLeft:
            context.status = CLIENT_LEFT
        finally:
            self.under_way -= 1
            if not self.under_way:
                self.last_ended.set()
            context.body.release()
            status, seconds = context.status or CLIENT_LEFT, time.perf_counter() - began
            services.meter.ended(scope["method"], context.route, status, seconds)
            if self.access_log is not None:
                method, route = scope["method"], context.route
                self.access_log.answered(context.id, method, route, status, seconds, context.record)

    def _app_for(self, scope: HTTPScope, context: RequestContext) -> ASGIApp:
        hosts = self.handling.options.hosts
        if hosts is None:
            return self.app  # which looks at the Host itself
        if _host(context.fields) not in hosts:
            return error_reply(Misdirected(_MISDIRECTED), context)
        return self.direct.get(scope["path"], self.app) if scope["method"] == "POST" else self.app


def _host(fields: Fields) -> str:
    """The name of the one Host header, without port."""
    values = fields.get(b"host", ())
    return _host_name(values[0]) if len(values) == 1 and len(values[0]) <= _MAX_HOST_BYTES else ""


@lru_cache(256)
def _host_name(value: bytes) -> str:
    """An IPv6 address keeps its brackets."""
    text = value.decode("latin-1").lower()
    name, colon, port = text.rpartition(":")
    return name if colon and port.isdigit() and port.isascii() else text
