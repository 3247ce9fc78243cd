"""Runs a gateway as a server in this process, until a signal ends it."""

import asyncio
import logging
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TypeAlias

from llm_gateway.adapters.inbound.http.app import HttpOptions, HttpServices, create_app
from llm_gateway.adapters.inbound.http.drain import Drain
from llm_gateway.adapters.inbound.http.server import GatewayServer

from .gateway import Gateway, open_gateway
from .settings import Settings

Announce: TypeAlias = Callable[[Gateway, str], None]
"""Told the gateway and its address, in the loop, once it listens."""


def serve(settings: Settings, announce: Announce) -> None:
    """Blocks until a signal ends it."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, announce))


async def _serve(settings: Settings, announce: Announce) -> None:
    async with open_gateway(settings, first_look_seconds=0.3) as gateway:  # the listener must not wait long
        server = create_server(gateway)
        serving = asyncio.create_task(server.serve())
        listening = asyncio.create_task(server.listening())
        await asyncio.wait((serving, listening), return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            announce(gateway, f"http://{_bracketed(settings.host)}:{listening.result()}")
        else:
            listening.cancel()
        await serving


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def create_server(gateway: Gateway) -> GatewayServer:
    """A server for an open gateway, in its event loop."""
    settings = gateway.settings
    drain = Drain()
    app = create_app(
        HttpServices(
            authenticate=gateway.authenticate,
            answer_chat=gateway.answer_chat,
            explain_chat=gateway.explain_chat,
            directory=gateway.endpoints,
            observer=gateway.observer,
            meter=gateway.meter,
            render_metrics=gateway.render_metrics,
            clock=gateway.clock,
            entropy=gateway.entropy,
        ),
        HttpOptions(
            version=_version(),
            max_body_bytes=settings.max_body_bytes,
            hosts=settings.hosts,
            metrics_token=settings.metrics_token.value if settings.metrics_token else None,
        ),
        drain,
    )
    return GatewayServer(
        app,
        host=settings.host,
        port=settings.port,
        drain=drain,
        drain_seconds=settings.drain_seconds,
        end_rest=gateway.flights.aclose,
    )


def _version() -> str:
    try:
        return version("llm-gateway-core")
    except PackageNotFoundError:
        return "0"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
