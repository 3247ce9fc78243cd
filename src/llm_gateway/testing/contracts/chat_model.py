"""What holds for every `ChatModel`."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

import pytest

from llm_gateway.application.ports.models import ChatModel
from llm_gateway.domain.chat import ChatReply, ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderTimeout
from llm_gateway.domain.events import ChatEvent, Finished, Started, TextDelta, ToolCallDelta, collect, flattened
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from .timed import Timed

T = TypeVar("T")

GRAINS = pytest.mark.parametrize("grain", list(Grain))
HANG_SECONDS = 60.0
"""Ends a call that hangs. No verdict depends on it."""


class Vendor(StrEnum):
    """What the vendor's side does with each call."""

    ANSWERS = "answers"
    """Text, in two parts or more where it is streamed, and the vendor's terminal mark."""
    CUTS_OFF = "cuts off"
    """A part of an answer, and an end without the terminal mark."""
    FAILS = "fails"
    """An error of the vendor's, before any content."""
    STAYS_SILENT = "stays silent"
    """Nothing, for ever."""
    STALLS = "stalls"
    """A part of an answer, then nothing, for ever."""


@pytest.mark.asyncio
class ChatModelContract(Timed, ABC):
    """Arrange the vendor's side in `make`, and say in `open_calls` how many calls it still has open.

    Override `endpoint` and `request` where the model needs particular ones, and `until_asked` where a call takes time
    to reach the vendor. `patience` is the deadline in seconds of the calls that run into it; where time is real, a call
    to a vendor that stalls has to begin within it.
    """

    patience = 1.0

    @abstractmethod
    def make(self, vendor: Vendor) -> ChatModel: ...

    @abstractmethod
    async def open_calls(self) -> int:
        """Calls that the vendor's side sees as open; may give a socket the moment that it needs to close."""
        ...

    async def until_asked(self) -> None:
        """Wait until the vendor's side has a call, in a time that is shorter than `patience`."""
        await self.advance(self.patience / 4)

    @cached_property
    def endpoint(self) -> Endpoint:
        return Endpoint(id=EndpointId(provider="mine", model="model-1"), locality=Locality.CLOUD)

    @cached_property
    def request(self) -> ChatRequest:
        return ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))

    @GRAINS
    async def test_an_answer_is_started_then_deltas_then_exactly_one_finished(self, grain: Grain) -> None:
        events = await self._all(self.make(Vendor.ANSWERS), grain)

        kinds = [type(event) for event in events]
        assert events[0] == Started(endpoint=self.endpoint.id)
        assert kinds[-1] is Finished
        assert (kinds.count(Started), kinds.count(Finished)) == (1, 1)
        assert TextDelta in kinds
        assert await self.open_calls() == 0

    async def test_a_whole_answer_has_each_kind_of_content_in_one_delta(self) -> None:
        events = await self._all(self.make(Vendor.ANSWERS), Grain.WHOLE)

        kinds = [(type(event), event.index if isinstance(event, ToolCallDelta) else None) for event in events]
        assert len(kinds) == len(set(kinds))

    async def test_the_grain_does_not_change_the_answer(self) -> None:
        model = self.make(Vendor.ANSWERS)

        whole, streamed = await self._reply(model, Grain.WHOLE), await self._reply(model, Grain.STREAM)

        assert whole.content
        assert (whole.content, whole.finish_reason) == (streamed.content, streamed.finish_reason)

    async def test_two_calls_at_once_do_not_meet(self) -> None:
        model = self.make(Vendor.ANSWERS)

        one, other = await asyncio.gather(self._reply(model, Grain.STREAM), self._reply(model, Grain.STREAM))

        assert one.content == other.content
        assert await self.open_calls() == 0

    @GRAINS
    async def test_an_answer_that_breaks_off_is_an_error_and_never_finishes(self, grain: Grain) -> None:
        seen: list[ChatEvent] = []

        with pytest.raises(ProviderBroken):
            await self._all(self.make(Vendor.CUTS_OFF), grain, seen)

        assert not any(isinstance(event, Finished) for event in seen)
        assert await self.open_calls() == 0

    @GRAINS
    async def test_a_vendors_failure_is_a_provider_error_before_anything_started(self, grain: Grain) -> None:
        seen: list[ChatEvent] = []

        with pytest.raises(ProviderError) as failure:
            await self._all(self.make(Vendor.FAILS), grain, seen)

        assert failure.value.provider == self.endpoint.id.provider
        assert seen == []
        assert await self.open_calls() == 0

    @GRAINS
    async def test_a_vendor_that_stays_silent_is_left_at_the_deadline(self, grain: Grain) -> None:
        seen: list[ChatEvent] = []
        asking = asyncio.create_task(self._all(self.make(Vendor.STAYS_SILENT), grain, seen, self._near()))
        await self.until_asked()

        await self.advance(self.patience * 1.5)

        with pytest.raises(ProviderTimeout):
            await self._ended(asking)
        assert seen == []
        assert await self.open_calls() == 0

    async def test_a_vendor_that_stalls_is_left_at_the_deadline(self) -> None:
        seen: list[ChatEvent] = []
        asking = asyncio.create_task(self._all(self.make(Vendor.STALLS), Grain.STREAM, seen, self._near()))
        await self._begun(asking, seen)

        await self.advance(self.patience * 1.5)

        with pytest.raises(ProviderTimeout):
            await self._ended(asking)
        assert isinstance(seen[0], Started)
        assert await self.open_calls() == 0

    async def test_a_stream_that_has_not_begun_is_left_where_it_had_to_begin(self) -> None:
        deadline = Deadline(self.clock.monotonic() + 100 * self.patience, self.clock.monotonic() + self.patience)
        asking = asyncio.create_task(self._all(self.make(Vendor.STAYS_SILENT), Grain.STREAM, None, deadline))
        await self.until_asked()

        await self.advance(self.patience * 1.5)

        with pytest.raises(ProviderTimeout):
            await self._ended(asking)
        assert await self.open_calls() == 0

    async def test_a_stream_that_has_begun_is_not_left_where_it_had_to_begin(self) -> None:
        ends = self.clock.monotonic() + 2 * self.patience
        deadline = Deadline(ends, ends - self.patience)
        seen: list[ChatEvent] = []
        left: list[float] = []

        async def read() -> None:
            try:
                await self._all(self.make(Vendor.STALLS), Grain.STREAM, seen, deadline)
            finally:
                left.append(self.clock.monotonic())

        asking = asyncio.create_task(read())
        await self._begun(asking, seen)
        await self.advance(self.patience * 3)

        with pytest.raises(ProviderTimeout):
            await self._ended(asking)
        assert isinstance(seen[0], Started)
        assert left[0] > ends - self.patience / 2

    async def test_no_timeout_strikes_a_reader_who_thinks(self) -> None:
        async with aclosing(self._events(self.make(Vendor.STALLS), Grain.STREAM, self._near())) as events:
            await anext(events)

            await self.advance(self.patience * 1.5)  # raises in here where a timeout was left running

    async def test_closing_the_generator_ends_the_call(self) -> None:
        events = self._events(self.make(Vendor.STALLS), Grain.STREAM)
        await anext(events)

        await self._soon(events.aclose())

        assert await self.open_calls() == 0

    @GRAINS
    async def test_cancelling_the_task_that_waits_ends_the_call(self, grain: Grain) -> None:
        asking = asyncio.create_task(self._all(self.make(Vendor.STAYS_SILENT), grain))
        await self.until_asked()

        asking.cancel()

        with pytest.raises(asyncio.CancelledError):
            await self._ended(asking)
        assert await self.open_calls() == 0

    async def test_a_generator_that_is_never_read_makes_no_call(self) -> None:
        events = self._events(self.make(Vendor.ANSWERS), Grain.STREAM)

        await events.aclose()

        assert await self.open_calls() == 0

    def _events(
        self, model: ChatModel, grain: Grain, deadline: Deadline | None = None
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        deadline = deadline or Deadline(self.clock.monotonic() + HANG_SECONDS)
        return model.events(self.endpoint, self.request, grain=grain, deadline=deadline, headers={})

    async def _all(
        self,
        model: ChatModel,
        grain: Grain,
        seen: list[ChatEvent] | None = None,
        deadline: Deadline | None = None,
    ) -> list[ChatEvent]:
        events = [] if seen is None else seen
        async with aclosing(self._events(model, grain, deadline)) as stream:
            async for batch in stream:
                assert batch, "a batch without an event wakes the readers for nothing"
                events += batch
        return events

    async def _reply(self, model: ChatModel, grain: Grain) -> ChatReply:
        async with aclosing(self._events(model, grain)) as stream:
            return await collect(flattened(stream))

    def _near(self) -> Deadline:
        return Deadline(self.clock.monotonic() + self.patience)

    async def _begun(self, asking: "asyncio.Task[Any]", seen: list[ChatEvent]) -> None:
        while not seen and not asking.done():  # noqa: ASYNC110 - the model tells nobody
            await asyncio.sleep(0.001)

    async def _ended(self, task: "asyncio.Task[T]") -> T:
        done, _ = await asyncio.wait((task,), timeout=HANG_SECONDS)
        assert done, "the call goes on"
        return task.result()

    async def _soon(self, ending: Coroutine[Any, Any, T]) -> T:
        return await self._ended(asyncio.create_task(ending))
