"""Gemini through the real SDK on a real socket: what is sent, and what is told of the answer."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import ChatRequest, FinishReason, Grain, ReasoningEffort, Text, Usage, UserMessage
from llm_gateway.domain.errors import ProviderUnavailable
from llm_gateway.domain.events import Finished, ReasoningDelta, Started, TextDelta, collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Answer, Asked, whole
from ..waiting import HANG_SECONDS
from .calls import HELLO, KEY, TO, WORLD, ask, events_of, request, served
from .payloads import refusal, respelled, said, stream

pytestmark = pytest.mark.usefixtures("carrier")

GOLDEN = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[2] / "unit/gemini/golden").glob("request_*.json"))
}


PLANNED = frozenset({"G4"})
"""The plan passes over a model that refuses penalties: the adapter sends those that it is given."""


async def test_a_stream_is_told_as_it_comes() -> None:
    async with served(stream(HELLO, WORLD)) as (server, model):
        assert await events_of(model) == [
            Started(endpoint=TO.id),
            TextDelta(text="Hel"),
            TextDelta(text="lo"),
            Finished(
                reason=FinishReason.STOP,
                usage=Usage(prompt_tokens=3, completion_tokens=2),
                model="gemini-3.5-flash",
            ),
        ]
        asked = server.asked[0]
        assert asked.path == "/v1beta/models/gemini-flash-latest:streamGenerateContent?alt=sse"
        assert asked.headers["x-goog-api-key"] == KEY
        assert asked.headers["traceparent"] == "00-1"


async def test_a_whole_answer_is_one_unary_call_and_one_delta_of_a_kind() -> None:
    parts = ({"text": "a ", "thought": True}, {"text": "thought", "thought": True}, {"text": "Hel"}, {"text": "lo"})
    async with served(whole(said(*parts, finish="STOP"))) as (server, model):
        chat = request(reasoning_effort=ReasoningEffort.HIGH)
        assert (await events_of(model, chat, grain=Grain.WHOLE))[:-1] == [
            Started(endpoint=TO.id),
            ReasoningDelta(text="a thought"),
            TextDelta(text="Hello"),
        ]
        assert server.asked[0].path == "/v1beta/models/gemini-flash-latest:generateContent"


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("golden", GOLDEN.values(), ids=GOLDEN)
async def test_what_is_asked_reaches_the_vendor(
    golden: dict[str, Any], grain: Grain, caplog: pytest.LogCaptureFixture
) -> None:
    answer = whole(WORLD) if grain is Grain.WHOLE else stream(WORLD)
    async with served(answer) as (server, model):
        server.vendor.waived = PLANNED
        await events_of(model, msgspec.convert(golden["request"], ChatRequest), grain=grain)
    sent = server.asked[0].body
    for field in ("contents", "systemInstruction", "tools", "toolConfig"):
        assert sent.get(field) == golden["body"].get(field)
    assert not caplog.records


async def test_one_connection_serves_call_after_call() -> None:
    async with served(stream(HELLO, WORLD), whole(WORLD), refusal(503), stream(HELLO, WORLD)) as (server, model):
        await events_of(model)
        await events_of(model, grain=Grain.WHOLE)
        with pytest.raises(ProviderUnavailable):
            await events_of(model)
        await events_of(model)
        assert server.connections == 1


FOLDER = Path(__file__).parents[2] / "unit" / "gemini" / "golden"
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("request_*.json"))}


@pytest.mark.parametrize("name", GOLDEN)
async def test_the_golden_requests_reach_the_wire_unchanged(name: str) -> None:
    golden = GOLDEN[name]
    to = Endpoint(id=EndpointId(provider="gemini", model=golden["model"]), locality=Locality.CLOUD)
    async with served(stream(WORLD)) as (server, model):
        server.vendor.waived = PLANNED
        deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
        chat = msgspec.convert(golden["request"], ChatRequest)
        await collect(flattened(model.events(to, chat, grain=Grain.STREAM, deadline=deadline, headers={})))
        assert respelled(server.asked[0].body) == golden["body"]


async def test_calls_at_the_same_time_do_not_meet() -> None:
    def echo(asked: Asked) -> Answer:
        return stream(said(asked.body["contents"][0]["parts"][0]), said(finish="STOP"))

    async with served(echo) as (_, model):

        async def one(number: int) -> None:
            reply = await collect(ask(model, request(UserMessage(content=(Text(text=f"number {number}"),)))))
            assert reply.content == f"number {number}"

        await asyncio.gather(*(one(number) for number in range(200)))


@pytest.mark.parametrize("grain", Grain)
async def test_a_blocked_prompt_is_an_empty_answer(grain: Grain) -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    async with served(stream(blocked) if grain is Grain.STREAM else whole(blocked)) as (_, model):
        told = await events_of(model, grain=grain)
        assert [type(event) for event in told] == [Started, Finished]
        assert isinstance(told[1], Finished)
        assert told[1].reason is FinishReason.CONTENT_FILTER
        assert told[1].usage.prompt_tokens == 4
