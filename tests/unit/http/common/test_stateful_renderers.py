"""A renderer may keep what it said, opens its answer once, and keeps a stream alive in its family's way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from msgspec import json
from typing_extensions import override

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace, StreamReply
from llm_gateway.adapters.inbound.http.common.presence import Presence
from llm_gateway.adapters.inbound.http.common.renderer import ChatRenderer, TextFrame
from llm_gateway.adapters.inbound.http.common.request_context import RequestContext
from llm_gateway.adapters.inbound.http.common.requests import Bodies, Share
from llm_gateway.adapters.inbound.http.routes import NATIVE_ERRORS
from llm_gateway.application.answer_chat import Answer
from llm_gateway.application.records import CacheStatus, RequestId
from llm_gateway.domain.chat import ChatReply, FinishReason, Usage
from llm_gateway.domain.errors import InvalidRequest, ProviderBroken, ProviderRejected
from llm_gateway.domain.events import ChatEvent, Delta, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta
from llm_gateway.domain.quota import Decision

from ..openai.answers import TO, answer_of

ANSWER = answer_of()
END: ChatEvent = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=1), model="m")


class Blocks(ChatRenderer):
    """Lines: blocks that open and close, of which a text's is numbered."""

    content_type = b"application/x-ndjson"
    keep_alive = b"{}\n"

    def __init__(self) -> None:
        self.open = ""
        self.made = 0

    @override
    def whole(self, reply: ChatReply, answer: Answer) -> bytes:
        return b""

    @override
    def opening(self, answer: Answer) -> bytes:
        return b"open\n"

    @override
    def text_frame(self, answer: Answer) -> Callable[[str], bytes] | None:
        return self._text if self.open == "text" else None

    def _text(self, text: str) -> bytes:
        self.made += 1
        return b"%d %b\n" % (self.made, text.encode())

    @override
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        kind = {TextDelta: "text", ReasoningDelta: "thought", ToolCallDelta: "call"}[type(delta)]
        between = b"" if kind == self.open else b"(%b\n" % kind.encode()
        self.open = kind
        return between + (self._text(delta.text) if isinstance(delta, TextDelta) else b".\n")

    @override
    def done(self, reply: ChatReply, answer: Answer) -> bytes:
        return b"done\n"

    @override
    def failed(self, error: Exception, request_id: str) -> bytes:
        return f"failed {error}\n".encode()


EVENTS: list[ChatEvent] = [
    Started(endpoint=TO),
    TextDelta(text="a"),
    TextDelta(text="b"),
    ReasoningDelta(text="hm"),
    TextDelta(text="c"),
    TextDelta(text="d"),
    ToolCallDelta(index=0, id="1", name="f", arguments="{}"),
    ToolCallDelta(index=0, arguments="{}"),
    TextDelta(text="e"),
]
LINES = b"open\n(text\n1 a\n2 b\n(thought\n.\n(text\n3 c\n4 d\n(call\n.\n.\n(text\n5 e\n"


@pytest.mark.parametrize("size", range(1, len(EVENTS) + 1))
def test_a_block_change_takes_the_fast_path_away(size: int) -> None:
    renderer = Blocks()
    frames = [renderer.deltas(EVENTS[at : at + size], ANSWER) for at in range(0, len(EVENTS), size)]
    assert b"".join(frames) == LINES


def test_a_text_frame_is_what_was_made_of_it() -> None:
    frame = TextFrame(lambda text: b'{"a":"\\u0001","t":%b}' % json_of(text))
    assert frame('\0"\\') == b'{"a":"\\u0001","t":%b}' % json_of('\0"\\')


def json_of(text: str) -> bytes:
    return json.encode(text)


class Asked:
    """An answer whose events come when the test says so."""

    endpoint = TO
    cache = CacheStatus.MISS
    ready = False
    queued = None
    decision = Decision(allowed=True)
    ignored: tuple[str, ...] = ("tools[2].function.strict", "tools[8] web_search")

    def __init__(self) -> None:
        self.coming: asyncio.Queue[list[ChatEvent] | Exception] = asyncio.Queue()

    async def take(self, hand: object) -> list[ChatEvent]:
        batch = await self.coming.get()
        if isinstance(batch, Exception):
            raise batch
        return batch

    async def reply(self) -> ChatReply:
        usage = Usage(prompt_tokens=1, completion_tokens=1)
        return ChatReply(endpoint=TO, model="m", finish_reason=FinishReason.STOP, usage=usage)


class Streamed:
    """One answer on its way, as a server sends it."""

    def __init__(self) -> None:
        self.asked = Asked()
        self.sent: list[Mapping[str, Any]] = []
        self.context = RequestContext(
            RequestId("r"),
            NATIVE_ERRORS,
            {},
            Share(Bodies(1)),
            Presence(sent=True),
            own_path=lambda path: f"own {path}",
        )
        self.came = asyncio.Event()

    @asynccontextmanager
    async def ask(self) -> AsyncIterator[Answer]:
        yield cast("Answer", self.asked)

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.came.set()

    async def run(self, seconds: float) -> None:
        reply = StreamReply(self.context, self.ask, Blocks(), Pace(keep_alive=seconds))
        await reply(cast("Any", {}), cast("Any", None), self.send)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


async def test_the_opening_comes_first_also_after_a_long_wait() -> None:
    streamed = Streamed()
    running = asyncio.create_task(streamed.run(0.01))
    await streamed.came.wait()
    streamed.asked.coming.put_nowait(EVENTS)
    streamed.asked.coming.put_nowait([END])
    await running
    assert dict(streamed.sent[0]["headers"])[b"content-type"] == b"application/x-ndjson"
    waited, _, rest = streamed.body.partition(b"open\n")
    assert waited == b"{}\n" * (len(waited) // 3)
    assert waited
    assert rest.replace(b"{}\n", b"") == LINES.removeprefix(b"open\n") + b"done\n"
    presence = streamed.context.presence
    assert presence is not None
    assert presence.idle_part == b"{}\n"


async def test_a_failure_after_the_wait_is_in_the_family_s_frame_and_at_its_paths() -> None:
    streamed = Streamed()
    running = asyncio.create_task(streamed.run(0.01))
    await streamed.came.wait()
    streamed.asked.coming.put_nowait(ProviderRejected("gemini", "no", path="tools[0]"))
    await running
    assert streamed.body.replace(b"{}\n", b"") == b"failed gemini: own tools[0]: no\n"


async def test_a_failure_before_anything_is_raised() -> None:
    streamed = Streamed()
    streamed.asked.coming.put_nowait(ProviderBroken("gemini", "no"))
    with pytest.raises(ProviderBroken):
        await streamed.run(60)
    assert streamed.sent == []


async def test_what_had_no_effect_is_named_by_the_paths_that_were_sent() -> None:
    streamed = Streamed()
    batches: list[list[ChatEvent]] = [EVENTS, [END]]
    for batch in batches:
        streamed.asked.coming.put_nowait(batch)
    await streamed.run(60)
    assert streamed.context.headers[b"x-gateway-ignored"] == b"own tools[2].function.strict, own tools[8] web_search"


def test_native_and_openai_s_are_server_sent_events_with_comments() -> None:
    assert ChatRenderer.content_type == b"text/event-stream; charset=utf-8"
    assert ChatRenderer.keep_alive == b": keep-alive\n\n"


def test_an_invalid_request_is_told_as_it_is_where_the_surface_renames_nothing() -> None:
    error = InvalidRequest.at("max_tokens", "no")
    assert RequestContext(RequestId("r"), NATIVE_ERRORS, {}, Share(Bodies(1))).own_error(error) is error
