"""Runs a gateway as a server, in this process or in several, until a signal ends it."""

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from llm_gateway.adapters.inbound.http.app import create_app
from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.inbound.http.common.handling import HttpOptions
from llm_gateway.adapters.inbound.http.server.protocol import Bounds
from llm_gateway.adapters.inbound.http.server.server import CannotListen, GatewayServer
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.observation import AccessLog
from llm_gateway.domain.routing import UNSEEN

from .assignment import Assignment
from .gateway import Gateway
from .logs import Logs, open_logs
from .opening import open_gateway
from .settings import Settings
from .telemetry import own_version
from .unused import without_unused

if TYPE_CHECKING:
    from llm_gateway.adapters.outbound.telemetry.sharing import SharedMetrics

__all__ = ["CannotListen", "create_server", "keep_for_good", "serve"]

Announce: TypeAlias = Callable[[EndpointDirectory, str], None]
"""Told the endpoints and the address, once it is listened on."""
RenderMetrics: TypeAlias = Callable[[], Awaitable[bytes]]


FIRST_LOOKS_SECONDS = 5.0
"""How long what is announced waits for what is not looked at yet: as long as a provider has to answer."""
_TURN_SECONDS = 0.05
SWITCH_SECONDS = 0.001
"""How long a thread with long work has the interpreter while the event loop waits for it. By default it is 5 ms, and a
turn of the loop may wait several times."""
YOUNG_OBJECTS = 10_000
"""How many new objects the garbage collector waits for, where the interpreter has 700: a hundred requests under way
hold more, and each look through them finds nothing."""


def serve(settings: Settings, announce: Announce) -> None:
    """Blocks until a signal ends it. Raises `CannotListen`, or `WorkersFailed`."""
    with open_logs(settings) as logs:
        if settings.workers > 1:
            from .workers import serve_workers

            def listening(endpoints: EndpointDirectory, port: int) -> None:
                announce(endpoints, _address(settings.host, port))

            keep_for_good()
            asyncio.run(serve_workers(settings, listening))
        else:
            _run(_serve(settings, announce, logs))


def serve_in_slot(slot: Assignment, tie_to_parent: Callable[[GatewayServer], None], announce: Announce) -> None:
    """Blocks until a signal, or the end of the parent, ends it. `tie_to_parent` is given the server for the latter."""
    with open_logs(slot.settings) as logs:
        _run(_serve(slot.settings, announce, logs, slot, tie_to_parent))


def _run(serving: Coroutine[object, object, None]) -> None:
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.setLevel(logging.WARNING)
    uvicorn.addFilter(_is_no_refused_listener)
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serving)


def _is_no_refused_listener(record: logging.LogRecord) -> bool:
    """`CannotListen` reports that one, by the names of the settings."""
    return not isinstance(record.msg, OSError)


async def _serve(
    settings: Settings,
    announce: Announce,
    logs: Logs,
    slot: Assignment | None = None,
    started: Callable[[GatewayServer], None] = lambda _: None,
) -> None:
    async with AsyncExitStack() as stack:
        # the listener must not wait long
        with without_unused():
            import_module(".container", __package__)  # which takes dependency-injector along
        gateway = await stack.enter_async_context(open_gateway(settings, first_look_seconds=0.3))
        gateway.telemetry.watch_log(logs.dropped)
        gateway.telemetry.watch_hang(slot is not None and slot.after_hang)
        shared = _shared(gateway, slot) if slot else None
        with without_unused():
            server = create_server(gateway, access_log=logs.access, render_metrics=shared.render if shared else None)
        if shared is not None:
            await stack.enter_async_context(shared())
        keep_for_good()
        listeners = [socket.socket(fileno=descriptor) for descriptor in slot.listeners] if slot else None
        serving = asyncio.create_task(server.serve(listeners))
        started(server)
        listening = asyncio.create_task(server.listening())
        await asyncio.wait((serving, listening), return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            await _seen(gateway.endpoints, serving)
            announce(gateway.endpoints, _address(settings.host, listening.result()))
        else:
            listening.cancel()
        await serving


async def _seen(endpoints: EndpointDirectory, serving: "asyncio.Task[object]") -> None:
    """Waits for the first look at every provider, which may take longer than the listener waited for it.

    A busy server that is well would be announced as one that can't be used.
    """
    for _ in range(round(FIRST_LOOKS_SECONDS / _TURN_SECONDS)):
        if serving.done() or all(state.unusable != UNSEEN for state in endpoints.snapshot()):
            return
        await asyncio.wait((serving,), timeout=_TURN_SECONDS)


def keep_for_good() -> None:
    """What start-up made stays until the end: the garbage collector does not look through it again and again.

    For a process that serves and nothing else. The collector begins here, where `gc.disable` had put it off.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.enable()


def _shared(gateway: Gateway, slot: Assignment) -> "SharedMetrics | None":
    """The metrics of all that share this slot's folder; None where there are none."""
    if gateway.telemetry.collect is None:
        return None
    from llm_gateway.adapters.outbound.telemetry.sharing import SharedMetrics

    return SharedMetrics(gateway.telemetry.collect, Path(slot.folder), slot.slot, slot.slots)


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def create_server(
    gateway: Gateway,
    *,
    access_log: AccessLog | None = None,
    render_metrics: RenderMetrics | None = None,
    pace: Pace | None = None,
    bounds: Bounds | None = None,
) -> GatewayServer:
    """A server for an open gateway, in its event loop. `/metrics` is the gateway's own if absent.

    `pace` and `bounds` are how patient it is with its clients; tests are less so.
    """
    settings = gateway.settings
    services = replace(gateway, render_metrics=render_metrics) if render_metrics else gateway
    drain = asyncio.Event()
    options = HttpOptions(
        version=own_version(),
        max_body_bytes=settings.max_body_bytes,
        max_bodies_bytes=max(settings.max_bodies_bytes, settings.max_body_bytes),
        max_messages=settings.max_messages,
        hosts=settings.hosts,
        cors_origins=settings.cors_origins,
        ollama_door=settings.ollama_door,
        metrics_token=settings.metrics_token.value if settings.metrics_token else None,
        pace=pace or Pace(),
    )
    return GatewayServer(
        create_app(services, options, drain, access_log),
        host=settings.host,
        port=settings.port,
        drain=drain,
        drain_seconds=settings.drain_seconds,
        end_rest=partial(_end_answers, gateway),
        bounds=bounds,
        keep_alive_seconds=settings.keep_alive_seconds,
    )


async def _end_answers(gateway: Gateway) -> None:
    """Of chats and embeddings, which none of them outlasts."""
    await asyncio.gather(gateway.flights.aclose(), gateway.embed_texts.aclose())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
