"""Several servers of one kind as one provider, and the turn at one of them that each call waits for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from typing_extensions import override

from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.errors import FailureReason, ProviderOverloaded, ProviderTimeout, ProviderUnavailable
from llm_gateway.domain.pool_scheduler import Offer, PoolScheduler, Waiter
from llm_gateway.domain.pooled_endpoints import pooled
from llm_gateway.domain.resilience import Deadline, Outcome
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality

from .breakers import Breakers
from .known_endpoints import KnownEndpoints
from .ports.models import EndpointDirectory
from .ports.observation import QueueMeter
from .ports.providers import Provider
from .ports.system import Clock
from .request_recorder import RequestRecorder

_NO_CLIENT: Final = ClientId("")
LOOK_SECONDS: Final = 1.0
"""How often those that wait are looked at, as what members tell of themselves changes at any time."""


class MemberState(Struct, frozen=True, kw_only=True):
    """How a member stands to a model now. `aside`: it failed, and is asked where no other can answer, or as a trial."""

    name: str
    unusable: str | None
    aside: bool
    loaded: bool
    slots: int
    under_way: int


class PoolMember:
    """One server of a pool."""

    def __init__(self, provider: Provider, slots: int | None, breakers: Breakers) -> None:
        self.provider = provider
        self.name = provider.name
        self._slots = slots
        self._directory = KnownEndpoints(provider.directory, breakers)
        self._told: tuple[Sequence[EndpointState], Mapping[str, EndpointState]] = ((), {})

    def slots(self) -> int:
        return self._slots or (self.provider.slots and self.provider.slots()) or 1

    def states(self) -> Sequence[EndpointState]:
        return self._directory.snapshot()

    def state(self, model: str) -> EndpointState | None:
        states = self.states()
        if self._told[0] is not states:
            self._told = states, {state.endpoint.id.model: state for state in states}
        return self._told[1].get(model)

    def offer(self, model: str, *, on_premises: bool) -> Offer | None:
        """None where it can't answer."""
        state = self.state(model)
        if state is None or state.unusable is not None or not state.configured:
            return None
        if on_premises and state.endpoint.locality is not Locality.ON_PREMISES:
            return None
        return Offer(member=self.name, loaded=self.provider.loaded() if self.provider.loaded else None)


class Pool(EndpointDirectory):
    """Several servers of one kind as one provider, which is one endpoint for each model that they have.

    `model` is its own. Each member is sent `slots` requests at once: without, as many as its server says, or one. To be
    made inside the event loop that will use it.
    """

    def __init__(
        self,
        name: str,
        model: str,
        members: Sequence[Provider],
        breakers: Breakers,
        clock: Clock,
        meter: QueueMeter,
        *,
        slots: int | None,
        queue: int,
    ) -> None:
        self.name = name
        self._model = model
        self._members = {member.name: PoolMember(member, slots, breakers) for member in members}
        self._clock = clock
        self._meter = meter
        each = {name: member.slots for name, member in self._members.items()}
        self._scheduler = PoolScheduler(each, queue, self._offers)
        self._woken: dict[Waiter, asyncio.Future[None]] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._looks_again = False
        self._told: tuple[Sequence[Sequence[EndpointState]], tuple[EndpointState, ...]] = ((), ())

    @property
    def provider(self) -> Provider:
        return Provider(name=self.name, directory=self, waiting=lambda: self._scheduler.waiting, close=self.aclose)

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        told = [member.states() for member in self._members.values()]
        if len(told) != len(self._told[0]) or any(new is not old for new, old in zip(told, self._told[0], strict=True)):
            self._told = told, pooled(self.name, self._model, told)
        return self._told[1]

    def members(self, endpoint: Endpoint) -> tuple[MemberState, ...]:
        """How each member stands to an endpoint of the pool."""
        now, model = self._clock.monotonic(), endpoint.id.model
        ready = {one.member for one in self._scheduler.standings(_waiter(endpoint), now) if one.ready}
        aside, servers = self._scheduler.aside(now), self._scheduler.members
        states = {name: member.state(model) for name, member in self._members.items()}
        return tuple(
            MemberState(
                name=name,
                unusable="has no such model" if state is None else state.unusable,
                aside=name in aside,
                loaded=name in ready,
                slots=servers[name].slots,
                under_way=servers[name].under_way,
            )
            for name, state in states.items()
        )

    def has(self, endpoint: Endpoint, tried: frozenset[str]) -> bool:
        """Whether a member that was not tried can answer."""
        return any(offer.member not in tried for offer in self._offers(_waiter(endpoint)))

    async def turn(
        self, endpoint: Endpoint, recorder: RequestRecorder, deadline: Deadline, *, tokens: int, tried: frozenset[str]
    ) -> "Turn":
        """A turn at one of the members, once it comes; to be ended. `tried` are the members that failed already.

        Raises `ProviderUnavailable` where no member can answer, `ProviderOverloaded` where too many wait already, and
        `ProviderTimeout` where the turn does not come in time. Cancelling leaves the queue.
        """
        steps = 1 << max(0, tokens - 1).bit_length()  # contexts are powers of two
        waiter = _waiter(endpoint, recorder.client.id, tokens=steps, tried=tried)
        came = self._clock.monotonic()
        if not self._scheduler.standings(waiter, came):
            raise self._unusable(endpoint.id.model)
        before = self._scheduler.enter(waiter)
        self._serve()
        if waiter.member is None:
            if self._scheduler.is_over(waiter) and not tried:
                self._scheduler.leave(waiter)
                says = f"its queue is full: {self._scheduler.waiting} requests wait for their turn"
                wait = self._scheduler.wait()
                raise ProviderOverloaded(self.name, says, retry_after=wait, reason=FailureReason.QUEUE_FULL)
            recorder.queued(before + 1)
            try:
                await self._comes(waiter, deadline)
            finally:
                recorder.waited()
                self._meter.waited(self.name, self._clock.monotonic() - came)
        else:
            self._meter.waited(self.name, 0.0)
        return Turn(self, waiter, self._to(waiter, endpoint))

    def answers(self, waiter: Waiter) -> None:
        """The answer to a request that was sent begins. After a load its server is asked what it has loaded now."""
        self._scheduler.answers(waiter, self._clock.monotonic())
        name = waiter.member
        look = self._members[name].provider.look_loaded if name is not None and waiter.cold else None
        waiter.cold = False
        if name is not None and look is not None and name not in self._looks:
            self._looks[name] = asyncio.create_task(_looked(look))
            self._looks[name].add_done_callback(lambda _: self._looks.pop(name))

    def end(self, waiter: Waiter, outcome: Outcome) -> None:
        """A request that was sent has ended so."""
        if outcome is not Outcome.FAILED:  # a load goes on at its server where the client left
            self.answers(waiter)
        now = self._clock.monotonic()
        again = self._scheduler.end(waiter, outcome, now)
        if again is not None:
            self._clock.call_at(again, self._serve)
        self._serve()

    def give_back(self, waiter: Waiter) -> None:
        """A turn that came and was not taken: nothing was asked."""
        self._scheduler.end(waiter, Outcome.UNKNOWN, self._clock.monotonic())
        self._serve()

    async def aclose(self) -> None:
        looks = tuple(self._looks.values())
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _comes(self, waiter: Waiter, deadline: Deadline) -> None:
        woken = self._woken[waiter] = asyncio.get_running_loop().create_future()
        self._look_again()
        try:
            async with self._clock.timeout_at(deadline.first):
                await woken
        except BaseException as error:
            if waiter.waits:
                self._scheduler.leave(waiter)
                self._serve()  # its client's next one may be sent where it could not
            elif waiter.member is not None:
                self.give_back(waiter)
            if isinstance(error, TimeoutError):
                raise ProviderTimeout(self.name, "its turn did not come in time") from None
            raise
        finally:
            del self._woken[waiter]
        if waiter.member is None:
            raise self._unusable(waiter.model)

    def _look_again(self) -> None:
        if self._woken and not self._looks_again:
            self._looks_again = True
            self._clock.call_at(self._clock.monotonic() + LOOK_SECONDS, self._looked_again)

    def _looked_again(self) -> None:
        self._looks_again = False
        self._serve()
        self._look_again()

    def _serve(self) -> None:
        for waiter in self._scheduler.sent(self._clock.monotonic()):
            woken = self._woken.get(waiter)
            if woken is not None and not woken.done():
                woken.set_result(None)

    def _offers(self, waiter: Waiter) -> Sequence[Offer]:
        offers = (one.offer(waiter.model, on_premises=waiter.on_premises) for one in self._members.values())
        return [offer for offer in offers if offer is not None]

    def _to(self, waiter: Waiter, endpoint: Endpoint) -> Endpoint:
        """The member's endpoint. What was planned for the premises is asked there, wherever it turned out to be."""
        assert waiter.member is not None
        state = self._members[waiter.member].state(waiter.model)
        locality = endpoint.locality if waiter.on_premises or state is None else state.endpoint.locality
        return Endpoint(id=EndpointId(provider=waiter.member, model=waiter.model), locality=locality)

    def _unusable(self, model: str) -> ProviderUnavailable:
        state = next((state for state in self.snapshot() if state.endpoint.id.model == model), None)
        return ProviderUnavailable(self.name, (state and state.unusable) or "no member can answer this now")


class Turn(Struct, frozen=True, eq=False):
    """A call's turn at a member of a pool: `to` is the endpoint to ask. To be ended once."""

    pool: Pool
    waiter: Waiter
    to: Endpoint

    def answers(self) -> None:
        """The answer begins."""
        self.pool.answers(self.waiter)

    def end(self, outcome: Outcome) -> None:
        """The call ended so."""
        self.pool.end(self.waiter, outcome)

    def give_back(self) -> None:
        """No call is made."""
        self.pool.give_back(self.waiter)


def _waiter(
    endpoint: Endpoint, client: ClientId = _NO_CLIENT, *, tokens: int = 0, tried: frozenset[str] = frozenset()
) -> Waiter:
    on_premises = endpoint.locality is Locality.ON_PREMISES
    return Waiter(client=client, model=endpoint.id.model, tokens=tokens, tried=tried, on_premises=on_premises)


async def _looked(look: Callable[[], Awaitable[object]]) -> None:
    await look()
