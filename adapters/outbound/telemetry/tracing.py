"""Spans by OpenTelemetry's GenAI conventions: one a request and one an attempt, and no content."""

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from llm_gateway.application.ports.observation import CallObservation, Observation, Observer
from llm_gateway.application.records import AttemptRecord, RequestId, RequestRecord, TraceIds
from llm_gateway.domain.routing import Endpoint, Task

from .conventions import OPERATIONS
from .span_attributes import FORMER_SPANS, Attributes, SpanNames, call_began

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

    def __init__(self, inner: Observer, provider: TracerProvider, names: SpanNames = FORMER_SPANS) -> None:
        self._inner = inner
        self.tracer = provider.get_tracer("llm_gateway")
        self.propagator = TraceContextTextMapPropagator()
        self.names = names

    @override
    def begin(self, request: RequestId, headers: Mapping[str, str], task: Task = Task.CHAT) -> Observation:
        parent = Context()
        if _PARENT in headers:
            parent = self.propagator.extract({_PARENT: headers[_PARENT]}, parent)
        span = self.tracer.start_span(OPERATIONS[task], parent, SpanKind.SERVER, {"gateway.request.id": request})
        inner = self._inner.begin(request, headers, task)
        return _TracedObservation(inner, self, span, task) if span.is_recording() else _PassedOn(inner, self, span)

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
    def __init__(self, inner: Observation, observer: TracingObserver, span: Span, task: Task) -> None:
        super().__init__(inner, observer, span)
        self._task = task
        context = span.get_span_context()
        self.trace = TraceIds(trace_id=format_trace_id(context.trace_id), span_id=format_span_id(context.span_id))

    @override
    def attempt(self, endpoint: Endpoint) -> CallObservation:
        context = set_span_in_context(self._span, Context())
        name = f"{OPERATIONS[self._task]} {endpoint.id.model}"
        began = call_began(self._task, endpoint.id)
        span = self._observer.tracer.start_span(name, context, SpanKind.CLIENT, began)
        return _TracedCallObservation(self._inner.attempt(endpoint), self._observer, span)

    @override
    def end(self, record: RequestRecord) -> None:
        super().end(record)
        _end(self._span, self._observer.names.request(record))


class _TracedCallObservation(_PassedOnCall):
    def __init__(self, inner: CallObservation, observer: TracingObserver, span: Span) -> None:
        super().__init__(inner, observer.headers(span))
        self._names = observer.names
        self._span = span

    @override
    def end(self, record: AttemptRecord) -> None:
        super().end(record)
        _end(self._span, self._names.call(record))


def _end(span: Span, attributes: Attributes) -> None:
    if attributes["error.type"] is not None:
        span.set_status(Status(StatusCode.ERROR))
    span.set_attributes({name: value for name, value in attributes.items() if value is not None})
    span.end()
