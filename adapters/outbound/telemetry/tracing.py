"""Spans by OpenTelemetry's GenAI conventions: one a request and one an attempt, and no content."""

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from typing_extensions import override

from llm_gateway.application.ports.observation import CallObservation, Observation, Observer
from llm_gateway.application.records import AttemptRecord, RequestId, RequestRecord
from llm_gateway.domain.routing import Endpoint

from .conventions import OPERATIONS, PROVIDERS

MAX_QUEUED_SPANS = 4096
SPANS_A_BATCH = 512
EXPORT_EVERY_MILLIS = 2000
_MANY = 64
_LONG = 256
_PARENT = "traceparent"
"""Of the W3C headers the one without free text: `tracestate` and `baggage` hold the client's text."""


def open_tracing(exporter: SpanExporter, *, service: str, version: str) -> TracerProvider:
    """Spans wait in a bounded queue for a thread that exports them; where it is full, the oldest are dropped.

    Everything that OpenTelemetry would read from the environment is said here.
    """
    limits = SpanLimits(
        max_attributes=_MANY,
        max_events=_MANY,
        max_links=_MANY,
        max_span_attributes=_MANY,
        max_event_attributes=_MANY,
        max_link_attributes=_MANY,
        max_attribute_length=_LONG,
        max_span_attribute_length=_LONG,
    )
    provider = TracerProvider(
        sampler=ParentBased(ALWAYS_ON),
        resource=Resource({"service.name": service, "service.version": version}),
        shutdown_on_exit=False,
        span_limits=limits,
        meter_provider=NoOpMeterProvider(),
    )
    provider._disabled = False  # it reads OTEL_SDK_DISABLED
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=MAX_QUEUED_SPANS,
            schedule_delay_millis=EXPORT_EVERY_MILLIS,
            max_export_batch_size=SPANS_A_BATCH,
            export_timeout_millis=EXPORT_EVERY_MILLIS,
            meter_provider=NoOpMeterProvider(),
        )
    )
    return provider


class TracingObserver(Observer):
    """Beside another observer, which sees everything too."""

    def __init__(self, inner: Observer, provider: TracerProvider) -> None:
        self._inner = inner
        self.tracer = provider.get_tracer("llm_gateway")
        self.propagator = TraceContextTextMapPropagator()

    @override
    def begin(self, request: RequestId, headers: Mapping[str, str]) -> Observation:
        parent = Context()
        if _PARENT in headers:
            parent = self.propagator.extract({_PARENT: headers[_PARENT]}, parent)
        span = self.tracer.start_span("request", parent, SpanKind.SERVER, {"gateway.request.id": request})
        inner = self._inner.begin(request, headers)
        return _TracedObservation(inner, self, span) if span.is_recording() else _PassedOn(inner, self, span)

    def headers(self, span: Span) -> dict[str, str]:
        """The trace context to send along with what the span is about."""
        headers: dict[str, str] = {}
        self.propagator.inject(headers, set_span_in_context(span, Context()))
        return headers


class _PassedOn(Observation):
    """A request that is not sampled: nothing is made of it but the context that its calls send along."""

    def __init__(self, inner: Observation, observer: TracingObserver, span: Span) -> None:
        self._inner = inner
        self._observer = observer
        self._span = span

    @override
    def attempt(self, endpoint: Endpoint) -> CallObservation:
        return _PassedOnCall(self._inner.attempt(endpoint), self._observer.headers(self._span))

    @override
    def end(self, record: RequestRecord) -> None:
        self._inner.end(record)


class _PassedOnCall(CallObservation):
    headers: Mapping[str, str] = {}

    def __init__(self, inner: CallObservation, headers: Mapping[str, str]) -> None:
        self._inner = inner
        self.headers = {**inner.headers, **headers}

    @override
    def end(self, record: AttemptRecord) -> None:
        self._inner.end(record)


class _TracedObservation(_PassedOn):
    @override
    def attempt(self, endpoint: Endpoint) -> CallObservation:
        attributes = {
            "gen_ai.provider.name": PROVIDERS.get(endpoint.id.provider, endpoint.id.provider),
            "gen_ai.request.model": endpoint.id.model,
        }
        context = set_span_in_context(self._span, Context())
        span = self._observer.tracer.start_span(endpoint.id.model, context, SpanKind.CLIENT, attributes)
        return _TracedCallObservation(self._inner.attempt(endpoint), span, self._observer.headers(span))

    @override
    def end(self, record: RequestRecord) -> None:
        super().end(record)
        operation = OPERATIONS[record.task]
        endpoint = record.endpoint
        attributes: dict[str, AttributeValue | None] = {
            "gen_ai.operation.name": operation,
            "gateway.outcome": record.outcome,
            "gateway.client.id": record.client,
            "gateway.hint": record.hint.value if record.hint else None,
            "gateway.cache": record.cache.value if record.cache else None,
            "gen_ai.provider.name": PROVIDERS.get(endpoint.provider, endpoint.provider) if endpoint else None,
            "gen_ai.response.model": endpoint.model if endpoint else None,
        }
        self._span.update_name(operation)
        _end(self._span, attributes, record)


class _TracedCallObservation(_PassedOnCall):
    def __init__(self, inner: CallObservation, span: Span, headers: Mapping[str, str]) -> None:
        super().__init__(inner, headers)
        self._span = span

    @override
    def end(self, record: AttemptRecord) -> None:
        super().end(record)
        operation = OPERATIONS[record.task]
        attributes: dict[str, AttributeValue | None] = {
            "gen_ai.operation.name": operation,
            "gateway.provider.seconds": record.seconds,
            "gateway.provider.first_event_seconds": record.first_event_seconds,
            "gen_ai.response.finish_reasons": (record.finish_reason.value,) if record.finish_reason else None,
        }
        self._span.update_name(f"{operation} {record.endpoint.model}")
        _end(self._span, attributes, record)


def _end(span: Span, attributes: Mapping[str, AttributeValue | None], record: RequestRecord | AttemptRecord) -> None:
    """With the attributes that are known."""
    usage, error = record.usage, record.error or ("left" if record.left else None)
    told: dict[str, AttributeValue | None] = {
        **attributes,
        "gen_ai.usage.input_tokens": usage.prompt_tokens if usage else None,
        "gen_ai.usage.output_tokens": usage.completion_tokens if usage else None,
        "error.type": error,
    }
    if error is not None:
        span.set_status(Status(StatusCode.ERROR))
    span.set_attributes({name: value for name, value in told.items() if value is not None})
    span.end()
