"""The instruments of the contract, on a meter provider of their own, rendered as Prometheus text."""

from collections.abc import Callable, Iterable

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
PER_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5)
TOKENS = tuple(4.0**power for power in range(14))
"""Bucket bounds of the GenAI conventions; OpenTelemetry's own are for milliseconds."""

Labels = tuple[tuple[str, str], ...]


class Tally:
    """Plain counts by labels, read when Prometheus scrapes: thirty times cheaper than an instrument's `add`."""

    def __init__(self) -> None:
        self.counts: dict[Labels, int] = {}

    def add(self, amount: int = 1, **labels: str) -> None:
        key = tuple(labels.items())
        self.counts[key] = self.counts.get(key, 0) + amount

    def observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, dict(labels)) for labels, count in tuple(self.counts.items())]


class Instruments:
    """One set a gateway, on a registry of its own: two gateways in a process don't meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=self._registry)
        views = [
            _view("*.duration", SECONDS),
            _view("*.time_to_first_token", SECONDS),
            _view("*.time_per_output_token", PER_TOKEN_SECONDS),
            _view("gen_ai.client.token.usage", TOKENS),
        ]
        self._provider = MeterProvider([reader], resource=Resource.get_empty(), shutdown_on_exit=False, views=views)
        meter = self._provider.get_meter("llm_gateway")
        self.cache_hits = _counter(meter, "cache_hits", "Requests answered from the cache")
        self.cache_misses = _counter(meter, "cache_misses", "Requests for which the cache had nothing")
        self.provider_calls = _counter(meter, "provider_calls", "Calls to providers")
        self.provider_failures = _counter(meter, "provider_failures", "Calls to providers that failed")
        self.allowed = _counter(meter, "rate_limit_allowed", "Requests that their client's quota allowed")
        self.blocked = _counter(meter, "rate_limit_blocked", "Requests that their client's quota did not allow")
        self.requests = _counter(meter, "gateway_requests", "Chats and embeddings by outcome")
        self.active = Tally()
        meter.create_observable_up_down_counter(
            "http.server.active_requests", [self.active.observe], description="HTTP requests under way"
        )
        self.http_duration = meter.create_histogram(
            "http.server.request.duration", unit="s", description="HTTP requests, to the end of the answer"
        )
        self.operation_duration = meter.create_histogram(
            "gen_ai.client.operation.duration", unit="s", description="Chats and embeddings that a provider answered"
        )
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage", unit="{token}", description="Tokens that providers counted"
        )
        self.first_token = meter.create_histogram(
            "gen_ai.server.time_to_first_token", unit="s", description="Streams, to their first event"
        )
        self.per_token = meter.create_histogram(
            "gen_ai.server.time_per_output_token", unit="s", description="Streams, for each token after the first"
        )

    def render(self) -> bytes:
        """Prometheus text. Takes tens of milliseconds where there are many series: call it in a thread."""
        return generate_latest(self._registry)

    def close(self) -> None:
        self._provider.shutdown()


def _view(name: str, bounds: Iterable[float]) -> View:
    return View(instrument_name=name, aggregation=ExplicitBucketHistogramAggregation(tuple(bounds)))


def _counter(meter: Meter, name: str, description: str) -> Tally:
    tally = Tally()
    read: Callable[[CallbackOptions], Iterable[Observation]] = tally.observe
    meter.create_observable_counter(name, [read], description=description)
    return tally
