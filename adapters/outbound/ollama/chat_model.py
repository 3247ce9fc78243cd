"""Chats with an Ollama server: the calls, their patience, and nothing of what is said in them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress

from typing_extensions import override

from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, Grain
from llm_gateway.domain.errors import ProviderBroken, ProviderError
from llm_gateway.domain.events import ChatEvent
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint
from llm_gateway.domain.stated import stated_fields

from .client import CONNECT_SECONDS, MAX_BODY_BYTES, Clients
from .context import keep_within, within
from .failures import OllamaFailures
from .first_part import FirstParts
from .loading import Loads
from .options import Options
from .translate_reply import OllamaReplyReader
from .translate_request import chat_request, encoded
from .vendor import ChatPart
from .version import ServerVersion

DRAIN_SECONDS = 1.0
"""How long the end of a finished stream is waited for, so that its connection can serve again."""


class OllamaChatModel(ChatModel):
    """The chat models of one server.

    A model that is not loaded is loaded first, which has a budget of its own: the deadline that a call is given is
    moved on by the seconds that the call waited for a load, and a stream's clocks start after it. To be made inside
    the event loop that will use it. `version` is the server's, for all who ask it.
    """

    def __init__(
        self,
        *,
        base_url: str,
        clock: Clock,
        num_ctx: int | None = None,
        keep_alive: str | None = None,
        api_key: str | None = None,
        first_token_seconds: float = 120.0,
        idle_seconds: float = 60.0,
        tool_silence_seconds: float = 300.0,
        load_seconds: float = 300.0,
        max_body_bytes: int = MAX_BODY_BYTES,
        connect_seconds: float = CONNECT_SECONDS,
        version: ServerVersion | None = None,
    ) -> None:
        self._clock = clock
        self._options = Options(num_ctx=num_ctx, keep_alive=keep_alive)
        self._first_token_seconds = first_token_seconds
        self._idle_seconds = idle_seconds
        self._tool_silence_seconds = tool_silence_seconds
        self._clients = Clients(
            base_url, api_key=api_key, max_body_bytes=max_body_bytes, connect_seconds=connect_seconds
        )
        self._loads = Loads(self._clients, self._options, clock, load_seconds, version=version or ServerVersion())
        self._first_parts = FirstParts(self._loads, self._clients, clock, load_seconds)

    async def aclose(self) -> None:
        await self._loads.aclose()
        await self._clients.aclose()

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
        look_until = min(deadline.first, self._clock.monotonic() + self._first_token_seconds)
        ready = await self._loads.ready(to, look_until)
        streamed = grain is Grain.STREAM
        context = ready.model.context
        sent = chat_request(to.id, request, self._options, stream=streamed, harmony=ready.model.harmony)
        if context is not None:
            keep_within(sent.body, request, context)
        body = encoded(to.id, sent.body)
        reader = OllamaReplyReader(
            to,
            request.messages,
            whole=not streamed,
            forced=sent.forced,
            ignored=sent.ignored,
            logprobs=_logprobs_asked(request),
        )
        limit = until = deadline.at + ready.waited
        if streamed:
            limit = min(deadline.first + ready.waited, self._clock.monotonic() + self._first_token_seconds)
        idle = self._tool_silence_seconds if request.tools else self._idle_seconds
        shaped = isinstance(sent.body.get("format"), Mapping)
        late = "no answer, or no further part of one, in time"
        try:
            with OllamaFailures(to.id, self._clock.now, late, shaped, lambda: stated_fields(request)):
                parts = await self._clients.of(to.locality).parts(body, headers, stream=streamed)
                async with aclosing(parts):
                    part, loaded = await self._first_parts.get(to, ready.model, anext(parts, None), limit)
                    limit, until = limit + loaded, until + loaded
                    while True:
                        if part is None:
                            raise ProviderBroken(to.id.provider, "the answer broke off before its end")
                        events = reader.events(part)
                        if reader.heard:
                            given = self._clock.monotonic()
                            if events:
                                yield [within(event, context) for event in events]
                            now = self._clock.monotonic()
                            until += now - given  # the reader's time is not the model's
                            limit = min(until, now + idle)
                        if reader.finished:
                            break
                        async with self._clock.timeout_at(limit):
                            part = await anext(parts, None)
                    self._loads.answered(to, ready)
                    await self._drain(parts)
        except ProviderError as error:
            self._loads.failed(to, error, elsewhere=reader.elsewhere)
            raise

    async def _drain(self, parts: AsyncGenerator[ChatPart, None]) -> None:
        """Whatever comes after the end, the answer was whole."""
        with suppress(Exception):
            async with self._clock.timeout_at(self._clock.monotonic() + DRAIN_SECONDS):
                await anext(parts, None)


def _logprobs_asked(request: ChatRequest) -> tuple[str, ...]:
    """The paths of the fields that ask for log probabilities."""
    return ("logprobs", *(("top_logprobs",) if request.top_logprobs else ())) if request.logprobs else ()
