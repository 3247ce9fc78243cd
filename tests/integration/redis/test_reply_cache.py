"""What the cache stores, for how long, and that its troubles are misses; with the real lookup before it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from secrets import token_hex
from typing import Any

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from llm_gateway.adapters.outbound.memory.reply_cache import MemoryReplyCache
from llm_gateway.adapters.outbound.redis.rate_limiter import RedisRateLimiter
from llm_gateway.adapters.outbound.redis.reply_cache import JITTER, MAX_ENTRY_BYTES, RedisReplyCache
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.answer_chat import admit_and_find
from llm_gateway.application.cache_lookup import CacheLookup, CacheView, Found
from llm_gateway.application.throttle_client import ThrottleClient
from llm_gateway.domain.cache_key import CacheKey
from llm_gateway.domain.cache_policy import CacheDirective
from llm_gateway.domain.chat import ChatCall, ChatReply, ChatRequest, FinishReason, Text, Usage, UserMessage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.errors import LimiterUnavailable, QuotaExceeded
from llm_gateway.domain.quota import Bucket, Quota
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Hint, Locality, Plan
from llm_gateway.testing import SeededEntropy
from llm_gateway.testing.contracts.reply_cache import new_key

from .conftest import PATIENCE, Open
from .proxy import Proxy
from .valkey import Valkey

HOUR = timedelta(hours=1)
HERE = Endpoint(id=EndpointId(provider="ollama", model="llama"), locality=Locality.ON_PREMISES)
THERE = Endpoint(id=EndpointId(provider="gemini", model="flash"), locality=Locality.CLOUD)
REPLY = ChatReply(
    endpoint=HERE.id,
    content="Hello",
    finish_reason=FinishReason.STOP,
    usage=Usage(prompt_tokens=1, completion_tokens=1),
    model="llama",
)


def name_of(server: Valkey, key: CacheKey) -> bytes:
    (name,) = server.ask("KEYS", f"*{key.hex()}")
    assert isinstance(name, bytes)
    return name


async def test_entries_end_at_different_times_and_none_too_late(open_url: Open, server: Valkey) -> None:
    cache, keys = RedisReplyCache(open_url(server.url), SeededEntropy()), [new_key() for _ in range(20)]
    for key in keys:
        await cache.put(key, b"entry", HOUR)
    lives = [server.ask("PTTL", name_of(server, key)) for key in keys]
    assert 3_600_000 * (1 - JITTER) - 5_000 <= min(lives) < max(lives) <= 3_600_000
    assert max(lives) - min(lives) > 100_000


async def test_an_entry_that_is_too_large_is_not_kept_and_leaves_no_older_one(open_url: Open, server: Valkey) -> None:
    cache, key = RedisReplyCache(open_url(server.url), SeededEntropy()), new_key()
    await cache.put(key, bytes(MAX_ENTRY_BYTES), HOUR)
    assert len(await cache.get([key])) == 1
    await cache.put(key, bytes(MAX_ENTRY_BYTES + 1), HOUR)
    assert await cache.get([key]) == {}


async def test_a_foreign_value_and_a_server_that_is_away_are_misses(open_url: Open, server: Valkey) -> None:
    async with Proxy(server.port) as wire:
        cache, key = RedisReplyCache(open_url(wire.url), SeededEntropy()), new_key()
        await cache.put(key, b"entry", HOUR)
        name = name_of(server, key)
        server.ask("DEL", name)
        server.ask("HSET", name, "a", "b")
        assert await cache.get([key, new_key()]) == {}
        wire._server.close()
        wire.reset()
        assert await cache.get([key]) == {}
        await cache.put(key, b"entry", HOUR)


async def test_several_entries_on_one_server_are_asked_for_by_one_command(open_url: Open, server: Valkey) -> None:
    async with Proxy(server.port) as wire:
        cache = RedisReplyCache(open_url(wire.url), SeededEntropy())
        entries = {new_key(): b"entry %d" % number for number in range(3)}
        for key, entry in entries.items():
            await cache.put(key, entry, HOUR)
        wire.requests.clear()
        assert await cache.get([*entries, new_key()]) == entries
        (sent,) = wire.requests
        assert sent.startswith(b"*5\r\n$4\r\nMGET\r\n")
        wire._server.close()
        wire.reset()
        assert await cache.get(list(entries)) == {}


async def test_entries_on_several_servers_are_found_together(open_url: Open, cluster: list[Valkey]) -> None:
    cache = RedisReplyCache(open_url(f"redis+cluster://127.0.0.1:{cluster[0].port}"), SeededEntropy())
    entries = {new_key(): b"entry %d" % number for number in range(30)}
    for key, entry in entries.items():
        await cache.put(key, entry, HOUR)
    assert await cache.get([*entries, new_key()]) == entries


class Looked:
    """The real lookup over a server, and a request of a client with a hint."""

    def __init__(self, open_url: Open, server: Valkey) -> None:
        self.process = MemoryReplyCache(ScriptedClock())
        self.shared = RedisReplyCache(open_url(server.url), SeededEntropy())
        self.lookup = CacheLookup(ChatReply, self.process, self.shared, ttl=HOUR)

    async def find(self, text: str, hint: Hint | None = None, namespace: str = "team") -> CacheView[ChatReply]:
        request = ChatRequest(messages=(UserMessage(content=(Text(text=text),)),))
        plan = Plan(endpoints=(EndpointState(endpoint=HERE, features=frozenset()),), hint=hint, pinned=False)
        client = Client(id=ClientId("one"), namespace=namespace, quota=Quota())
        return await self.lookup.find(plan, client, request, CacheDirective())


async def test_a_secure_answer_is_never_in_redis(open_url: Open, server: Valkey) -> None:
    looked = Looked(open_url, server)
    before = server.ask("DBSIZE")
    await looked.lookup.keep(await looked.find("secure", Hint.SECURE), HERE, REPLY, 1.5)
    assert (await looked.find("secure", Hint.SECURE)).found == {HERE: Found(REPLY, 1.5)}
    assert server.ask("DBSIZE") == before
    assert len(looked.process) == 1


async def test_an_answer_is_found_by_another_gateway_and_not_by_another_namespace(
    open_url: Open, server: Valkey
) -> None:
    one, other = Looked(open_url, server), Looked(open_url, server)
    await one.lookup.keep(await one.find("shared"), HERE, REPLY, 1.5)
    assert (await other.find("shared")).found == {HERE: Found(REPLY, 1.5)}
    assert (await other.find("shared", namespace="another")).found == {}
    assert len(one.process) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: entry[:-1],
        lambda entry: b"",
        lambda entry: b"\xff" + entry[1:],
        lambda entry: msgpack.encode([0, *msgpack.decode(entry)[1:]]),
        lambda entry: msgpack.encode([msgpack.decode(entry)[0], bytes(32), *msgpack.decode(entry)[2:]]),
    ],
    ids=["cut", "empty", "garbled", "older", "another key's"],
)
async def test_a_corrupt_older_or_foreign_entry_is_a_miss(
    open_url: Open, server: Valkey, spoil: Callable[[Any], bytes]
) -> None:
    looked = Looked(open_url, server)
    view = await looked.find(f"spoilt {spoil}")
    await looked.lookup.keep(view, HERE, REPLY, 1.5)
    (key,) = view.keys.values()
    server.ask("SET", name_of(server, key), spoil(server.ask("GET", name_of(server, key))))
    assert (await looked.find(f"spoilt {spoil}")).found == {}


class Admitting(Looked):
    """With the client's quota in a store too: both are asked for one request."""

    def __init__(self, open_url: Open, server: Valkey, limits: str, requests: int = 10) -> None:
        super().__init__(open_url, server)
        self.client = Client(
            id=ClientId(token_hex(8)), namespace="team", quota=Quota(requests=Bucket.of(requests, 0.001))
        )
        self.throttle = ThrottleClient(RedisRateLimiter(open_url(limits)), ScriptedClock(), SeededEntropy())

    async def ask(self) -> CacheView[ChatReply]:
        state = EndpointState(endpoint=HERE, features=frozenset())
        plan = Plan(endpoints=(state, replace(state, endpoint=THERE)), hint=None, pinned=False)
        request = ChatRequest(messages=(UserMessage(content=(Text(text=self.client.id),)),))
        _, view = await admit_and_find(self.throttle, self.lookup, plan, self.client, ChatCall(request=request))
        return view


async def test_a_request_is_admitted_and_looked_up_without_a_task_of_its_own(open_url: Open, server: Valkey) -> None:
    admitting = Admitting(open_url, server, server.url)
    await admitting.lookup.keep(await admitting.ask(), HERE, REPLY, 1.5)
    loop, made = asyncio.get_running_loop(), count()

    def factory(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
        next(made)
        return asyncio.Task(work, loop=loop, **options)

    loop.set_task_factory(factory)
    try:
        view = await admitting.ask()
    finally:
        loop.set_task_factory(None)

    assert view.found == {HERE: Found(REPLY, 1.5)}
    assert next(made) == 0


async def test_a_refusal_does_not_wait_for_the_look_up(open_url: Open, server: Valkey) -> None:
    async with Proxy(server.port) as wire:
        admitting = Admitting(open_url, server, server.url, requests=1)
        admitting.lookup = CacheLookup(
            ChatReply, admitting.process, RedisReplyCache(open_url(wire.url), SeededEntropy()), ttl=HOUR
        )
        await admitting.ask()
        wire.cut()
        with pytest.raises(QuotaExceeded):
            await asyncio.wait_for(admitting.ask(), PATIENCE / 2)
        wire.reset()


async def test_quotas_that_cannot_be_looked_up_do_not_wait_for_the_look_up(open_url: Open, server: Valkey) -> None:
    async with Proxy(server.port) as wire, Proxy(server.port) as limits:
        admitting = Admitting(open_url, server, limits.url)
        admitting.lookup = CacheLookup(
            ChatReply, admitting.process, RedisReplyCache(open_url(wire.url), SeededEntropy()), ttl=HOUR
        )
        await admitting.ask()
        wire.cut()
        limits._server.close()
        limits.reset()
        with pytest.raises(LimiterUnavailable):
            await asyncio.wait_for(admitting.ask(), PATIENCE / 2)
        wire.reset()
