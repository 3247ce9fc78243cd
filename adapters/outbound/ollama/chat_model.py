"""Chats with an Ollama server: the calls, their patience, and nothing of what is said in them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from msgspec import Struct
from typing_extensions import override

from llm_gateway.application.long_work import off_the_loop, weight_of
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, Grain
from llm_gateway.domain.errors import ProviderBroken, ProviderError
from llm_gateway.domain.events import ChatEvent
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint
from llm_gateway.domain.stated import stated_fields

from ..vendor_http.client import CONNECT_SECONDS, MAX_BODY_BYTES
from .client import Clients
from .context import keep_within
from .failures import OllamaFailures
from .first_part import FirstParts
from .loading import Loaded, Loads
from .options import Options
from .rest import OllamaRest
from .translate_reply import OllamaReplyReader
from .translate_request import chat_request, encoded
from .transport import Connect, parts_of
from .version import ServerVersion
from .wire import chat_part

DRAIN_SECONDS = 1.0
"""How long the end of a finished stream is waited for, so that its connection can serve again."""


class _Asked(Struct, frozen=True):
    """A request as it goes out, what reads its answer, and what tells its failures."""

    body: bytes
    reader: OllamaReplyReader
    failures: OllamaFailures


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
        connect: Connect = OllamaRest,
    ) -> None:
        self._clock = clock
        self._options = Options(num_ctx=num_ctx, keep_alive=keep_alive)
        self._first_token_seconds = first_token_seconds
        self._idle_seconds = idle_seconds
        self._tool_silence_seconds = tool_silence_seconds
        self._clients = Clients(
            base_url,
            clock,
            connect=connect,
            api_key=api_key,
            max_body_bytes=max_body_bytes,
            connect_seconds=connect_seconds,
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
        ready = await self._loads.ready(to, min(deadline.first, self._clock.monotonic() + self._first_token_seconds))
        streamed = grain is Grain.STREAM
        translate = partial(self._asked, to, request, ready.model, streamed=streamed)
        asked = await off_the_loop(weight_of(request), translate)
        reader = asked.reader
        due = until = deadline.at + ready.waited
        if streamed:
            due = min(deadline.first + ready.waited, self._clock.monotonic() + self._first_token_seconds)
        idle = self._tool_silence_seconds if request.tools else self._idle_seconds
        try:
            with asked.failures:
                client = self._clients.of(to.locality)
                async with aclosing(client.chat(asked.body, headers, streamed=streamed, first_by=due)) as answer:
                    parts, loaded = await self._first_parts.get(to, ready.model, answer, due, chat_part)
                    answer.until, answer.idle = until + loaded, idle
                    while parts is not None:
                        if streamed:  # a read brings little
                            events = reader.events(parts)
                        else:
                            events = await off_the_loop(answer.size, partial(reader.events, parts))
                        if events:
                            yield events
                        elif not reader.heard:
                            answer.first_by = answer.due  # who says nothing is waited for no longer
                        if reader.failure is not None:
                            raise reader.failure
                        if reader.finished:
                            self._loads.answered(to, ready)
                            await answer.drain(DRAIN_SECONDS)
                            return
                        parts = parts_of(await answer.next(), chat_part)
                    raise ProviderBroken(to.id.provider, "the answer broke off before its end")
        except ProviderError as error:
            self._loads.failed(to, error, elsewhere=reader.elsewhere)
            raise

    def _asked(self, to: Endpoint, request: ChatRequest, model: Loaded, *, streamed: bool) -> _Asked:
        """Raises `ProviderRejected` for what the vendor has no form for."""
        sent = chat_request(to.id, request, self._options, stream=streamed, harmony=model.harmony)
        if model.context is not None:
            keep_within(sent.body, request, model.context)
        reader = OllamaReplyReader(
            to,
            request.messages,
            whole=not streamed,
            forced=sent.forced,
            ignored=sent.ignored,
            logprobs=_logprobs_asked(request),
            context=model.context,
        )
        shaped = isinstance(sent.body.get("format"), Mapping)
        late = "no answer, or no further part of one, in time"
        failures = OllamaFailures(to.id, self._clock.now, late, lambda: stated_fields(request), shaped)
        return _Asked(encoded(to.id, sent.body), reader, failures)


def _logprobs_asked(request: ChatRequest) -> tuple[str, ...]:
    """The paths of the fields that ask for log probabilities."""
    return ("logprobs", *(("top_logprobs",) if request.top_logprobs else ())) if request.logprobs else ()
