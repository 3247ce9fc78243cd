"""What every request passes first: its id, the Host guard, and the count of what is under way and was answered."""

import time
from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from llm_gateway.application.ports.observation import AccessLog, TrafficMeter
from llm_gateway.application.ports.system import Entropy
from llm_gateway.application.records import RequestId

from ..common.bodies import Bodies
from ..common.drain import Drain
from ..common.error_style import ErrorStyle
from ..common.problems import Misdirected
from ..common.replies import error_reply
from ..common.request_context import RequestContext, begin_context, method_of, path_of
from ..common.requests import ClientLeft, headers, request_id

CLIENT_LEFT = 499
"""nginx's status for a client that closed the connection: counted, never sent."""


class RequestMiddleware:
    """Wraps the application. `hosts` are the names that are served, in lower case and without port; None is any.

    `error_style_of` gives the style of the surface that a path belongs to.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        error_style_of: Callable[[str], ErrorStyle],
        hosts: frozenset[str] | None,
        drain: Drain,
        bodies: Bodies,
        meter: TrafficMeter,
        access_log: AccessLog | None,
        entropy: Entropy,
    ) -> None:
        self._app = app
        self._error_style_of = error_style_of
        self._hosts = hosts
        self._drain = drain
        self._bodies = bodies
        self._meter = meter
        self._access_log = access_log
        self._entropy = entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        id = request_id(scope) or self._entropy.new_id()
        context = begin_context(scope, id, self._error_style_of(path_of(scope)), self._bodies.share())
        began = time.perf_counter()
        self._meter.began()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", context.request_id.encode()),
                    *context.headers.items(),
                ]
            await send(message)

        try:
            with self._drain.counted():
                await self._pass(scope, receive, send_on, context)
        except ClientLeft:
            context.status = CLIENT_LEFT
        finally:
            context.body.release()
            seconds = time.perf_counter() - began
            self._answered(method_of(scope), context, seconds)

    def _answered(self, method: str, context: RequestContext, seconds: float) -> None:
        status = context.status or CLIENT_LEFT
        self._meter.ended(method, context.route, status, seconds)
        if self._access_log is not None:
            id = RequestId(context.request_id)
            self._access_log.answered(id, method, context.route, status, seconds, context.record)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, context: RequestContext) -> None:
        if self._hosts is not None and _host(scope) not in self._hosts:
            error = Misdirected("This gateway does not serve this Host. ALLOWED_HOSTS names the ones that it does.")
            await error_reply(error, context)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _host(scope: Scope) -> str:
    """The name of the one Host header, without port; an IPv6 address keeps its brackets."""
    values = headers(scope, b"host")
    value = values[0].decode("latin-1").lower() if len(values) == 1 else ""
    name, colon, port = value.rpartition(":")
    return name if colon and port.isdigit() else value
