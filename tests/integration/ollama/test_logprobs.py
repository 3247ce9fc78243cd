"""Log probabilities as an Ollama tells them: those of the text's tokens, and no others."""

from typing import Any

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.domain.chat import Grain, NamedTool, Tool
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import Started, TextDelta

from ..scripted_vendor import whole
from .server import OllamaServer, end, line, stream, token
from .test_chat import GRAINS, PLAIN, ask, reply_of

pytestmark = pytest.mark.usefixtures("each_transport")

ASKED = replace(PLAIN, logprobs=True)
THOUGHT = [token("<think>"), token("Hm"), token("</think>")]


def told(*tokens: dict[str, object], thinking: str | None = None, content: str = "") -> dict[str, Any]:
    more = {} if thinking is None else {"thinking": thinking}
    return line(content, logprobs=list(tokens), **more)


async def test_each_delta_has_those_of_its_own_tokens(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(told(token("Hi", "Hi", "Yo"), content="Hi"), told(token("!"), content="!"), end())]
    request = replace(ASKED, top_logprobs=2)
    deltas = [event async for event in ask(model, request) if isinstance(event, TextDelta)]
    assert [[one.token.token for one in delta.logprobs] for delta in deltas] == [["Hi"], ["!"]]
    (first,) = deltas[0].logprobs
    assert (first.token.logprob, first.token.raw) == (-0.5, b"Hi")
    assert [(one.token, one.logprob) for one in first.top] == [("Hi", -1.5), ("Yo", -1.5)]
    assert (server.chats()[0].body["logprobs"], server.chats()[0].body["top_logprobs"]) == (True, 2)


async def test_text_that_is_held_back_comes_with_the_tokens_before_it(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.scripts = [stream(told(token("é")), told(token("<")), told(token("b"), content="<b"), end())]
    reply = await reply_of(model, ASKED)
    assert reply.content == "<b"
    assert [one.token.token for one in reply.logprobs] == ["<", "b"]


async def test_those_of_thoughts_are_left_out_of_a_stream(server: OllamaServer, model: OllamaChatModel) -> None:
    first, thought, last = THOUGHT
    server.scripts = [
        stream(told(first), told(thought, thinking="Hm"), told(last), told(token("Yes"), content="Yes"), end())
    ]
    reply = await reply_of(model, ASKED)
    assert (reply.reasoning, reply.content) == ("Hm", "Yes")
    assert [one.token.token for one in reply.logprobs] == ["Yes"]


async def test_those_of_thoughts_are_left_out_of_a_whole_answer(server: OllamaServer, model: OllamaChatModel) -> None:
    message = {"role": "assistant", "thinking": "Hm", "content": "Yes."}
    server.scripts = [whole(end() | {"message": message, "logprobs": [*THOUGHT, token("Yes"), token(".")]})]
    reply = await reply_of(model, ASKED, Grain.WHOLE)
    assert [one.token.token for one in reply.logprobs] == ["Yes", "."]


async def test_half_a_character_is_told_by_its_bytes(server: OllamaServer, model: OllamaChatModel) -> None:
    halves = [{"token": "\ufffd", "logprob": -1.0, "bytes": [byte]} for byte in "é".encode()]
    server.scripts = [stream(told(halves[0]), told(halves[1], content="é"), end())]
    reply = await reply_of(model, ASKED)
    assert b"".join(one.token.raw or b"" for one in reply.logprobs).decode() == reply.content == "é"


@GRAINS
async def test_nothing_is_asked_and_nothing_told_where_nothing_was_wanted(
    server: OllamaServer, model: OllamaChatModel, grain: Grain
) -> None:
    said = {"message": {"role": "assistant", "content": "Hi"}}
    server.scripts = [whole(end() | said) if grain is Grain.WHOLE else stream(line("Hi"), end())]
    reply = await reply_of(model, PLAIN, grain)
    assert (reply.logprobs, reply.ignored) == ((), ())
    assert not {"logprobs", "top_logprobs"} & server.chats()[0].body.keys()


@pytest.mark.parametrize(("top", "named"), [(None, ("logprobs",)), (3, ("logprobs", "top_logprobs"))])
async def test_a_server_that_tells_none_is_named(
    server: OllamaServer, model: OllamaChatModel, top: int | None, named: tuple[str, ...]
) -> None:
    server.version = "0.12.10"
    started = await anext(ask(model, replace(ASKED, top_logprobs=top)))
    assert isinstance(started, Started)
    assert started.ignored == named
    assert server.dropped == set(named)
    server.dropped.clear()


async def test_a_call_that_is_forced_has_no_text_to_tell_of(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(line('{"n":1}'), end())]
    tool = Tool(name="add", parameters={"type": "object"})
    reply = await reply_of(model, replace(ASKED, tools=(tool,), tool_choice=NamedTool(name="add")))
    assert (reply.ignored, reply.logprobs) == (("logprobs",), ())
    assert "logprobs" not in server.chats()[0].body


async def test_a_byte_that_is_none_breaks_the_answer(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(told({"token": "a", "logprob": -1.0, "bytes": [300]}, content="a"), end())]
    with pytest.raises(ProviderBroken):
        await reply_of(model, ASKED)
