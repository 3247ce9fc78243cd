"""The gateway as it is observed: OpenTelemetry where the extra is installed, else nothing."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from llm_gateway.adapters.outbound.telemetry.silent import SilentObserver, SilentStoreMeter
from llm_gateway.application.breakers import Breakers
from llm_gateway.application.ports.models import EndpointDirectory
from llm_gateway.application.ports.observation import Observer, QueueMeter, StoreMeter, TrafficMeter
from llm_gateway.application.ports.providers import Provider

from .settings import Settings
from .settings_rules import LATEST_CONVENTIONS, otlp_headers

if TYPE_CHECKING:
    from llm_gateway.adapters.outbound.telemetry.instruments import Instruments

SERVICE = "llm-gateway"
CLOSE_SECONDS = 8.0
"""For the last spans: longer than an export that is under way, and the rest, can take."""


class Telemetry:
    """`collect` gives this process's metrics for others to add up, `render` their text; None where there are none."""

    def __init__(self, settings: Settings) -> None:
        silent = SilentObserver()
        self.observer: Observer = silent
        self.meter: TrafficMeter = silent
        self.queue: QueueMeter = silent
        self.stores: StoreMeter = SilentStoreMeter()
        self.collect: Callable[[], bytes] | None = None
        self.render: Callable[[], Awaitable[bytes]] | None = None
        self._instruments: Instruments | None = None
        self._closing = AsyncExitStack()
        if find_spec("opentelemetry") is None or find_spec("prometheus_client") is None:
            return
        latest = LATEST_CONVENTIONS in settings.otel_semconv_stability_opt_in
        self._measure(latest)
        if settings.otel_exporter_otlp_endpoint is not None:
            self._trace(settings.otel_exporter_otlp_endpoint, otlp_headers(settings), latest)

    def start(
        self,
        under_way: Callable[[], int],
        waiting: Callable[[], int],
        breakers: Breakers,
        endpoints: EndpointDirectory,
        providers: Sequence[Provider],
    ) -> None:
        """Begin to observe a gateway, in its event loop."""
        if self._instruments is None:
            return
        from llm_gateway.adapters.outbound.telemetry.gauges import watch_gateway
        from llm_gateway.adapters.outbound.telemetry.loop_lag import LoopLag

        watch_gateway(
            self._instruments,
            version=own_version(),
            under_way=under_way,
            waiting=waiting,
            breakers=breakers,
            endpoints=endpoints,
            queues={one.name: one.waiting for one in providers if one.waiting},
        )
        lag = LoopLag(self._instruments)
        lag.start()
        self._closing.push_async_callback(lag.aclose)

    def watch_log(self, dropped: Callable[[], int]) -> None:
        """`dropped` is how many lines the log has lost."""
        if self._instruments is not None:
            from llm_gateway.adapters.outbound.telemetry.catalogue import LOG_DROPPED

            self._instruments.watch(LOG_DROPPED, lambda: [((), dropped())])

    def watch_hang(self, hung: bool) -> None:
        """`hung`: this process stands in for one that hung."""
        if self._instruments is not None:
            from llm_gateway.adapters.outbound.telemetry.catalogue import WORKERS_HUNG

            self._instruments.watch(WORKERS_HUNG, lambda: [((), int(hung))])

    async def aclose(self) -> None:
        await self._closing.aclose()

    def _measure(self, latest: bool) -> None:
        from llm_gateway.adapters.outbound.telemetry.families import encode_families, render_families
        from llm_gateway.adapters.outbound.telemetry.instruments import Instruments
        from llm_gateway.adapters.outbound.telemetry.observer import TelemetryObserver
        from llm_gateway.adapters.outbound.telemetry.store_meter import TelemetryStoreMeter

        self._instruments = instruments = Instruments()
        self.observer = self.meter = self.queue = TelemetryObserver(instruments, latest=latest)
        self.stores = TelemetryStoreMeter(instruments)
        self.collect = lambda: encode_families(instruments.read())
        self.render = lambda: asyncio.to_thread(lambda: render_families(instruments.read()))
        self._closing.callback(instruments.close)

    def _trace(self, endpoint: str, headers: Mapping[str, str], latest: bool) -> None:
        from llm_gateway.adapters.outbound.telemetry.otlp import OtlpExporter
        from llm_gateway.adapters.outbound.telemetry.span_attributes import FORMER_SPANS, LATEST_SPANS
        from llm_gateway.adapters.outbound.telemetry.tracing import TracingObserver, open_tracing

        exporter = OtlpExporter(endpoint, headers)
        provider = open_tracing(exporter, service=SERVICE, version=own_version())
        self.observer = TracingObserver(self.observer, provider, LATEST_SPANS if latest else FORMER_SPANS)

        async def close() -> None:
            exporter.close_soon()
            last = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
            last.start()
            await asyncio.to_thread(last.join, CLOSE_SECONDS)

        self._closing.push_async_callback(close)


def own_version() -> str:
    try:
        return version("llm-gateway-core")
    except PackageNotFoundError:
        return "0"
