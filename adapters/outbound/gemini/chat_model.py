"""Gemini as a `ChatModel`: one request to the vendor, read as events."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from google.genai import types
from typing_extensions import override

from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, Grain
from llm_gateway.domain.errors import ProviderBroken, ProviderError
from llm_gateway.domain.events import ChatEvent, Finished, Started
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId

from .client import GeminiClient
from .continuation import MAX_CONTINUATIONS, not_continued, rest_of
from .models import PACKAGED, GeminiModels
from .translate_reply import GeminiReplyReader, joined
from .translate_request import VendorRequest, to_vendor
from .vendor_call import VendorCall


class GeminiChatModel(ChatModel):
    """Closing a generator closes its request at once, whether it waits, reads or is parked between two events."""

    def __init__(
        self,
        client: GeminiClient,
        clock: Clock,
        *,
        first_token_seconds: float = 120.0,
        idle_seconds: float = 60.0,
        tool_silence_seconds: float = 300.0,
        models: GeminiModels = PACKAGED,
    ) -> None:
        self._client = client
        self._models = models
        self._clock = clock
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
        asked = to_vendor(to.id, request, self._models.of(to.id.model, self._clock.now()))
        asked.config.http_options = types.HttpOptions(headers=dict(headers), extra_body=asked.body)
        idle = self._tool_silence_seconds if request.tools else self._idle_seconds
        async with aclosing(VendorCall(self._client, self._clock, to.id, deadline)) as call:
            reader = GeminiReplyReader(to.id, request)
            if grain is Grain.WHOLE:
                answer = self._whole(call, reader, to.id, asked)
            else:
                answer = self._streamed(call, reader, to.id, asked, idle)
            async with aclosing(answer) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        self._client.answering.saw(to.id.model, reader.model)
                    yield (asked.names.undone(event),)

    async def _whole(
        self, call: VendorCall, reader: GeminiReplyReader, to: EndpointId, asked: VendorRequest
    ) -> AsyncGenerator[ChatEvent, None]:
        parts = [*reader.read(await call.whole(asked))]
        for number in range(MAX_CONTINUATIONS):
            rest = rest_of(asked, reader)
            if rest is None:
                break
            try:
                chunk = await call.whole(rest)
                if not chunk.candidates:
                    raise ProviderBroken(to.provider, "the answer broke off before its end")
            except ProviderError as error:
                not_continued(to, number, error)
                reader.incomplete = True
                break
            reader.resume()
            parts += reader.read(chunk)
        finished = reader.finished()
        yield Started(endpoint=to, ignored=asked.ignored)
        for delta in joined(parts):
            yield delta
        yield finished

    async def _streamed(
        self, call: VendorCall, reader: GeminiReplyReader, to: EndpointId, asked: VendorRequest, idle: float
    ) -> AsyncGenerator[ChatEvent, None]:
        started, continued = False, 0
        first_by = min(self._clock.monotonic() + self._first_token_seconds, call.first)
        await call.open(asked)
        while True:
            patience = idle if started else first_by - self._clock.monotonic()
            chunk = await (call.last() if reader.ended else call.next(patience))
            if chunk is None:
                rest = rest_of(asked, reader) if continued < MAX_CONTINUATIONS else None
                chunk = rest and await self._first_of(call, to, rest, continued, patience, started=started)
                if chunk is None:
                    reader.incomplete = rest is not None
                    break
                reader.resume()
                continued += 1
            for delta in reader.read(chunk):
                if not started:
                    started = True
                    yield Started(endpoint=to, ignored=asked.ignored)
                yield delta
        finished = reader.finished()
        if not started:
            yield Started(endpoint=to, ignored=asked.ignored)
        yield finished

    async def _first_of(
        self, call: VendorCall, to: EndpointId, rest: VendorRequest, number: int, patience: float, *, started: bool
    ) -> types.GenerateContentResponse | None:
        """The first chunk of the rest of an answer; None where the vendor gives none, so that the answer ends here."""
        try:
            await call.open(rest)
            first = await call.next(max(patience, self._first_token_seconds) if started else patience)
            if first is None:
                raise ProviderBroken(to.provider, "the answer broke off before its end")
        except ProviderError as error:
            if not started:
                raise
            not_continued(to, number, error)
            return None
        return first
