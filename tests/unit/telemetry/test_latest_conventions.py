"""With the opt-in, every GenAI name is one of the conventions' v0.1.0, by a copy of its lists."""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes
from typing_extensions import override

from llm_gateway.adapters.outbound.telemetry.catalogue import CATALOGUE, Metric
from llm_gateway.adapters.outbound.telemetry.conventions import OPERATIONS, PROVIDERS
from llm_gateway.adapters.outbound.telemetry.families import decode_families
from llm_gateway.adapters.outbound.telemetry.instruments import Instruments
from llm_gateway.adapters.outbound.telemetry.latest_catalogue import LATEST_CATALOGUE, RENAMED
from llm_gateway.adapters.outbound.telemetry.observer import TelemetryObserver
from llm_gateway.adapters.outbound.telemetry.silent import SilentObserver
from llm_gateway.adapters.outbound.telemetry.span_attributes import FORMER_SPANS, LATEST_SPANS, SpanNames
from llm_gateway.adapters.outbound.telemetry.tracing import TracingObserver
from llm_gateway.application.records import AttemptRecord
from llm_gateway.bootstrap.loading import load_settings
from llm_gateway.bootstrap.settings import Settings
from llm_gateway.bootstrap.settings_rules import rule_faults
from llm_gateway.bootstrap.telemetry import Telemetry
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.routing import Task
from llm_gateway.testing import ObserverContract
from llm_gateway.testing.contracts.observer import EMBEDDING, ENDPOINT, ENDS, FULL, ID, ONE

REGISTRY: dict[str, Any] = tomllib.loads(Path(__file__).with_name("genai_conventions.toml").read_text())
OPT_IN = "gen_ai_latest_experimental"
COMMON = {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"}
USAGE = Usage(prompt_tokens=10, completion_tokens=5, reasoning_tokens=2, cached_tokens=4)
WHOLE = AttemptRecord(
    endpoint=ID, usage=USAGE, streamed=True, seconds=2.0, first_event_seconds=0.5, finish_reason=FinishReason.STOP
)
CALL = "gen_ai_operation_name=chat gen_ai_provider_name=mine gen_ai_request_model=model-1"


@pytest.fixture
def instruments() -> Iterator[Instruments]:
    opened = Instruments()
    yield opened
    opened.close()


class TestLatest(ObserverContract):
    @pytest.fixture(autouse=True)
    def opened(self, instruments: Instruments) -> None:
        self.instruments = instruments

    @override
    def make(self) -> TelemetryObserver:
        return TelemetryObserver(self.instruments, latest=True)


class TestLatestSpans(ObserverContract):
    @override
    def make(self) -> TracingObserver:
        return TracingObserver(SilentObserver(), TracerProvider(shutdown_on_exit=False), LATEST_SPANS)


def samples(instruments: Instruments, record: AttemptRecord, *, latest: bool = True) -> dict[str, float]:
    """The sums and counts of the GenAI metrics after one call, by name and labels."""
    TelemetryObserver(instruments, latest=latest).begin(ONE, {}).attempt(ENDPOINT).end(record)
    return {
        " ".join([name, *sorted(f"{key}={value}" for key, value in labels if value)]): amount
        for family in instruments.read()
        for (name, labels), amount in family.samples.items()
        if name.startswith("gen_ai") and not name.endswith("_bucket")
    }


@pytest.mark.parametrize("metric", LATEST_CATALOGUE, ids=lambda metric: metric.instrument)
def test_each_metric_is_in_the_registry_with_its_unit_attributes_and_bounds(metric: Metric) -> None:
    known = REGISTRY["metrics"][metric.instrument]
    assert (metric.kind.value, metric.unit) == (known["instrument"], known["unit"])
    assert set(metric.attributes) == COMMON | set(known["attributes"])
    assert list(metric.bounds) == (REGISTRY["bounds"][metric.unit] if known["instrument"] == "histogram" else [])


def test_no_other_metric_has_a_name_of_the_conventions_that_is_not_in_the_registry() -> None:
    stays = {metric.instrument for metric in CATALOGUE if metric not in RENAMED}
    assert {name for name in stays if name.startswith("gen_ai")} <= REGISTRY["metrics"].keys()
    assert set(OPERATIONS.values()) <= set(REGISTRY["values"]["gen_ai.operation.name"])
    assert set(PROVIDERS.values()) <= set(REGISTRY["values"]["gen_ai.provider.name"])


def test_a_streamed_chat_is_counted_by_kind_of_token_and_timed_to_its_first_chunk(instruments: Instruments) -> None:
    inference = "gen_ai_client_inference"
    counters = {
        f"{inference}_usage_{kind}_total {CALL} gen_ai_token_modality={modality}": amount
        for kind, modality, amount in (
            ("input_tokens", "unknown", 10),
            ("cache_read_input_tokens", "unknown", 4),
            ("output_tokens", "text", 5),
            ("reasoning_output_tokens", "text", 2),
        )
    }
    histograms = {
        f"{inference}_duration_seconds": 2.0,
        f"{inference}_time_to_first_chunk_seconds": 0.5,
        f"{inference}_operation_input_tokens": 10,
        f"{inference}_operation_output_tokens": 5,
        "gen_ai_server_time_per_output_token_seconds": 1.5 / 4,
    }
    sums = {f"{name}_sum {CALL}": amount for name, amount in histograms.items()}
    counts = {f"{name}_count {CALL}": 1.0 for name in histograms}
    assert samples(instruments, WHOLE) == counters | sums | counts


@pytest.mark.parametrize(
    "record",
    [
        AttemptRecord(endpoint=ID, error="ProviderTimeout", seconds=1.0),
        AttemptRecord(endpoint=ID, left=True, usage=replace(USAGE, estimated=True), seconds=1.0),
    ],
    ids=["failed", "left and estimated"],
)
def test_tokens_that_no_provider_counted_are_told_as_none(instruments: Instruments, record: AttemptRecord) -> None:
    told = samples(instruments, record)
    error = "left" if record.left else "ProviderTimeout"
    assert told[f"gen_ai_client_inference_duration_seconds_count error_type={error} {CALL}"] == 1
    assert told[f"gen_ai_client_inference_operation_output_tokens_count error_type={error} {CALL}"] == 1
    usage = {name: amount for name, amount in told.items() if "_usage_" in name}
    assert len(usage) == 4
    assert all(name.endswith("modality=unknown") and not amount for name, amount in usage.items())


@pytest.mark.parametrize("estimated", [False, True])
def test_embeddings_have_names_of_their_own(instruments: Instruments, estimated: bool) -> None:
    usage = Usage(prompt_tokens=3, completion_tokens=0, estimated=estimated)
    call = CALL.replace("chat", "embeddings")
    tokens = "gen_ai_client_embeddings_operation_input_tokens"
    duration = "gen_ai_client_embeddings_duration_seconds"
    told = {f"{duration}_sum {call}": 0.5, f"{duration}_count {call}": 1.0}
    if not estimated:
        told |= {f"{tokens}_sum {call}": 3.0, f"{tokens}_count {call}": 1.0}
    assert samples(instruments, AttemptRecord(endpoint=ID, task=Task.EMBED, usage=usage, seconds=0.5)) == told


@pytest.mark.parametrize("latest", [False, True])
def test_a_metric_has_one_of_its_names_and_never_both(instruments: Instruments, latest: bool) -> None:
    names = {sample.partition(" ")[0] for sample in samples(instruments, WHOLE, latest=latest)}
    former = {f"{metric.name}_count" for metric in RENAMED}
    new = {f"{metric.name}_count" for metric in LATEST_CATALOGUE if "inference" in metric.instrument and metric.bounds}
    there, not_there = (new, former) if latest else (former, new)
    assert there <= names
    assert not names & not_there


class _Watching(Sampler):
    """What is known of each span when it begins."""

    def __init__(self) -> None:
        self.began: list[tuple[str, dict[str, Any]]] = []

    @override
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        self.began.append((name, dict(attributes or {})))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    @override
    def get_description(self) -> str:
        return "watching"


def traced(names: SpanNames, record: AttemptRecord) -> tuple[list[tuple[str, dict[str, Any]]], list[dict[str, Any]]]:
    """What the spans of a request and of its call began with, and what the call's and the request's had in the end."""
    sampler, exporter = _Watching(), InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    observation = TracingObserver(SilentObserver(), provider, names).begin(ONE, {}, record.task)
    observation.attempt(ENDPOINT).end(record)
    observation.end(EMBEDDING if record.task is Task.EMBED else FULL)
    return sampler.began, [dict(span.attributes or {}) for span in exporter.get_finished_spans()]


@pytest.mark.parametrize("names", [FORMER_SPANS, LATEST_SPANS], ids=["former", "latest"])
@pytest.mark.parametrize("task", [Task.CHAT, Task.EMBED])
def test_what_a_sampler_decides_by_is_there_when_a_span_begins(task: Task, names: SpanNames) -> None:
    (request, _), (call, attributes) = traced(names, AttemptRecord(endpoint=ID, task=task))[0]
    operation = OPERATIONS[task]
    assert (request, call) == (operation, f"{operation} model-1")
    assert attributes == {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "mine",
        "gen_ai.request.model": "model-1",
    }
    assert attributes.keys() <= set(REGISTRY["spans"][operation]["at_creation"])


@pytest.mark.parametrize("record", [WHOLE, *ENDS])
def test_each_attribute_of_a_calls_span_is_in_the_registry_and_the_required_ones_are_there(
    record: AttemptRecord,
) -> None:
    call, request = traced(LATEST_SPANS, record)[1]
    known = REGISTRY["spans"][OPERATIONS[record.task]]
    theirs = {name for name in call if not name.startswith("gateway.")}
    assert set(known["required"]) <= theirs <= set(known["attributes"])
    assert ("error.type" in call) is (record.error is not None or record.left)
    assert not [name for name in request if name.startswith("gen_ai.")], "a request's tokens would count twice"


def test_a_calls_span_says_how_it_was_asked_how_it_ended_and_what_it_cost() -> None:
    call, request = traced(LATEST_SPANS, WHOLE)[1]
    assert call == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mine",
        "gen_ai.request.model": "model-1",
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "gateway.provider.seconds": 2.0,
    }
    assert request["gateway.endpoint"] == "mine/model-1"


def test_a_chat_that_failed_has_error_where_its_reason_would_be() -> None:
    call, _ = traced(LATEST_SPANS, AttemptRecord(endpoint=ID, error="ProviderBroken"))[1]
    assert (call["error.type"], call["gen_ai.response.finish_reasons"]) == ("ProviderBroken", ("error",))
    assert "gen_ai.request.stream" not in call


@pytest.mark.parametrize(
    ("text", "latest"),
    [("", False), ("http/dup, database", False), (OPT_IN, True), (f"http, {OPT_IN} ,database", True)],
)
async def test_the_variable_is_read_as_opentelemetry_writes_it(text: str, latest: bool) -> None:
    settings = load_settings(environ={"OTEL_SEMCONV_STABILITY_OPT_IN": text}, dotenv=None)
    assert not [fault for fault in rule_faults(settings) if "OTEL" in fault]
    telemetry = Telemetry(settings)
    telemetry.observer.begin(ONE, {}).attempt(ENDPOINT).end(WHOLE)
    assert telemetry.collect is not None
    names = {family.name for family in decode_families(telemetry.collect())}
    await telemetry.aclose()
    assert ("gen_ai_client_inference_duration_seconds" in names) is latest
    assert ("gen_ai_client_operation_duration_seconds" in names) is not latest


def test_a_misspelt_opt_in_is_a_fault() -> None:
    settings = Settings(otel_semconv_stability_opt_in=("http", "gen_ai_latest"))
    faults = [fault for fault in rule_faults(settings) if "OTEL" in fault]
    assert faults == [f"OTEL_SEMCONV_STABILITY_OPT_IN: gen_ai_latest is unknown; {OPT_IN} is not"]
