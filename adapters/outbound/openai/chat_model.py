"""Chats with a server of OpenAI's API: the calls, their patience, and nothing of what is said in them."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from typing_extensions import override

from llm_gateway.application.long_work import off_the_loop, weight_of
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, Grain, ToolMode
from llm_gateway.domain.events import ChatEvent
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint
from llm_gateway.domain.stated import stated_fields

from ..vendor_http.stream import VendorStream
from .client import CHAT, SpokenClient
from .dialects import SpokenModels
from .failures import SpokenFailures
from .translate_reply import SpokenReplyReader
from .translate_request import chat_body

_FREE = (None, ToolMode.AUTO, ToolMode.NONE)
TRAILING_SECONDS = 1.0
"""How long what may follow the answer's own end is waited for: its counts, and the mark that some servers leave out."""
DRAIN_SECONDS = 1.0
"""How long the end of a finished stream is waited for, so that its connection can serve again."""


class SpokenChatModel(ChatModel):
    """The chat models of one server. To be made inside the event loop that will use it."""

    def __init__(
        self,
        client: SpokenClient,
        clock: Clock,
        models: SpokenModels,
        *,
        first_token_seconds: float = 120.0,
        idle_seconds: float = 60.0,
        tool_silence_seconds: float = 300.0,
    ) -> None:
        self._client = client
        self._clock = clock
        self._models = models
        self._first_token_seconds = first_token_seconds
        self._idle_seconds = idle_seconds
        self._tool_silence_seconds = tool_silence_seconds

    @override
    async def events(
        self,
        to: Endpoint,
        request: ChatRequest,
        *,
        grain: Grain,
        deadline: Deadline,
        headers: Mapping[str, str],
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        model = self._models.of(to.id.model, self._clock.now())
        streamed = grain is Grain.STREAM
        body = await off_the_loop(weight_of(request), partial(chat_body, to.id, request, model, stream=streamed))
        reader = SpokenReplyReader(
            to.id,
            request.messages,
            whole=not streamed,
            forced=request.tool_choice not in _FREE,
            returns=model.dialect.returns,
        )
        late = "no answer, or no further part of one, in time"
        with SpokenFailures(to.id, self._clock.now, late, lambda: stated_fields(request), model.places):
            if not streamed:
                size, texts = _kept(await self._client.whole(CHAT, body, headers, to.locality, until=deadline.at))
                events = await off_the_loop(size, partial(reader.events, texts))
                if reader.failure is not None:
                    raise reader.failure
                yield events
                return
            first_by = min(deadline.first, self._clock.monotonic() + self._first_token_seconds)
            idle = self._tool_silence_seconds if request.tools else self._idle_seconds
            stream = self._client.stream(body, headers, to.locality, first_by=first_by, until=deadline.at, idle=idle)
            ends_by: float | None = None
            async with aclosing(stream):
                while not reader.finished:
                    if events := await _next(stream, reader):
                        yield events
                    if reader.failure is not None:
                        raise reader.failure
                    if reader.ending is not None:
                        if events or ends_by is None:
                            ends_by = self._clock.monotonic() + TRAILING_SECONDS
                        stream.first_by = ends_by  # which no comment and no empty event moves on
                    elif not reader.started:
                        stream.first_by = first_by
                await stream.drain(DRAIN_SECONDS)


def _kept(answer: bytes) -> tuple[int, Iterator[bytes]]:
    """Its size, and itself where nobody sees it who prints the locals of a frame."""
    return len(answer), iter((answer,))


async def _next(stream: VendorStream, reader: SpokenReplyReader) -> Sequence[ChatEvent]:
    """Of one read. Silence after the answer's own end, and a connection closed then, end it."""
    try:
        texts = await stream.next()
    except TimeoutError:
        if reader.ending is None:
            raise
        texts = None
    return reader.end() if texts is None else reader.events(texts)
