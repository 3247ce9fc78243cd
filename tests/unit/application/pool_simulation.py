"""Servers that load models, and a day's requests for them in seconds: through a pool, and by least connections."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from random import Random
from typing import Any

from msgspec import Struct

from llm_gateway.adapters.outbound.memory.directories import FixedEndpoints
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.telemetry.silent import SilentObservation, SilentObserver
from llm_gateway.application.breakers import Breakers
from llm_gateway.application.pools import Pool
from llm_gateway.application.ports.providers import Provider
from llm_gateway.application.records import RequestId
from llm_gateway.application.request_recorder import RequestRecorder
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.resilience import Deadline, Outcome
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality, Task

SERVERS, MODELS, CLIENTS = ("a", "b", "c"), ("m1", "m2", "m3", "m4", "m5"), ("batch", "agent", "chat", "eval", "cron")
MODEL_SHARES, CLIENT_SHARES = (50, 25, 13, 8, 4), (60, 20, 10, 6, 4)
LOAD_SECONDS, ANSWER_SECONDS = (4.0, 8.0), (1.0, 5.0)


class Demand(Struct, frozen=True, kw_only=True):
    at: float
    client: ClientId
    model: str
    load_seconds: float
    answer_seconds: float


def demand(requests: int, a_second: float, seed: int) -> Sequence[Demand]:
    random, at, made = Random(seed), 0.0, []
    for _ in range(requests):
        at += random.expovariate(a_second)
        (client,), (model,) = random.choices(CLIENTS, CLIENT_SHARES), random.choices(MODELS, MODEL_SHARES)
        load, answer = random.uniform(*LOAD_SECONDS), random.uniform(*ANSWER_SECONDS)
        made.append(Demand(at=at, client=ClientId(client), model=model, load_seconds=load, answer_seconds=answer))
    return made


class Server:
    """Has room for `fits` models, and gives up the one that was idle for the longest, as soon as one is."""

    def __init__(self, name: str, fits: int, clock: ScriptedClock, loading: Counter[str]) -> None:
        self.name = name
        self.loads = 0
        self.second_loads = 0
        self.told: Mapping[str, int] = {}
        self._fits = fits
        self._clock = clock
        self._loaded: dict[str, asyncio.Future[None]] = {}  # in the order of their use
        self._busy: Counter[str] = Counter()
        self._all_loading = loading
        self._idle = asyncio.Condition()

    async def answer(self, one: Demand, begins: Callable[[], object]) -> None:
        self._busy[one.model] += 1
        if one.model not in self._loaded:
            await self._load(one)
        self._loaded[one.model] = loaded = self._loaded.pop(one.model)
        await loaded
        begins()
        await self._clock.sleep(one.answer_seconds)
        self._busy[one.model] -= 1
        async with self._idle:
            self._idle.notify_all()

    async def look(self) -> None:
        self.told = {model: 4096 for model, loaded in self._loaded.items() if loaded.done()}

    async def _load(self, one: Demand) -> None:
        async with self._idle:
            while one.model not in self._loaded and len(self._loaded) >= self._fits:
                idle = next((model for model in self._loaded if not self._busy[model]), None)
                if idle is not None:
                    del self._loaded[idle]
                else:
                    await self._idle.wait()
            if one.model in self._loaded:
                return
            loaded = self._loaded[one.model] = asyncio.get_running_loop().create_future()
        self.loads += 1
        self.second_loads += bool(self._all_loading[one.model])
        self._all_loading[one.model] += 1
        await self._clock.sleep(one.load_seconds)
        self._all_loading[one.model] -= 1
        loaded.set_result(None)


class Played(Struct, frozen=True, kw_only=True):
    """What came of it: all loads, those of a model that was being loaded, and each client's longest turn, in seconds.

    A turn is from where all of the client's own before it are sent.
    """

    loads: int
    second_loads: int
    turns: Mapping[str, float]


class Simulation:
    def __init__(self, *, fits: int, slots: int) -> None:
        self.clock = ScriptedClock()
        loading: Counter[str] = Counter()
        self.servers = {name: Server(name, fits, self.clock, loading) for name in SERVERS}
        self.slots = slots
        self.sent: dict[str, float] = {}
        self.turns: dict[str, float] = {}

    async def play(self, requests: Sequence[Demand], answer: Callable[[Demand], Coroutine[Any, Any, None]]) -> Played:
        began = self.clock.monotonic()
        tasks: list[asyncio.Task[None]] = []
        for one in requests:
            await self.clock.advance(began + one.at - self.clock.monotonic())
            tasks.append(asyncio.create_task(answer(one)))
        while not all(task.done() for task in tasks):
            await self.clock.advance(10.0)
        await asyncio.gather(*tasks)
        servers = self.servers.values()
        return Played(
            loads=sum(server.loads for server in servers),
            second_loads=sum(server.second_loads for server in servers),
            turns=self.turns,
        )

    def turn_came(self, client: str, since: float) -> None:
        """For one that came then."""
        now = self.clock.monotonic()
        turn = now - max(since, self.sent.get(client, 0.0))
        self.sent[client] = now
        self.turns[client] = max(turn, self.turns.get(client, 0.0))


class ThroughPool(Simulation):
    def __init__(self, *, fits: int, slots: int) -> None:
        super().__init__(fits=fits, slots=slots)
        providers = [
            Provider(
                name=name,
                directory=FixedEndpoints([_state(name, model) for model in MODELS]),
                loaded=lambda server=server: server.told,  # type: ignore[misc]
                look_loaded=server.look,
            )
            for name, server in self.servers.items()
        ]
        more = Breakers(self.clock), self.clock, SilentObserver()
        self.pool = Pool("pool", MODELS[0], providers, *more, slots=slots, queue=100_000)
        self.endpoints = {state.endpoint.id.model: state.endpoint for state in self.pool.snapshot()}

    async def answer(self, one: Demand) -> None:
        came = self.clock.monotonic()
        recorder = RequestRecorder(
            Task.CHAT,
            Client(id=one.client, namespace=one.client, quota=Quota()),
            None,
            RequestId("one"),
            SilentObservation(),
            self.clock,
            lambda _: None,
            streamed=False,
        )
        endpoint, deadline = self.endpoints[one.model], Deadline(came + 1e9)
        turn = await self.pool.turn(endpoint, recorder, deadline, tokens=0, tried=frozenset())
        self.turn_came(one.client, came)
        await self.servers[turn.to.id.provider].answer(one, turn.answers)
        turn.end(Outcome.HEALTHY)


class LeastConnections(Simulation):
    """First come, first served, each by the server with the least under way."""

    def __init__(self, *, fits: int, slots: int) -> None:
        super().__init__(fits=fits, slots=slots)
        self.under_way: Counter[str] = Counter(dict.fromkeys(SERVERS, 0))
        self.waiting: deque[asyncio.Future[str]] = deque()

    async def answer(self, one: Demand) -> None:
        came = self.clock.monotonic()
        place: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append(place)
        self.serve()
        name = await place
        self.turn_came(one.client, came)
        await self.servers[name].answer(one, lambda: None)
        self.under_way[name] -= 1
        self.serve()

    def serve(self) -> None:
        while self.waiting:
            name = min(SERVERS, key=lambda name: self.under_way[name])
            if self.under_way[name] >= self.slots:
                return
            self.under_way[name] += 1
            self.waiting.popleft().set_result(name)


def _state(server: str, model: str) -> EndpointState:
    id = EndpointId(provider=server, model=model)
    return EndpointState(endpoint=Endpoint(id=id, locality=Locality.ON_PREMISES), features=frozenset())
