"""What operators look at: health, readiness and metrics."""

import asyncio
import hmac

from litestar.types import HTTPScope, Receive
from msgspec import json

from llm_gateway.domain.errors import Unauthenticated

from ..common.handling import RequestHandling
from ..common.problems import NotFound
from ..common.replies import Reply, json_reply
from ..common.request_context import context_of
from .wire import EndpointHealth, Health, Readiness, StoreHealth

_HEALTHY = json.encode(Health())


async def health(_: RequestHandling, __: HTTPScope, ___: Receive) -> Reply:
    """The process answers, whatever it can do."""
    return json_reply(_HEALTHY)


async def ready(handling: RequestHandling, _: HTTPScope, __: Receive) -> Reply:
    """A store that is away does not make a gateway unready: it goes on without, as its policy says."""
    services = handling.services
    endpoints = [
        EndpointHealth(
            name=state.endpoint.name,
            usable=state.configured and state.unusable is None,
            locality=state.endpoint.locality.value,
            demonstration=state.demonstration,
            reason=state.unusable if state.configured else state.unusable or "not configured",
            answered_by=state.answered_by,
            notes=state.notes,
            version=state.server_version,
        )
        for state in services.endpoints.snapshot()
    ]
    usable = any(endpoint.usable for endpoint in endpoints)
    troubles = await asyncio.gather(*(store.trouble() for store in services.stores))
    readiness = Readiness(
        status="draining" if handling.drain.is_set() else "ready" if usable else "no_endpoint",
        endpoints=endpoints,
        stores=[
            StoreHealth(name=store.name, usable=trouble is None, reason=trouble)
            for store, trouble in zip(services.stores, troubles, strict=True)
        ],
    )
    return json_reply(json.encode(readiness), status=200 if readiness.status == "ready" else 503)


async def metrics(handling: RequestHandling, scope: HTTPScope, _: Receive) -> Reply:
    """Raises `NotFound` where no metrics are collected, and `Unauthenticated` for another token than is set."""
    if handling.services.render_metrics is None:
        raise NotFound("No metrics: the extra `telemetry` is not installed.")
    if handling.options.metrics_token:
        stated = context_of(scope).fields.get(b"authorization", [b""])
        scheme, _space, token = stated[0].partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(
            token.strip(), handling.options.metrics_token.encode()
        ):
            raise Unauthenticated
    async with handling.scrape:
        body = await handling.services.render_metrics()
    return Reply(200, body, b"text/plain; version=0.0.4; charset=utf-8")
