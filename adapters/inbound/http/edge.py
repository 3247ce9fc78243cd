"""What every request passes first: its id, the Host guard, and the count of what is under way and was answered."""

import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from llm_gateway.application.ports import AccessLog, Entropy, TrafficMeter
from llm_gateway.application.records import RequestId

from .bodies import Bodies
from .drain import Drain
from .exchange import Exchange, begin_exchange, method_of
from .problems import Misdirected
from .replies import error_reply
from .requests import ClientLeft, headers, request_id

CLIENT_LEFT = 499
"""nginx's status for a client that closed the connection: counted, never sent."""


class Edge:
    """Wraps the application. `hosts` are the names that are served, in lower case and without port; None is any."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: frozenset[str] | None,
        drain: Drain,
        bodies: Bodies,
        meter: TrafficMeter,
        access_log: AccessLog | None,
        entropy: Entropy,
    ) -> None:
        self._app = app
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
        exchange = begin_exchange(scope, request_id(scope) or self._entropy.new_id(), self._bodies.share())
        began = time.perf_counter()
        self._meter.began()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", exchange.request_id.encode()),
                    *exchange.headers.items(),
                ]
            await send(message)

        try:
            with self._drain.counted():
                await self._pass(scope, receive, send_on, exchange)
        except ClientLeft:
            exchange.status = CLIENT_LEFT
        finally:
            exchange.body.release()
            seconds = time.perf_counter() - began
            self._answered(method_of(scope), exchange, seconds)

    def _answered(self, method: str, exchange: Exchange, seconds: float) -> None:
        status = exchange.status or CLIENT_LEFT
        self._meter.ended(method, exchange.route, status, seconds)
        if self._access_log is not None:
            id = RequestId(exchange.request_id)
            self._access_log.answered(id, method, exchange.route, status, seconds, exchange.record)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        if self._hosts is not None and _host(scope) not in self._hosts:
            error = Misdirected("This gateway does not serve this Host. ALLOWED_HOSTS names the ones that it does.")
            await error_reply(error, exchange)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _host(scope: Scope) -> str:
    """The name of the one Host header, without port; an IPv6 address keeps its brackets."""
    values = headers(scope, b"host")
    value = values[0].decode("latin-1").lower() if len(values) == 1 else ""
    name, colon, port = value.rpartition(":")
    return name if colon and port.isdigit() else value
