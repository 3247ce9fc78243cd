"""What operators look at: health, readiness and metrics."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from msgspec import json

from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.stores import SharedStore
from llm_gateway.domain.errors import Unauthenticated

from ..common.drain import Drain
from ..common.problems import NotFound
from ..common.replies import Reply, json_reply
from ..common.request_context import HttpRequest, context_of
from .wire import EndpointHealth, Health, Readiness, StoreHealth

RenderMetrics: TypeAlias = Callable[[], Awaitable[bytes]]
"""The metrics as Prometheus text."""

_HEALTHY = json.encode(Health())


class OperationsHandlers:
    """Answers health checks, and Prometheus where metrics are collected; with a token only where one is set."""

    def __init__(
        self,
        directory: EndpointDirectory,
        stores: Sequence[SharedStore],
        drain: Drain,
        render_metrics: RenderMetrics | None,
        metrics_token: str | None,
    ) -> None:
        self._directory = directory
        self._stores = stores
        self._drain = drain
        self._render_metrics = render_metrics
        self._metrics_token = metrics_token.encode() if metrics_token else None
        self._scrape = asyncio.Lock()

    async def health(self, _: HttpRequest) -> Reply:
        """The process answers, whatever it can do."""
        return json_reply(_HEALTHY)

    async def ready(self, _: HttpRequest) -> Reply:
        """A store that is away does not make a gateway unready: it goes on without, as its policy says."""
        endpoints = [
            EndpointHealth(
                name=state.endpoint.name,
                usable=state.configured and state.unusable is None,
                locality=state.endpoint.locality.value,
                demonstration=state.demonstration,
                reason=state.unusable if state.configured else state.unusable or "not configured",
                version=state.server_version,
            )
            for state in self._directory.snapshot()
        ]
        usable = any(endpoint.usable for endpoint in endpoints)
        troubles = await asyncio.gather(*(store.trouble() for store in self._stores))
        readiness = Readiness(
            status="draining" if self._drain.begun else "ready" if usable else "no_endpoint",
            endpoints=endpoints,
            stores=[
                StoreHealth(name=store.name, usable=trouble is None, reason=trouble)
                for store, trouble in zip(self._stores, troubles, strict=True)
            ],
        )
        return json_reply(json.encode(readiness), status=200 if readiness.status == "ready" else 503)

    async def metrics(self, request: HttpRequest) -> Reply:
        """Raises `NotFound` where no metrics are collected, and `Unauthenticated` for another token."""
        if self._render_metrics is None:
            raise NotFound("No metrics: the extra `telemetry` is not installed.")
        if self._metrics_token is not None:
            stated = context_of(request.scope).fields.get(b"authorization", [b""])
            scheme, _, token = stated[0].partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._metrics_token):
                raise Unauthenticated
        async with self._scrape:
            body = await self._render_metrics()
        return Reply(200, body, b"text/plain; version=0.0.4; charset=utf-8")
