"""Tool loops with Gemini: parallel calls, and signatures that come back as they went out, or the vendor says 400."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatReply,
    ChatRequest,
    FinishReason,
    Grain,
    JsonObject,
    Message,
    Text,
    Tool,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.events import collect

from .calls import ask, events_of, request, served
from .payloads import SignedTools

pytestmark = pytest.mark.usefixtures("carrier")

SIGNATURE = bytes(range(256))
TURNS = 3


def turn(number: int) -> list[dict[str, Any]]:
    """Two calls at once, of which the vendor signs the first."""
    signed = b64encode(SIGNATURE + bytes([number])).decode()
    return [
        {"functionCall": {"id": f"{number}a", "name": "add", "args": {"n": number}}, "thoughtSignature": signed},
        {"functionCall": {"id": f"{number}b", "name": "now", "args": {}}},
    ]


def vendor(or_else: bytes | None = None) -> SignedTools:
    return SignedTools([turn(number) for number in range(TURNS)], "Done.", or_else=or_else)


def back(reply: ChatReply) -> tuple[Message, ...]:
    """What a client sends on: the answer as it came, and a result for each of its calls."""
    said = AssistantMessage(tool_calls=reply.tool_calls, extra_content=reply.extra_content)
    return said, *(ToolMessage(content=(Text(text="1"),), tool_call_id=call.id) for call in reply.tool_calls)


def chat(messages: Sequence[Message]) -> ChatRequest:
    return request(*messages, tools=(Tool(name="add"), Tool(name="now")))


@pytest.mark.parametrize("grain", Grain)
async def test_a_loop_of_three_turns_with_parallel_calls(grain: Grain) -> None:
    messages: list[Message] = [UserMessage(content=(Text(text="Go."),))]
    async with served(vendor()) as (server, model):
        for number in range(TURNS):
            reply = await collect(ask(model, chat(messages), grain=grain))
            assert reply.finish_reason is FinishReason.TOOL_CALLS
            assert [(call.id, call.name) for call in reply.tool_calls] == [(f"{number}a", "add"), (f"{number}b", "now")]
            messages += back(reply)
        assert (await collect(ask(model, chat(messages), grain=grain))).content == "Done."
        assert len(server.asked) == TURNS + 1


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("given", [None, {"google": {"thought_signature": "c3BvaWxlZA=="}}], ids=["missing", "changed"])
async def test_the_vendor_says_400_where_a_signature_is_spoiled(grain: Grain, given: JsonObject | None) -> None:
    start = UserMessage(content=(Text(text="Go."),))
    async with served(vendor()) as (_, model):
        reply = await collect(ask(model, chat([start]), grain=grain))
        calls = tuple(replace(call, extra_content=given) for call in reply.tool_calls)
        with pytest.raises(ProviderRejected):
            await events_of(model, chat([start, *back(replace(reply, tool_calls=calls))]), grain=grain)


@pytest.mark.parametrize("grain", Grain)
async def test_a_loop_whose_client_loses_signatures_goes_on_with_what_the_vendor_takes_for_none(grain: Grain) -> None:
    messages: list[Message] = [UserMessage(content=(Text(text="Go."),))]
    async with served(vendor(or_else=b"skip_thought_signature_validator")) as (_, model):
        for _ in range(TURNS):
            reply = await collect(ask(model, chat(messages), grain=grain))
            lost = tuple(replace(call, extra_content=None) for call in reply.tool_calls)
            messages += back(replace(reply, tool_calls=lost))
        assert (await collect(ask(model, chat(messages), grain=grain))).content == "Done."
