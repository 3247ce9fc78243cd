"""A provider that talks to a vendor, proven by the contract suite of its port: run it with pytest."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

from typing_extensions import override

from llm_gateway import (
    ChatEvent,
    ChatModel,
    ChatRequest,
    Clock,
    Deadline,
    Endpoint,
    Finished,
    FinishReason,
    Grain,
    ProviderBroken,
    ProviderTimeout,
    ProviderUnavailable,
    Started,
    Text,
    TextDelta,
    Usage,
)
from llm_gateway.testing import ChatModelContract, Vendor

END = "[end]"
Ask = Callable[[str], AsyncGenerator[str, None]]


class VendorError(Exception):
    """What the vendor's client raises."""


class LineModel(ChatModel):
    """A vendor whose client yields an answer's lines, and `END` after the last."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock

    @override
    async def events(
        self, to: Endpoint, request: ChatRequest, *, grain: Grain, deadline: Deadline, headers: Mapping[str, str]
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        prompt = "\n".join(part.text for part in request.messages[-1].content if isinstance(part, Text))
        lines: list[str] = []
        async with aclosing(self._ask(prompt)) as answer:
            while (line := await self._next(answer, to, deadline.at if lines else deadline.first)) != END:
                lines.append(line)
                if grain is Grain.STREAM:
                    text = TextDelta(text=line)
                    yield [Started(endpoint=to.id), text] if len(lines) == 1 else [text]
        if grain is Grain.WHOLE:
            yield [Started(endpoint=to.id), TextDelta(text="".join(lines))]
        usage = Usage(prompt_tokens=len(prompt.split()), completion_tokens=len(lines))
        yield [Finished(reason=FinishReason.STOP, usage=usage, model=to.id.model)]

    async def _next(self, answer: AsyncGenerator[str, None], to: Endpoint, until: float) -> str:
        """The vendor's faults, as the gateway's. Only this waits, so that no timeout strikes a reader who thinks."""
        try:
            async with self._clock.timeout_at(until):
                return await anext(answer)
        except TimeoutError as error:
            raise ProviderTimeout(to.id.provider, "no answer in time") from error
        except StopAsyncIteration:
            raise ProviderBroken(to.id.provider, "the answer broke off before its end") from None
        except VendorError as error:
            raise ProviderUnavailable(to.id.provider, "it failed") from error


class TestLineModel(ChatModelContract):
    """Every test of the suite runs here, against a vendor that does what the suite asks for."""

    @override
    def make(self, vendor: Vendor) -> ChatModel:
        self.open = 0

        async def ask(prompt: str) -> AsyncGenerator[str, None]:
            self.open += 1
            try:
                if vendor is Vendor.FAILS:
                    raise VendorError
                if vendor is not Vendor.STAYS_SILENT:
                    yield "Once "
                if vendor in (Vendor.STAYS_SILENT, Vendor.STALLS):
                    await asyncio.get_running_loop().create_future()
                if vendor is Vendor.ANSWERS:
                    yield "upon a time."
                    yield END
            finally:
                self.open -= 1

        return LineModel(ask, self.clock)

    @override
    async def open_calls(self) -> int:
        return self.open
