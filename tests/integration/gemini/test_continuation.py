"""An answer that the vendor cuts at its own limit for one request goes on by its token, as one answer."""

import asyncio
from collections.abc import Mapping

import pytest

from llm_gateway.adapters.outbound.gemini.continuation import MAX_CONTINUATIONS
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.domain.chat import FinishReason, Grain, Usage
from llm_gateway.domain.errors import ProviderBroken, ProviderUnavailable
from llm_gateway.domain.events import Finished, Started, collect
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import BEFORE_THE_HEAD, Answer, Cut, whole
from ..waiting import eventually
from .calls import PROMPT, TO, ask, events_of, request, served
from .modes import Pieces
from .payloads import refusal, said, stream

pytestmark = pytest.mark.usefixtures("carrier")

GOES_ON = Endpoint(id=EndpointId(provider="gemini", model="gemini-4-argon"), locality=Locality.CLOUD)
"""A model whose vendor takes such a token; others ignore it."""
COUNTS = {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 2}


def pieces(*texts: str, usage: Mapping[str, int] | None = COUNTS) -> Pieces:
    return Pieces(*([{"text": text}] for text in texts), usage=usage)


@pytest.mark.parametrize("grain", Grain)
async def test_a_cut_answer_goes_on_to_its_end(grain: Grain) -> None:
    async with served(pieces("One ", "two ", "three.")) as (server, model):
        told = await events_of(model, request(max_tokens=100_000), to=GOES_ON, grain=grain)
        assert not server.ignored
        assert [type(event) for event in told].count(Started) == 1
        assert len(server.asked) == 3
        assert server.connections == 1
        assert await server.quiet() == 0
    assert told[-1] == Finished(
        reason=FinishReason.STOP,
        usage=Usage(prompt_tokens=30, completion_tokens=21, reasoning_tokens=6),
        model="gemini-3.5-flash",
        requests=3,
    )
    assert "".join(getattr(event, "text", "") for event in told) == "One two three."


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize(("max_tokens", "asked"), [(7, 1), (8, 2), (14, 2)])
async def test_it_goes_no_further_than_the_request_allows(grain: Grain, max_tokens: int, asked: int) -> None:
    async with served(pieces("a", "b", "c")) as (server, model):
        reply = await collect(ask(model, request(max_tokens=max_tokens), grain=grain))
        assert (reply.content, len(server.asked)) == ("abc"[:asked], asked)
    assert reply.finish_reason is FinishReason.LENGTH
    assert reply.usage.completion_tokens == 7 * asked


@pytest.mark.parametrize("grain", Grain)
async def test_it_goes_on_a_bounded_number_of_times(grain: Grain) -> None:
    async with served(pieces(*["a"] * 100, usage=None)) as (server, model):
        reply = await collect(ask(model, grain=grain))
        assert len(server.asked) == MAX_CONTINUATIONS + 1
    assert (reply.finish_reason, reply.usage.estimated, reply.incomplete) == (FinishReason.LENGTH, True, False)


@pytest.mark.parametrize("grain", Grain)
async def test_without_a_token_it_ends_at_the_limit(grain: Grain) -> None:
    piece = said({"text": "a"}, finish="CONTINUATION")
    async with served(stream(piece) if grain is Grain.STREAM else whole(piece)) as (server, model):
        assert (await collect(ask(model, grain=grain))).finish_reason is FinishReason.LENGTH
        assert len(server.asked) == 1


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("fault", [stream(), refusal(400, message=PROMPT), refusal(503), Answer((Cut(),), status=0)])
async def test_where_the_rest_does_not_come_the_answer_ends_at_the_limit(
    grain: Grain, fault: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(pieces("a", "b"), fault) as (server, model):
        reply = await collect(ask(model, grain=grain))
        assert len(server.asked) == 2
        assert await server.quiet() == 0
    assert (reply.content, reply.finish_reason, reply.incomplete) == ("a", FinishReason.LENGTH, True)
    assert TO.name in caplog.text
    assert PROMPT not in caplog.text


@pytest.mark.parametrize("grain", Grain)
async def test_where_the_deadline_passes_the_answer_ends_at_the_limit(grain: Grain) -> None:
    clock = ScriptedClock()
    async with served(pieces("a", "b"), BEFORE_THE_HEAD, clock=clock) as (server, model):
        asking = asyncio.create_task(collect(ask(model, grain=grain, clock=clock, seconds=100)))
        await server.parked.wait()
        await clock.advance(101)
        reply = await asking
        await eventually(server.left.is_set)
    assert (reply.content, reply.finish_reason) == ("a", FinishReason.LENGTH)


async def test_a_rest_that_breaks_off_is_broken() -> None:
    async with served(pieces("a", "b"), stream(said({"text": "b"}))) as (_, model):
        with pytest.raises(ProviderBroken):
            await collect(ask(model))


async def test_before_anything_was_said_a_rest_that_does_not_come_is_a_failure() -> None:
    async with served(pieces("", "b"), refusal(503)) as (_, model):
        with pytest.raises(ProviderUnavailable):
            await collect(ask(model))
