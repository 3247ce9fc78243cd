"""A model that does what a script says: events, waits and faults, in order."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeAlias

from msgspec import Struct
from typing_extensions import override

from llm_gateway.application.ports.models import ChatModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, FinishReason, Grain, Usage
from llm_gateway.domain.errors import ProviderBroken, ProviderTimeout
from llm_gateway.domain.events import (
    ChatEvent,
    Delta,
    Finished,
    Started,
    TextDelta,
    collect,
    flattened,
    replay,
)
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint


class Wait(Struct, frozen=True):
    """The model takes its time, in seconds of the clock that it was given."""

    seconds: float


class Cut(Struct, frozen=True):
    """The answer breaks off here, without an error of the vendor's."""


Step: TypeAlias = Delta | Finished | tuple[Delta | Finished, ...] | Wait | Cut | Exception
"""Events in a tuple come as one batch."""
Script: TypeAlias = Sequence[Step]


def answer(text: str, *, model: str = "scripted-1", prompt_tokens: int = 3) -> Script:
    """A plain answer, a word a delta."""
    words = [TextDelta(text=word if index == 0 else f" {word}") for index, word in enumerate(text.split(" "))]
    usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=len(words))
    return [*words, Finished(reason=FinishReason.STOP, usage=usage, model=model)]


class ScriptedCall(Struct, kw_only=True):
    """One call that the model was asked for. `closed` once its generator has ended, however it did."""

    to: Endpoint
    request: ChatRequest
    grain: Grain
    headers: Mapping[str, str]
    closed: bool = False


class ScriptedChatModel(ChatModel):
    """Answers each call with the next of its scripts, and with the last one from then on.

    A script may also be a function of the request. `Started` comes by itself, before the first delta or the end. For a
    whole answer the script is played to its end first, as in a unary call. `counts` is what its counter says, or
    does; None where it has none.
    """

    def __init__(
        self,
        clock: Clock,
        *scripts: Script | Callable[[ChatRequest], Script],
        counts: int | Wait | Exception | None = None,
    ) -> None:
        self._clock = clock
        self._scripts = scripts or (answer("A scripted answer."),)
        self._counts = counts
        self.calls: list[ScriptedCall] = []
        self.counted: list[ChatRequest] = []

    @property
    def open_calls(self) -> int:
        return sum(not call.closed for call in self.calls)

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
        script = self._scripts[min(len(self.calls), len(self._scripts) - 1)]
        call = ScriptedCall(to=to, request=request, grain=grain, headers=headers)
        self.calls.append(call)
        steps = script(request) if callable(script) else script
        try:
            async with aclosing(self._play(steps, to, deadline, streamed=grain is Grain.STREAM)) as batches:
                if grain is Grain.WHOLE:
                    yield tuple(replay(await collect(flattened(batches))))
                else:
                    async for batch in batches:
                        yield batch
        finally:
            call.closed = True

    @override
    async def count(
        self, to: Endpoint, request: ChatRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> int | None:
        self.counted.append(request)
        match self._counts:
            case Wait():
                await pass_time(self._counts, to, self._clock, deadline.at)
                return None
            case Exception():
                raise self._counts
            case counted:
                return counted

    async def _play(
        self, steps: Script, to: Endpoint, deadline: Deadline, *, streamed: bool
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        started = finished = False
        for step in steps:
            match step:
                case Wait():
                    until = deadline.at if started or not streamed else deadline.first
                    await pass_time(step, to, self._clock, until)
                case Cut():
                    break
                case Exception():
                    raise step
                case events:
                    batch = events if isinstance(events, tuple) else (events,)
                    finished = isinstance(batch[-1], Finished)
                    yield batch if started else (Started(endpoint=to.id), *batch)
                    started = True
        if not finished:
            raise ProviderBroken(to.id.provider, "the answer broke off before its end")


async def pass_time(wait: Wait, to: Endpoint, clock: Clock, until: float) -> None:
    """Raises `ProviderTimeout` where the end of the time comes first."""
    try:
        async with clock.timeout_at(until):
            await clock.sleep(wait.seconds)
    except TimeoutError as error:
        raise ProviderTimeout(to.id.provider, "no answer in time") from error
