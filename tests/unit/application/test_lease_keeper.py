"""What is held is renewed, and what was not heard of is settled again, until it was or has ended by itself."""

import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application import lease_keeper
from llm_gateway.application.lease_keeper import MAX_UNSETTLED, RENEW_SECONDS, LeaseKeeper
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import LimiterUnavailable
from llm_gateway.domain.quota import LEASE_MS, Charge, Decision, ReservationId

from .world import client_of

LEASE_SECONDS = LEASE_MS / 1000


class Wayward(MemoryRateLimiter):
    """Remembers what it was asked. `away` for so many calls: it does nothing; `deaf`: it does it and does not say."""

    def __init__(self, clock: ScriptedClock) -> None:
        super().__init__(clock)
        self.renewals: list[tuple[Client, tuple[ReservationId, ...]]] = []
        self.settlements: list[tuple[ReservationId, int]] = []
        self.takes = 0
        self.away = False
        self.deaf = False

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        self.takes += 1
        return await super().take(client, charge, reservation)

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        self.renewals.append((client, reservations))
        if self.away:
            raise LimiterUnavailable("away")
        await super().renew(client, *reservations)

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        self.settlements.append((reservation, tokens))
        if self.away:
            raise LimiterUnavailable("away")
        await super().settle(client, reservation, tokens)
        if self.deaf:
            raise LimiterUnavailable("deaf", doubtful=True)


class Bench:
    def __init__(self) -> None:
        self.clock = ScriptedClock()
        self.limiter = Wayward(self.clock)
        self.keeper = LeaseKeeper(self.limiter, self.clock)

    async def take(self, client: Client, id: str, *, tokens: int = 0) -> bool:
        key = ReservationId(id)
        decision = await self.limiter.take(client, Charge(tokens=tokens, lease=True), key)
        if decision.allowed:
            self.keeper.hold(client, key, heard=True)
        return decision.allowed

    async def settle(self, client: Client, id: str, tokens: int = 0) -> None:
        await self.keeper.settle(client, ReservationId(id), tokens)

    async def left(self, client: Client) -> int:
        decision = await self.limiter.take(client, Charge(), ReservationId("look"))
        assert decision.tokens is not None
        return decision.tokens.remaining


async def test_all_of_a_clients_leases_are_renewed_in_one_call_and_what_ends_soon_in_none() -> None:
    bench, one, other = Bench(), client_of("one", concurrency=100), client_of("other", concurrency=100)
    for number in range(20):
        assert await bench.take(one, f"one {number}")
    assert await bench.take(other, "other")
    assert await bench.take(other, "short")
    await bench.clock.advance(RENEW_SECONDS - 1)
    await bench.settle(other, "short")
    assert bench.limiter.renewals == []

    await bench.clock.advance(2)
    assert [(client.id, len(keys)) for client, keys in bench.limiter.renewals] == [("one", 20), ("other", 1)]
    await bench.clock.advance(5 * LEASE_SECONDS)
    decision = await bench.limiter.take(one, Charge(), ReservationId("look"))
    assert decision.concurrency is not None
    assert decision.concurrency.remaining == 80


async def test_a_lease_outlives_two_renewals_that_were_not_answered() -> None:
    bench, client = Bench(), client_of(concurrency=1)
    await bench.take(client, "a")
    bench.limiter.away = True
    await bench.clock.advance(LEASE_SECONDS - 1.5)
    assert len(bench.limiter.renewals) >= 2
    bench.limiter.away = False
    await bench.clock.advance(LEASE_SECONDS)
    assert not await bench.take(client, "b")


async def test_nobody_is_asked_and_nothing_is_due_where_nothing_is_held() -> None:
    bench, client = Bench(), client_of(concurrency=1)
    await bench.take(client, "a")
    await bench.settle(client, "a")
    await bench.clock.advance(100)
    assert bench.limiter.renewals == []
    assert len(bench.limiter.settlements) == 1
    assert not bench.clock._alarms


async def test_a_settlement_that_is_not_answered_is_made_again_until_it_is_and_counts_once() -> None:
    bench, client = Bench(), client_of(tokens=100, concurrency=1)
    await bench.take(client, "a", tokens=60)
    bench.limiter.away = True
    await bench.settle(client, "a", 10)
    await bench.clock.advance(3)
    assert not await bench.take(client, "b")
    bench.limiter.away, bench.limiter.deaf = False, True
    await bench.clock.advance(2)
    bench.limiter.deaf = False
    await bench.clock.advance(2)
    made = len(bench.limiter.settlements)
    assert made >= 4
    assert set(bench.limiter.settlements) == {("a", 10)}
    assert await bench.left(client) == 90 + 7, "and what came back in seven seconds"
    assert await bench.take(client, "b")
    await bench.settle(client, "b")
    await bench.clock.advance(100)
    assert len(bench.limiter.settlements) == made + 1


async def test_a_settlement_is_given_up_once_its_lease_has_ended_by_itself() -> None:
    bench, client = Bench(), client_of(concurrency=1)
    await bench.take(client, "a")
    await bench.clock.advance(5)
    bench.limiter.away = True
    await bench.settle(client, "a")
    await bench.clock.advance(2 * LEASE_SECONDS)
    made = len(bench.limiter.settlements)
    assert LEASE_SECONDS - 4 <= made <= LEASE_SECONDS + 1
    await bench.clock.advance(100)
    assert len(bench.limiter.settlements) == made


@pytest.mark.parametrize("held", [True, False])
async def test_what_may_have_been_taken_unheard_is_settled_however_late_the_limiter_answers(held: bool) -> None:
    """A server that was stopped does what it was asked when it goes on."""
    bench, client = Bench(), client_of(concurrency=1)
    bench.limiter.away = True
    if held:
        bench.keeper.hold(client, ReservationId("a"), heard=False)
    await bench.settle(client, "a")
    await bench.clock.advance(120)
    bench.limiter.away = False
    await bench.limiter.take(client, Charge(lease=True), ReservationId("a"))
    await bench.clock.advance(2)
    assert await bench.take(client, "b")


async def test_of_settlements_without_an_answer_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_keeper, "MAX_UNSETTLED", 3)
    assert MAX_UNSETTLED > 1000
    bench, client = Bench(), client_of(concurrency=10)
    bench.limiter.away = True
    for number in range(5):
        await bench.settle(client, f"{number}")
    bench.limiter.away = False
    bench.limiter.settlements.clear()
    await bench.clock.advance(2)
    assert [id for id, _ in bench.limiter.settlements] == ["2", "3", "4"]


async def test_a_client_whose_limiter_does_not_answer_is_asked_for_once_a_look_and_no_other_waits_for_it() -> None:
    bench, client, other = Bench(), client_of(concurrency=10), client_of("other", concurrency=1)
    bench.limiter.away = True
    for number in range(5):
        await bench.settle(client, f"{number}")
    await bench.settle(other, "other")
    bench.limiter.settlements.clear()
    await bench.clock.advance(1)
    assert [id for id, _ in bench.limiter.settlements] == ["0", "other"]


async def test_the_end_of_the_process_settles_once_more_and_asks_no_more() -> None:
    bench, client = Bench(), client_of(concurrency=1)
    await bench.take(client, "a")
    bench.limiter.away = True
    await bench.settle(client, "a")
    bench.limiter.away = False
    await bench.keeper.aclose()
    assert await bench.take(client, "b")
    made = len(bench.limiter.settlements)
    await bench.clock.advance(100)
    assert len(bench.limiter.settlements) == made
    await bench.keeper.aclose()


async def test_no_charge_is_made_again() -> None:
    bench, client = Bench(), client_of(concurrency=1)
    await bench.take(client, "a")
    bench.limiter.away = True
    await bench.settle(client, "a")
    await bench.clock.advance(100)
    assert bench.limiter.takes == 1
