"""An entry that can't be read, or is another question's, is not there."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.cache_key import CacheKey

from .witnesses import FarCache
from .world import World, call_of


async def entry_of(world: World, cache: FarCache, text: str) -> tuple[CacheKey, bytes]:
    before = set(cache.entries)
    await world.ask(call_of(text))
    (key,) = set(cache.entries) - before
    return key, cache.entries[key]


def older(entry: bytes) -> bytes:
    version, *rest = msgpack.decode(entry)
    return msgpack.encode([version - 1, *rest])


def of_another_key(entry: bytes) -> bytes:
    version, _, *rest = msgpack.decode(entry)
    return msgpack.encode([version, b"another key", *rest])


def nested_too_deeply(entry: bytes) -> bytes:
    version, key, reply, took = msgpack.decode(entry)
    whole = msgpack.encode([version, key, {**reply, "extra_content": {"k": "HERE"}}, took])
    at = whole.index(b"\xa4HERE")
    return whole[:at] + b"\x91" * 100_000 + b"\xc0" + whole[at + 5 :]


def of_no_time(entry: bytes) -> bytes:
    *rest, _ = msgpack.decode(entry)
    return msgpack.encode([*rest, -1])


UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda entry: b"",
    "truncated": lambda entry: entry[:-1],
    "followed by more": lambda entry: entry + b"\x00",
    "not ours": lambda entry: b"\xff" * len(entry),
    "of other types": lambda entry: msgpack.encode({"version": 1}),
    "no text": lambda entry: entry.replace(b"Hello", b"\xff\xfe\xfd\xfc\xfb"),
    "older": older,
    "of another key": of_another_key,
    "of no time": of_no_time,
    "nested too deeply": nested_too_deeply,
}


@pytest.mark.parametrize("spoil", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_an_unreadable_entry_is_a_miss_and_is_replaced(spoil: Callable[[bytes], bytes]) -> None:
    world = World()
    cache = FarCache(world.clock)
    world = World(shared=cache)
    key, entry = await entry_of(world, cache, "Say hello.")
    assert (await world.ask(call_of("Say hello."))).cache is CacheStatus.HIT
    cache.entries[key] = spoil(entry)
    assert (await world.ask(call_of("Say hello."))).cache is CacheStatus.MISS
    assert cache.entries[key] == entry


async def test_an_entry_under_another_questions_key_is_a_miss() -> None:
    world = World()
    cache = FarCache(world.clock)
    world = World(shared=cache)
    mine, _ = await entry_of(world, cache, "mine")
    _, other = await entry_of(world, cache, "other")
    cache.entries[mine] = other
    assert (await world.ask(call_of("mine"))).cache is CacheStatus.MISS


@given(noise=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
async def test_no_damage_to_an_entry_is_an_error(noise: list[tuple[int, int]]) -> None:
    world = World()
    cache = FarCache(world.clock)
    world = World(shared=cache)
    key, entry = await entry_of(world, cache, "Say hello.")
    damaged = bytearray(entry)
    for at, byte in noise:
        damaged[at % len(damaged)] = byte
    cache.entries[key] = bytes(damaged)
    assert (await world.ask(call_of("Say hello."))).cache in (CacheStatus.MISS, CacheStatus.HIT)
