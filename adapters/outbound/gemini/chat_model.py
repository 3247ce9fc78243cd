"""Gemini as a `ChatModel`: one request to the vendor, read as events."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from typing_extensions import override

from llm_gateway.application.long_work import off_the_loop, weight_of
from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, Grain
from llm_gateway.domain.errors import ProviderBroken, ProviderError
from llm_gateway.domain.events import ChatEvent, Started
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId

from .client import GeminiClient
from .continuation import MAX_CONTINUATIONS, not_continued, rest_of
from .models import PACKAGED, GeminiModels
from .streamed_answer import StreamedAnswer
from .translate_reply import GeminiReplyReader, joined
from .translate_request import VendorRequest, to_vendor
from .vendor_call import VendorCall


class GeminiChatModel(ChatModel):
    """Closing a generator closes its request at once, whether it waits, reads or is parked between two batches."""

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
        model = self._models.of(to.id.model, self._clock.now())
        asked = await off_the_loop(weight_of(request), partial(to_vendor, to.id, request, model))
        reader = GeminiReplyReader(to.id, request, asked.names)
        async with aclosing(VendorCall(self._client, self._clock, to.id, deadline, headers)) as call:
            if grain is Grain.WHOLE:
                whole = await self._whole(call, reader, to.id, asked)
                self._client.answering.saw(to.id.model, reader.model)
                yield whole
                return
            answer = StreamedAnswer(
                call,
                reader,
                to.id,
                asked,
                self._clock,
                first_token_seconds=self._first_token_seconds,
                idle_seconds=self._tool_silence_seconds if request.tools else self._idle_seconds,
            )
            await call.open(asked)
            while not answer.finished:
                events = await answer.next()
                if answer.finished:
                    self._client.answering.saw(to.id.model, reader.model)
                yield events

    @override
    async def count(
        self, to: Endpoint, request: ChatRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> int | None:
        model = self._models.of(to.id.model, self._clock.now())
        asked = await off_the_loop(weight_of(request), partial(to_vendor, to.id, request, model))
        counted = await VendorCall(self._client, self._clock, to.id, deadline, headers).counted(asked)
        return counted.total_tokens

    async def _whole(
        self, call: VendorCall, reader: GeminiReplyReader, to: EndpointId, asked: VendorRequest
    ) -> Sequence[ChatEvent]:
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
        return [Started(endpoint=to, ignored=asked.ignored), *joined(parts), reader.finished()]
