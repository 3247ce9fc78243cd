"""Gemini as a `ChatModel`: one request to the vendor, read as events."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from google.genai import types
from typing_extensions import override

from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, Grain
from llm_gateway.domain.events import ChatEvent, Started
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId

from .client import GeminiClient
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
    ) -> AsyncGenerator[ChatEvent, None]:
        asked = to_vendor(to.id, request, self._models.of(to.id.model, self._clock.now()))
        asked.config.http_options = types.HttpOptions(headers=dict(headers), extra_body=asked.body)
        idle = self._tool_silence_seconds if request.tools else self._idle_seconds
        async with aclosing(VendorCall(self._client, self._clock, to.id, deadline)) as call:
            whole = grain is Grain.WHOLE
            answer = self._whole(call, to.id, asked) if whole else self._streamed(call, to.id, asked, idle)
            async with aclosing(answer) as events:
                async for event in events:
                    yield event

    async def _whole(self, call: VendorCall, to: EndpointId, asked: VendorRequest) -> AsyncGenerator[ChatEvent, None]:
        reader = GeminiReplyReader(to)
        deltas = tuple(joined(reader.read(await call.whole(asked))))
        finished = reader.finished()
        yield Started(endpoint=to)
        for delta in deltas:
            yield delta
        yield finished

    async def _streamed(
        self, call: VendorCall, to: EndpointId, asked: VendorRequest, idle: float
    ) -> AsyncGenerator[ChatEvent, None]:
        reader = GeminiReplyReader(to)
        started = False
        first_by = min(self._clock.monotonic() + self._first_token_seconds, call.first)
        await call.open(asked)
        while True:
            patience = idle if started else first_by - self._clock.monotonic()
            chunk = await (call.last() if reader.ended else call.next(patience))
            if chunk is None:
                break
            for delta in reader.read(chunk):
                if not started:
                    started = True
                    yield Started(endpoint=to)
                yield delta
        finished = reader.finished()
        if not started:
            yield Started(endpoint=to)
        yield finished
