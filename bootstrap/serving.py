"""Runs a gateway as a server in this process, until a signal ends it."""

import asyncio
import logging
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TypeAlias

from msgspec import json
from typing_extensions import override

from llm_gateway.adapters.inbound.http.app import HttpOptions, HttpServices, create_app
from llm_gateway.adapters.inbound.http.drain import Drain
from llm_gateway.adapters.inbound.http.server import CannotListen, GatewayServer

from .gateway import Gateway, open_gateway
from .settings import Settings

__all__ = ["CannotListen", "create_server", "serve"]

Announce: TypeAlias = Callable[[Gateway, str], None]
"""Told the gateway and its address, in the loop, once it listens."""


def serve(settings: Settings, announce: Announce) -> None:
    """Blocks until a signal ends it."""
    _set_up_logs(settings)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, announce))


class _JsonLines(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": record.created,
            "level": record.levelname,
            "logger": record.name,
            "message": super().format(record),
        }
        return json.encode(line).decode()


def _set_up_logs(settings: Settings) -> None:
    """To standard error; as JSON where it is asked for, or where no terminal shows it."""
    pretty = sys.stderr.isatty() if settings.log_format is None else settings.log_format == "pretty"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s") if pretty else _JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


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
            embed_texts=gateway.embed_texts,
            explain_chat=gateway.explain_chat,
            list_models=gateway.list_models,
            directory=gateway.endpoints,
            stores=gateway.stores,
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
