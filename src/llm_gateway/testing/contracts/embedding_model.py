"""What holds for every `EmbeddingModel`."""

import asyncio
from abc import ABC, abstractmethod
from enum import StrEnum
from functools import cached_property

import pytest

from llm_gateway.application.ports.models import EmbeddingModel
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest, check_vectors
from llm_gateway.domain.errors import ProviderBroken, ProviderError, ProviderRejected, ProviderTimeout
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from .timed import Timed

HANG_SECONDS = 60.0
"""Ends a call that hangs. No verdict depends on it."""


class EmbeddingVendor(StrEnum):
    """What the vendor's side does with each call."""

    ANSWERS = "answers"
    """A vector for each input, of as many dimensions as were asked for, else of any length above 2."""
    MISSES_ONE = "misses one"
    """A vector too few."""
    IS_UNEVEN = "is uneven"
    """Vectors of several lengths."""
    MAKES_NO_NUMBERS = "makes no numbers"
    """A vector that holds what is no finite number, as far as the vendor's format can."""
    IGNORES_DIMENSIONS = "ignores dimensions"
    """Vectors of 3, whatever was asked for."""
    FAILS = "fails"
    STAYS_SILENT = "stays silent"
    """Nothing, for ever."""


BROKEN = pytest.mark.parametrize(
    "vendor", [EmbeddingVendor.MISSES_ONE, EmbeddingVendor.IS_UNEVEN, EmbeddingVendor.MAKES_NO_NUMBERS]
)


@pytest.mark.asyncio
class EmbeddingModelContract(Timed, ABC):
    """Arrange the vendor's side in `make`, and say in `open_calls` how many calls it still has open.

    Override `endpoint` where the model needs a particular one, and `until_asked` where a call takes time to reach the
    vendor. `patience` is the deadline in seconds of the call that runs into it. The requests have two inputs; answers
    of `ANSWERS` must differ between them.
    """

    patience = 1.0

    @abstractmethod
    def make(self, vendor: EmbeddingVendor) -> EmbeddingModel: ...

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

    async def test_there_is_a_vector_for_each_input_in_their_order(self) -> None:
        model = self.make(EmbeddingVendor.ANSWERS)

        both = await self._embed(model, "one", "two")
        turned = await self._embed(model, "two", "one")

        check_vectors("mine", EmbedRequest(inputs=("one", "two")), both.vectors)
        assert both.vectors[0] != both.vectors[1]
        assert turned.vectors == both.vectors[::-1]
        assert both.endpoint == self.endpoint.id
        assert both.model
        assert both.prompt_tokens >= 0
        assert await self.open_calls() == 0

    async def test_dimensions_are_honoured(self) -> None:
        reply = await self._embed(self.make(EmbeddingVendor.ANSWERS), "one", "two", dimensions=2)

        assert [len(vector) for vector in reply.vectors] == [2, 2]

    @BROKEN
    async def test_what_is_no_answer_is_broken(self, vendor: EmbeddingVendor) -> None:
        with pytest.raises(ProviderBroken):
            await self._embed(self.make(vendor), "one", "two")

        assert await self.open_calls() == 0

    async def test_dimensions_that_the_model_can_not_make_are_the_requests_fault(self) -> None:
        with pytest.raises(ProviderRejected, match="dimensions"):
            await self._embed(self.make(EmbeddingVendor.IGNORES_DIMENSIONS), "one", "two", dimensions=2)

    async def test_a_vendors_failure_is_a_provider_error(self) -> None:
        with pytest.raises(ProviderError) as failure:
            await self._embed(self.make(EmbeddingVendor.FAILS), "one", "two")

        assert failure.value.provider == self.endpoint.id.provider
        assert await self.open_calls() == 0

    async def test_a_vendor_that_stays_silent_is_left_at_the_deadline(self) -> None:
        model = self.make(EmbeddingVendor.STAYS_SILENT)
        asking = asyncio.create_task(self._embed(model, "one", "two", seconds=self.patience))
        await self.until_asked()

        await self.advance(self.patience * 1.5)

        with pytest.raises(ProviderTimeout):
            await self._ended(asking)
        assert await self.open_calls() == 0

    async def test_cancelling_the_task_that_waits_ends_the_call(self) -> None:
        asking = asyncio.create_task(self._embed(self.make(EmbeddingVendor.STAYS_SILENT), "one", "two"))
        await self.until_asked()

        asking.cancel()

        with pytest.raises(asyncio.CancelledError):
            await self._ended(asking)
        assert await self.open_calls() == 0

    async def test_two_calls_at_once_do_not_meet(self) -> None:
        model = self.make(EmbeddingVendor.ANSWERS)

        one, other = await asyncio.gather(self._embed(model, "one", "two"), self._embed(model, "two", "one"))

        assert one.vectors == other.vectors[::-1]
        assert await self.open_calls() == 0

    async def _embed(
        self, model: EmbeddingModel, *inputs: str, dimensions: int | None = None, seconds: float = HANG_SECONDS
    ) -> EmbedReply:
        deadline = Deadline(self.clock.monotonic() + seconds)
        request = EmbedRequest(inputs=inputs, dimensions=dimensions)
        return await model.embed(self.endpoint, request, deadline=deadline, headers={})

    async def _ended(self, task: "asyncio.Task[EmbedReply]") -> EmbedReply:
        done, _ = await asyncio.wait((task,), timeout=HANG_SECONDS)
        assert done, "the call goes on"
        return task.result()
