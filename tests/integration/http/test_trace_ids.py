"""The log's line of a request names the span that was recorded of it, at every door and however the request ended."""

from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from typing_extensions import override

from llm_gateway.adapters.outbound.telemetry.silent import SilentObserver
from llm_gateway.adapters.outbound.telemetry.tracing import TracingObserver
from llm_gateway.application.ports.observation import AccessLog
from llm_gateway.application.records import RequestId, RequestRecord, TraceIds
from llm_gateway.testing import ScriptedChatModel
from llm_gateway.testing.contracts.observer import TRACE

from ..waiting import eventually
from .served import KEY, Served, chat, serve, stopped_clock

CHAT = {"messages": [{"role": "user", "content": "Hello"}], "model": "ollama", "max_tokens": 9}
DOORS: Mapping[str, Mapping[str, object]] = {
    "/api/v1/chat": chat("Hello"),
    "/v1/chat/completions": CHAT,
    "/v1/messages": CHAT,
    "/v1/responses": {"model": "ollama", "input": "Hello"},
    "/api/chat": CHAT,
    "/v1/embeddings": {"model": "nobody", "input": "Hello"},
}


class KeptLines(AccessLog):
    """The status of each answered request, and the ids that its line has."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, TraceIds | None]] = []

    @override
    def answered(
        self, request: RequestId, method: str, route: str, status: int, seconds: float, record: RequestRecord | None
    ) -> None:
        self.lines.append((status, record.trace if record else None))


@pytest.fixture
def log() -> KeptLines:
    return KeptLines()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest_asyncio.fixture
async def traced(log: KeptLines, spans: InMemorySpanExporter) -> AsyncGenerator[Served, None]:
    provider = TracerProvider(sampler=ParentBased(ALWAYS_ON), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    model = ScriptedChatModel(stopped_clock())
    overrides = {"observer": TracingObserver(SilentObserver(), provider)}
    async with serve({"ollama": model}, overrides=overrides, access_log=log, ollama_door=True) as served:
        yield served


def recorded(spans: InMemorySpanExporter) -> set[tuple[str, str]]:
    """The ids of the spans of requests."""
    contexts = [span.context for span in spans.get_finished_spans() if "gateway.request.id" in (span.attributes or {})]
    return {(f"{context.trace_id:032x}", f"{context.span_id:016x}") for context in contexts if context}


@pytest.mark.parametrize("key", [KEY, "nobody's key"], ids=["known", "unknown"])
async def test_a_line_has_the_ids_of_its_span_at_every_door(
    traced: Served, log: KeptLines, spans: InMemorySpanExporter, key: str
) -> None:
    for path, body in DOORS.items():
        await traced.client.post(path, json=body, headers={"x-api-key": key} | TRACE)
    await eventually(lambda: len(log.lines) == len(DOORS))
    named = {(ids.trace_id, ids.span_id) for _, ids in log.lines if ids}
    assert len(named) == len(DOORS)
    assert named == recorded(spans)
    assert {trace for trace, _ in named} == {TRACE["traceparent"].split("-")[1]}
    assert {status == 401 for status, _ in log.lines[:-1]} == {key != KEY}


async def test_a_line_has_none_where_no_span_is_recorded(
    traced: Served, log: KeptLines, spans: InMemorySpanExporter
) -> None:
    unsampled = {"traceparent": TRACE["traceparent"].removesuffix("01") + "00"}
    await traced.client.post("/api/v1/chat", json=chat("Hello"), headers=unsampled)
    await traced.client.get("/health", headers=TRACE)
    await eventually(lambda: len(log.lines) == 2)
    assert [ids for _, ids in log.lines] == [None, None]
    assert not recorded(spans)
