"""A batch is rendered as its events are one by one, and goes out in one send."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.inbound.http.common.chat_replies import EventStream
from llm_gateway.adapters.inbound.http.common.renderer import AnswerIdentity, ChatRenderer
from llm_gateway.adapters.inbound.http.native.translate import NativeRenderer
from llm_gateway.adapters.inbound.http.native.wire import ChatBody
from llm_gateway.adapters.inbound.http.openai.renderer import CompletionOptions, OpenAIRenderer
from llm_gateway.adapters.outbound.scripted.clock import settle
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.events import ChatEvent, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob

from ..openai.answers import TO, answer_of

KEEP_ALIVE = ChatRenderer.keep_alive
IDENTITY = AnswerIdentity(id="chatcmpl-1", created=1_795_000_000)
ANSWER = answer_of()
CHOSEN = ChosenLogprob(token=TokenLogprob(token="a", logprob=-1.0, raw=b"a"))
DELTAS = st.one_of(
    st.builds(TextDelta, text=st.text(max_size=4) | st.sampled_from(["\0", '"\0"', "\\", "\u2028", "word "])),
    st.builds(TextDelta, text=st.text(max_size=4), logprobs=st.just((CHOSEN,))),
    st.builds(ReasoningDelta, text=st.text(max_size=4)),
    st.builds(ToolCallDelta, index=st.integers(0, 2), arguments=st.text(max_size=4)),
)
END = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=1), model="m")


def renderer(openai: bool, one_call: bool, usage: bool) -> ChatRenderer:
    if openai:
        return OpenAIRenderer(IDENTITY, CompletionOptions(include_usage=usage, one_call=one_call, service_tier=usage))
    return NativeRenderer(IDENTITY, cast("ChatBody", None))


@given(st.lists(DELTAS, max_size=8), st.integers(1, 8), st.booleans(), st.booleans(), st.booleans())
def test_a_batch_is_rendered_as_its_events_are(
    deltas: list[Any], size: int, openai: bool, one_call: bool, usage: bool
) -> None:
    one, other = (renderer(openai, one_call, usage) for _ in range(2))
    events: list[ChatEvent] = [Started(endpoint=TO), *deltas, END]

    together = b"".join(one.deltas(events[at : at + size], ANSWER) for at in range(0, len(events), size))

    assert together == b"".join(other.delta(delta, ANSWER) for delta in deltas)


class Client:
    """What an ASGI server was given to send. It takes nothing while `open` is not set."""

    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.open.wait()
        self.messages.append(message)

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.messages if message["type"] == "http.response.body"]


async def test_frames_go_out_in_one_send_and_none_in_none() -> None:
    client = Client()
    stream = EventStream(client.send, ChatRenderer.content_type, KEEP_ALIVE)
    await stream.write(b"")
    assert not stream.begun
    await stream.write(b"data: a\n\ndata: b\n\n")
    await stream.write(b"data: c\n\n", last=True)
    assert [message["type"] for message in client.messages] == ["http.response.start", *["http.response.body"] * 2]
    assert client.bodies == [b"data: a\n\ndata: b\n\n", b"data: c\n\n"]
    assert [message["more_body"] for message in client.messages[1:]] == [True, False]


async def test_a_comment_is_due_only_where_nothing_was_sent_since_the_last_tick() -> None:
    client = Client()
    stream = EventStream(client.send, ChatRenderer.content_type, KEEP_ALIVE)
    await stream.tick()
    await stream.write(b"data: a\n\n")
    await stream.tick()
    await stream.tick()
    assert client.bodies == [KEEP_ALIVE, b"data: a\n\n", KEEP_ALIVE]


async def test_no_comment_comes_between_a_write_that_waits_and_its_end() -> None:
    client = Client()
    stream = EventStream(client.send, ChatRenderer.content_type, KEEP_ALIVE)
    client.open.clear()
    writing = asyncio.create_task(stream.write(b"data: a\n\n"))
    await settle()
    for _ in range(2):
        await stream.tick()
    client.open.set()
    await writing
    assert client.bodies == [b"data: a\n\n"]


@pytest.mark.parametrize("begun", [False, True])
async def test_a_write_waits_for_the_comment_that_is_on_its_way(begun: bool) -> None:
    client = Client()
    stream = EventStream(client.send, ChatRenderer.content_type, KEEP_ALIVE)
    if begun:
        await stream.tick()
    client.open.clear()
    commenting = asyncio.create_task(stream.tick())
    await settle()
    writing = asyncio.create_task(stream.write(b"data: a\n\n", last=True))
    await settle()
    client.open.set()
    await asyncio.gather(commenting, writing)
    assert [message["type"] for message in client.messages].count("http.response.start") == 1
    assert client.messages[0]["type"] == "http.response.start"
    assert client.bodies == [*[KEEP_ALIVE] * (1 + begun), b"data: a\n\n"]
