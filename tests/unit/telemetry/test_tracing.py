"""Spans as a collector receives them: one a request, one an attempt, in the caller's trace, without content."""

import logging
import time
from collections.abc import Iterator, Mapping

import pytest
from msgspec.structs import replace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from typing_extensions import override

from llm_gateway.adapters.outbound.telemetry import otlp
from llm_gateway.adapters.outbound.telemetry.otlp import OtlpExporter
from llm_gateway.adapters.outbound.telemetry.silent import SilentObserver
from llm_gateway.adapters.outbound.telemetry.span_attributes import FORMER_SPANS, LATEST_SPANS, SpanNames
from llm_gateway.adapters.outbound.telemetry.tracing import MAX_QUEUED_SPANS, TracingObserver, open_tracing
from llm_gateway.adapters.outbound.vendor_http import addresses
from llm_gateway.application.records import AttemptRecord, RequestRecord, TraceIds
from llm_gateway.bootstrap.settings import Secret, Settings
from llm_gateway.bootstrap.telemetry import Telemetry
from llm_gateway.domain.routing import Endpoint, EndpointId, Hint, Locality
from llm_gateway.testing import ObserverContract, RecordingObserver
from llm_gateway.testing.contracts.observer import ENDPOINT, FULL, ID, ONE, TRACE, USAGE

from .collector import Collector, attributes, collecting

WHOLE = AttemptRecord(endpoint=ID, usage=USAGE, seconds=1.0, first_event_seconds=0.5, finish_reason=FULL.finish_reason)


class TestTracing(ObserverContract):
    @override
    def make(self) -> TracingObserver:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
        return TracingObserver(SilentObserver(), provider)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as opened:
        yield opened


def trace_one(url: str, headers: Mapping[str, str], *, collector_headers: Mapping[str, str] | None = None) -> str:
    """One request with a failed and a whole attempt, exported; gives the header that the second attempt sent on."""
    provider = open_tracing(OtlpExporter(url, collector_headers or {}), service="test", version="1")
    observation = TracingObserver(SilentObserver(), provider).begin(ONE, headers)
    observation.attempt(ENDPOINT).end(AttemptRecord(endpoint=ID, error="ProviderTimeout", seconds=2.0))
    attempt = observation.attempt(ENDPOINT)
    attempt.end(WHOLE)
    observation.end(FULL)
    provider.shutdown()
    return attempt.headers["traceparent"]


def test_a_request_and_its_attempts_are_spans_of_one_trace(collector: Collector) -> None:
    sent_on = trace_one(collector.url, {})
    spans = {span.span_id: span for span in collector.spans}
    (root,) = [span for span in spans.values() if not span.parent_span_id]
    children = [span for span in spans.values() if span.parent_span_id == root.span_id]
    assert [span.name for span in children] == ["chat model-1", "chat model-1"]
    assert len({span.trace_id for span in spans.values()}) == 1
    *ids, flags = sent_on.split("-")
    assert ids == ["00", root.trace_id.hex(), children[1].span_id.hex()]
    assert int(flags, 16) & 1, "sampled"


def test_the_trace_of_the_caller_goes_on(collector: Collector) -> None:
    sent_on = trace_one(collector.url, {**TRACE, "tracestate": "mine=secret", "baggage": "mine=secret"})
    (root,) = [span for span in collector.spans if span.name == "chat"]
    _, trace, parent, _ = TRACE["traceparent"].split("-")
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (trace, parent)
    assert sent_on.startswith(f"00-{trace}-")
    assert "secret" not in str(collector.requests)


def test_a_caller_that_does_not_sample_is_not_traced_and_its_trace_goes_on(collector: Collector) -> None:
    header = TRACE["traceparent"].removesuffix("01") + "00"
    sent_on = trace_one(collector.url, {"traceparent": header})
    assert not collector.spans
    assert sent_on.split("-")[1] == header.split("-")[1]
    assert sent_on.startswith(header[:36])
    assert sent_on.endswith("-00")


def test_of_a_trace_that_is_not_sampled_no_span_is_made_for_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider(sampler=ParentBased(ALWAYS_ON), shutdown_on_exit=False)
    recording = RecordingObserver()
    observer = TracingObserver(recording, provider)
    unsampled = {"traceparent": TRACE["traceparent"].removesuffix("01") + "00"}
    observation = observer.begin(ONE, unsampled)
    monkeypatch.setattr(observer, "tracer", None)

    attempt = observation.attempt(ENDPOINT)
    attempt.end(WHOLE)
    observation.end(FULL)

    assert attempt.headers["traceparent"].startswith(unsampled["traceparent"][:36])
    (request,) = recording.requests
    assert [ended for one in request.attempts for ended in one.ends] == [WHOLE]
    assert request.records == [FULL]


def test_spans_say_what_the_conventions_ask_for(collector: Collector) -> None:
    trace_one(collector.url, {})
    failed, whole, request = (attributes(span) for span in collector.spans)
    assert failed == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mine",
        "gen_ai.request.model": "model-1",
        "gateway.provider.seconds": 2.0,
        "error.type": "ProviderTimeout",
    }
    assert whole["gen_ai.response.finish_reasons"] == ("stop",)
    assert (whole["gen_ai.usage.input_tokens"], whole["gen_ai.usage.output_tokens"]) == (3, 1)
    assert whole["gateway.provider.first_event_seconds"] == 0.5
    assert request == {
        "gen_ai.operation.name": "chat",
        "gateway.request.id": "r1",
        "gateway.outcome": "answered",
        "gateway.client.id": "one",
        "gateway.hint": "fast",
        "gateway.cache": "miss",
        "gen_ai.provider.name": "mine",
        "gen_ai.response.model": "model-1",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 1,
    }


def test_gemini_has_the_conventions_name_in_spans(collector: Collector) -> None:
    gemini = EndpointId(provider="gemini", model="model-1")
    provider = open_tracing(OtlpExporter(collector.url, {}), service="test", version="1")
    observation = TracingObserver(SilentObserver(), provider).begin(ONE, {})
    observation.attempt(Endpoint(id=gemini, locality=Locality.CLOUD)).end(replace(WHOLE, endpoint=gemini))
    observation.end(replace(FULL, endpoint=gemini))
    provider.shutdown()
    assert [attributes(span)["gen_ai.provider.name"] for span in collector.spans] == ["gcp.gemini"] * 2


def test_the_collector_is_asked_at_its_path_with_the_headers_that_it_wants(collector: Collector) -> None:
    trace_one(f"{collector.url}/base/", {}, collector_headers={"authorization": "Bearer x"})
    path, headers, _ = collector.requests[0]
    assert path == "/base/v1/traces"
    assert (headers["authorization"], headers["content-type"]) == ("Bearer x", "application/x-protobuf")


def test_a_collector_that_is_away_is_told_once_and_costs_little(caplog: pytest.LogCaptureFixture) -> None:
    with collecting() as gone:
        url = gone.url
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        exporter = OtlpExporter(url, {})
        provider = open_tracing(exporter, service="test", version="1")
        observer = TracingObserver(SilentObserver(), provider)
        for _ in range(2 * MAX_QUEUED_SPANS):
            observer.begin(ONE, {}).end(FULL)
        exporter.close_soon()
        provider.shutdown()
    assert time.monotonic() - began < 30
    ours = [record for record in caplog.records if record.name == "llm_gateway.telemetry"]
    assert [record.getMessage() for record in ours] == [
        "spans are dropped: the collector can't be reached (ConnectionRefusedError)"
    ]


def test_a_collector_that_refuses_is_told_once_until_it_takes_spans_again(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = OtlpExporter(collector.url, {})
    for status in (503, 503, 200, 400):
        collector.status = status
        exporter.export(())
    assert [record.getMessage()[-11:] for record in caplog.records] == ["(status 503)"[-11:], "(status 400)"[-11:]]


def test_after_the_end_nothing_waits_for_the_collector(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setattr(otlp, "CLOSE_SECONDS", 0.0)
    exporter = OtlpExporter(collector.url, {})
    exporter.close_soon()
    exporter.export(())
    assert not collector.requests


async def test_the_settings_alone_decide_whether_and_where_spans_go(
    monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-from=environment")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "from=environment")
    settings = Settings(
        otel_exporter_otlp_endpoint=collector.url, otel_exporter_otlp_headers=Secret("x-one=1,x-two=a%20b")
    )
    telemetry = Telemetry(settings)
    telemetry.observer.begin(ONE, {}).end(replace(FULL, error="ProviderBroken"))
    await telemetry.aclose()
    (_, headers, _), *_ = collector.requests
    assert (headers["x-one"], headers["x-two"], "x-from" in headers) == ("1", "a b", False)
    assert "environment" not in str(collector.requests)
    assert attributes(collector.spans[0])["error.type"] == "ProviderBroken"
    assert not isinstance(Telemetry(Settings()).observer, TracingObserver)


def test_another_observer_beside_it_sees_everything() -> None:
    recording = RecordingObserver()
    observation = TracingObserver(recording, TracerProvider(shutdown_on_exit=False)).begin(ONE, TRACE)
    observation.attempt(ENDPOINT).end(WHOLE)
    observation.end(RequestRecord(id=ONE, left=True))
    (request,) = recording.requests
    assert [attempt.ends for attempt in request.attempts] == [[WHOLE]]
    assert request.records == [RequestRecord(id=ONE, left=True)]


@pytest.mark.parametrize("names", [FORMER_SPANS, LATEST_SPANS], ids=["former", "latest"])
@pytest.mark.parametrize(
    ("record", "told_outside"),
    [
        (replace(FULL, hint=Hint.SECURE), False),
        (replace(FULL, hint=Hint.SECURE, error="ProviderBroken"), False),
        (replace(FULL, hint=None, cache=None, endpoint=None, error="Overloaded"), False),
        (replace(FULL, hint=None), True),
        (FULL, True),
    ],
    ids=["secure", "secure and failed", "before its hint was known", "without hint", "fast"],
)
@pytest.mark.parametrize("outside", [False, True])
def test_a_collector_outside_is_not_told_whose_a_secure_request_was(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    record: RequestRecord,
    told_outside: bool,
    outside: bool,
    names: SpanNames,
) -> None:
    peers: list[str] = []

    def on_premises(address: str) -> bool:
        peers.append(address)
        return addresses.on_premises(address) and not outside

    monkeypatch.setattr(otlp, "on_premises", on_premises)
    provider = open_tracing(OtlpExporter(collector.url, {}), service="test", version="1")
    observation = TracingObserver(SilentObserver(), provider, names).begin(ONE, {})
    observation.attempt(ENDPOINT).end(WHOLE)
    observation.end(record)
    provider.shutdown()
    assert set(peers) == {"127.0.0.1"}, "the address that the connection leads to"
    call, request = (attributes(span) for span in collector.spans)
    assert "gateway.client.id" not in call
    assert request.get("gateway.client.id") == ("one" if told_outside or not outside else None)
    assert request["gateway.outcome"] == record.outcome, "the rest is told"


def test_an_observation_knows_the_ids_of_its_span_where_it_is_recorded() -> None:
    observer = TracingObserver(SilentObserver(), TracerProvider(sampler=ParentBased(ALWAYS_ON), shutdown_on_exit=False))
    _, trace, parent, _ = TRACE["traceparent"].split("-")
    ids = observer.begin(ONE, TRACE).trace
    assert isinstance(ids, TraceIds)
    assert ids.trace_id == trace
    assert (len(ids.span_id), ids.span_id != parent) == (16, True)
    assert observer.begin(ONE, {"traceparent": f"00-{trace}-{parent}-00"}).trace is None
    assert SilentObserver().begin(ONE, TRACE).trace is None
