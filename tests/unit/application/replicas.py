"""Gateways' quotas over one limiter that all share, on a bad network, in an order that a seed decides."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random
from typing import TypeVar

from typing_extensions import override

from llm_gateway.adapters.outbound.memory.rate_limiter import MemoryRateLimiter
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock, settle
from llm_gateway.adapters.outbound.scripted.entropy import SeededEntropy
from llm_gateway.adapters.outbound.telemetry.silent import SilentStoreMeter
from llm_gateway.application.fallback_limiter import AbsentPolicy, FallbackLimiter
from llm_gateway.application.ports.stores import RateLimiter
from llm_gateway.application.throttle_client import ThrottleClient
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import LimiterUnavailable, QuotaExceeded
from llm_gateway.domain.events import Collector, Finished, Started
from llm_gateway.domain.quota import LEASE_MS, Bucket, Charge, Decision, LimiterMode, Quota, ReservationId
from llm_gateway.domain.routing import EndpointState

from .world import CLOUD, call_of

REPLICAS = 3
OUTPUT = 20
REQUEST = call_of("hello").request
STATE = EndpointState(endpoint=CLOUD, features=frozenset())
LATEST_SECONDS = 5.0
LONGEST_SECONDS = 2 * LEASE_MS / 1000
"""Of an answer."""
T = TypeVar("T")


class ServersClock(ScriptedClock):
    """As far from the replicas' as it is set."""

    def __init__(self, clock: ScriptedClock) -> None:
        super().__init__()
        self._clock = clock
        self.skew = 0.0

    @override
    def monotonic(self) -> float:
        return 1_000_000 + self._clock.monotonic() + self.skew


class Server(MemoryRateLimiter):
    """Loses what it is sent, or its answer, or carries it out late, in `lossy` of a hundred cases each."""

    def __init__(self, clock: ScriptedClock, random: Random) -> None:
        self.clock = ServersClock(clock)
        super().__init__(self.clock)
        self._replicas = clock
        self._random = random
        self.lossy = 3
        self.away = False
        self.late: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        self._accounts.clear()

    async def carry(self, asked: Callable[[], Awaitable[T]]) -> T:
        chance = self._random.randrange(100) // self.lossy if self.lossy else 9
        if self.away or chance == 0:
            raise LimiterUnavailable("lost", doubtful=not self.away)
        if chance == 1:
            task = asyncio.create_task(self._later(asked))
            self.late.add(task)
            task.add_done_callback(self.late.discard)
            raise LimiterUnavailable("late", doubtful=True)
        answer = await asked()
        if chance == 2:
            raise LimiterUnavailable("unheard", doubtful=True)
        return answer

    async def _later(self, asked: Callable[[], Awaitable[object]]) -> None:
        await self._replicas.sleep(self._random.uniform(0, LATEST_SECONDS))
        await asked()


class Wire(RateLimiter):
    """From one replica to the server; `cut` when the replica is no more."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.cut = False

    @override
    async def take(self, client: Client, charge: Charge, reservation: ReservationId) -> Decision:
        return await self._carry(lambda: self._server.take(client, charge, reservation))

    @override
    async def renew(self, client: Client, *reservations: ReservationId) -> None:
        await self._carry(lambda: self._server.renew(client, *reservations))

    @override
    async def settle(self, client: Client, reservation: ReservationId, tokens: int) -> None:
        await self._carry(lambda: self._server.settle(client, reservation, tokens))

    @override
    async def spend(self, client: Client, requests: int, tokens: int, reservation: ReservationId) -> None:
        await self._carry(lambda: self._server.spend(client, requests, tokens, reservation))

    async def _carry(self, asked: Callable[[], Awaitable[T]]) -> T:
        if self.cut:
            raise LimiterUnavailable("the replica is no more")
        return await self._server.carry(asked)


class Replica:
    def __init__(self, server: Server, clock: ScriptedClock, policy: AbsentPolicy, seed: int) -> None:
        self.wire = Wire(server)
        limiter = FallbackLimiter(self.wire, policy, REPLICAS, clock, SilentStoreMeter())
        self.throttle = ThrottleClient(limiter, clock, SeededEntropy(seed), reserved_output=OUTPUT)
        self.answers: set[asyncio.Task[None]] = set()


class Replicas:
    def __init__(self, seed: int, policies: Sequence[AbsentPolicy] = (AbsentPolicy.LOCAL, AbsentPolicy.CLOSED)) -> None:
        self._random = random = Random(seed)
        self._clock = ScriptedClock()
        self._began = self._clock.monotonic()
        self.server = Server(self._clock, random)
        self._policy = random.choice(policies)
        self._capacity, self._rate = random.randint(1, 12), random.choice((0.2, 1.0, 5.0))
        self._client = Client(
            id=ClientId("one"),
            namespace="team",
            quota=Quota(
                requests=Bucket.of(self._capacity, self._rate),
                tokens=random.choice((None, Bucket.of(1_000, 200.0))),
                concurrency=random.choice((None, 1, 3, 6)),
            ),
        )
        self._replicas = [self._new() for _ in range(REPLICAS)]
        self._all = list(self._replicas)
        self._admitted = 0
        self._skipped = 0.0
        self._forgotten = 0
        self._events = (self._ask,) * 8 + (self._pass,) * 6 + (self._go_away, self._come_back, self._crash, self._set)

    def _new(self) -> Replica:
        return Replica(self.server, self._clock, self._policy, self._random.getrandbits(32))

    async def run(self) -> None:
        """Raises `AssertionError` where a rule is broken."""
        for _ in range(self._random.randint(10, 40)):
            await self._random.choice(self._events)()
            self._check()
        await self._end()

    async def _ask(self) -> None:
        replica = self._random.choice(self._replicas)
        for _ in range(self._random.choice((1, 1, 4))):
            task = asyncio.create_task(self._answer(replica))
            replica.answers.add(task)
            task.add_done_callback(replica.answers.discard)
        await settle()

    async def _answer(self, replica: Replica) -> None:
        try:
            await replica.throttle.admit(self._client)
            self._admitted += 1
            async with replica.throttle.reserve(self._client, REQUEST, STATE) as held:
                await self._clock.sleep(self._random.choice((0.1, 1.0, LONGEST_SECONDS)))
                answer = Collector()
                answer.add(Started(endpoint=CLOUD.id))
                usage = Usage(prompt_tokens=self._random.choice((0, 10, 400)), completion_tokens=0)
                answer.add(Finished(reason=FinishReason.STOP, usage=usage, model="any"))
                held.follow(answer)
        except (QuotaExceeded, LimiterUnavailable):
            return

    async def _pass(self) -> None:
        await self._clock.advance(self._random.choice((0.01, 0.5, 1.0, 4.0, LEASE_MS / 1000)))

    async def _go_away(self) -> None:
        self.server.away = True

    async def _come_back(self) -> None:
        """As it was, or empty."""
        self.server.away = False
        if self._random.random() < 0.3:
            self._forgotten += 1
            self.server.forget()

    async def _crash(self) -> None:
        number = self._random.randrange(REPLICAS)
        gone, self._replicas[number] = self._replicas[number], self._new()
        self._all.append(self._replicas[number])
        gone.wire.cut = True
        for task in gone.answers:
            task.cancel()
        await asyncio.gather(*gone.answers, return_exceptions=True)

    async def _set(self) -> None:
        seconds = self._random.choice((-3_600.0, -1.0, 1.0, 3_600.0))
        self.server.clock.skew += seconds
        self._skipped += max(0.0, seconds)

    def _check(self) -> None:
        """No more than is stated: the quota, what a clock skipped and a server forgot, and the processes' shares."""
        seconds = self._clock.monotonic() - self._began
        most = self._capacity * (1 + self._forgotten) + self._rate * (seconds + self._skipped)
        if self._policy is not AbsentPolicy.CLOSED:
            share = self._client.quota.divided(REPLICAS).requests
            assert share is not None
            most += len(self._all) * (share.capacity + share.micros_per_second / 1e6 * seconds)
        assert self._admitted <= most, f"{self._admitted} of {most}"

    async def _pay(self, replica: Replica) -> None:
        """What it counted by itself is charged before it asks for more."""
        with suppress(QuotaExceeded):
            await replica.throttle.admit(self._client)

    async def _end(self) -> None:
        """The network is well again: everything that was held ends, and all is there for who asks then."""
        self.server.away, self.server.lossy = False, 0
        await self.server.take(self._client, Charge(), ReservationId("the first look after a clock was set"))
        await self._clock.advance(LATEST_SECONDS + LONGEST_SECONDS + 2 * LEASE_MS / 1000)
        assert not any(replica.answers for replica in self._all), "an answer never ended"
        assert not self.server.late
        for replica in self._replicas:
            await self._pay(replica)
        asked = await self.server.take(self._client, Charge(), ReservationId("look"))
        await self._clock.advance(max(limit.reset_ms for limit in (asked.requests, asked.tokens) if limit) / 1000)
        replica = self._random.choice(self._replicas)
        decision = await replica.throttle.admit(self._client)
        assert decision.mode is LimiterMode.EXACT
        assert decision.requests is not None
        assert decision.requests.remaining == self._capacity - 1
        async with replica.throttle.reserve(self._client, REQUEST, STATE):
            standing = await self.server.take(self._client, Charge(), ReservationId("one under way"))
            assert standing.concurrency is None or standing.concurrency.remaining == standing.concurrency.limit - 1
        for account in self.server._accounts.values():
            assert account.leases == 0
