"""A cache key is the whole question: whatever may change an answer changes the key, and nothing else does."""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import assume, given
from msgspec import Struct
from msgspec.structs import fields, replace

from llm_gateway.adapters.outbound.memory.reply_cache import MemoryReplyCache
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.cache_lookup import CacheLookup
from llm_gateway.domain.cache_key import CacheKey, cache_keys
from llm_gateway.domain.cache_policy import CacheDirective, CacheMode
from llm_gateway.domain.chat import ChatCall, ChatReply, ChatRequest, Text, UserMessage
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality, Plan, Task

from .generated import TEXTS, changes, fullest, structs_in, values_of

ENDPOINT = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)
ANOTHER = Endpoint(id=EndpointId(provider="gemini", model="gemini-flash-latest"), locality=Locality.CLOUD)
FULL: list[ChatRequest] = fullest(ChatRequest)


def key(request: ChatRequest, endpoint: Endpoint = ENDPOINT, namespace: str = "team") -> CacheKey:
    return cache_keys(namespace, [endpoint], request)[endpoint]


@pytest.mark.parametrize("request_", FULL)
def test_changing_any_field_at_any_depth_changes_the_key(request_: ChatRequest) -> None:
    for changed in changes(request_, ChatRequest):
        assert key(changed) != key(request_), changed


@given(values_of(ChatRequest))
def test_changing_any_field_of_any_request_changes_the_key(request: ChatRequest) -> None:
    known = key(request)

    assert all(key(changed) != known for changed in changes(request, ChatRequest))


def test_the_changes_reach_every_field_of_every_type_that_a_request_may_hold() -> None:
    def filled(value: object) -> set[tuple[type[Struct], str]]:
        if isinstance(value, Struct):
            own = {(type(value), field.name) for field in fields(value) if getattr(value, field.name)}
            return own.union(*(filled(getattr(value, field.name)) for field in fields(value)))
        return set().union(*map(filled, value)) if isinstance(value, tuple) else set()

    reached = set().union(*map(filled, FULL))

    assert reached == {(kind, field.name) for kind in structs_in(ChatRequest) for field in fields(kind)}


@given(values_of(ChatRequest), values_of(ChatRequest))
def test_the_key_is_the_same_for_the_same_request_and_no_other(one: ChatRequest, other: ChatRequest) -> None:
    assume(one != other)

    assert key(one) == key(replace(one))
    assert key(one) != key(other)


class _Counting:
    """Blake2b, with how many bytes are hashed."""

    hashed = 0

    def __init__(self, data: bytes, inner: Any = None, **options: Any) -> None:
        type(self).hashed += len(data)
        self._inner = inner or blake2b(data, **options)

    def copy(self) -> "_Counting":
        return _Counting(b"", self._inner.copy())

    def update(self, data: bytes) -> None:
        type(self).hashed += len(data)
        self._inner.update(data)

    def digest(self) -> bytes:
        return bytes(self._inner.digest())


def test_a_long_question_is_hashed_once_however_many_endpoints_may_answer_it(monkeypatch: pytest.MonkeyPatch) -> None:
    request = ChatRequest(messages=(UserMessage(content=(Text(text="long " * 2000),)),))
    known = cache_keys("team", [ENDPOINT, ANOTHER], request)
    monkeypatch.setattr("llm_gateway.domain.cache_key.blake2b", _Counting)

    again = replace(request)  # of the first one the hash is known
    assert cache_keys("team", [ENDPOINT, ANOTHER], again) == known
    assert 10_000 < _Counting.hashed < 11_000


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_namespace_provider_model_and_fingerprint_are_each_in_the_key(
    namespace: str, provider: str, model: str, fingerprint: str, more: str
) -> None:
    assume(more)

    def made(namespace: str, provider: str, model: str, fingerprint: str) -> CacheKey:
        id = EndpointId(provider=provider, model=model)
        return key(FULL[0], Endpoint(id=id, locality=Locality.CLOUD, fingerprint=fingerprint), namespace)

    keys = {
        made(namespace, provider, model, fingerprint),
        made(namespace + more, provider, model, fingerprint),
        made(namespace, provider + more, model, fingerprint),
        made(namespace, provider, model + more, fingerprint),
        made(namespace, provider, model, fingerprint + more),
    }

    assert len(keys) == 5


def test_each_endpoint_of_a_plan_has_a_key_of_32_bytes_of_its_own() -> None:
    keys = cache_keys("team", [ENDPOINT, ANOTHER], FULL[0])

    assert list(keys) == [ENDPOINT, ANOTHER]
    assert keys[ENDPOINT] != keys[ANOTHER]
    assert {len(made) for made in keys.values()} == {32}


async def test_nothing_of_a_call_but_its_request_is_in_the_key() -> None:
    lookup = CacheLookup(ChatReply, MemoryReplyCache(ScriptedClock()), ttl=timedelta(minutes=1))
    plan = Plan(hint=None, pinned=False, endpoints=(EndpointState(endpoint=ENDPOINT, features=frozenset()),))
    client = Client(id=ClientId("one"), namespace="team", quota=Quota())
    call = ChatCall(request=FULL[0])

    async def keys_of(call: ChatCall, client: Client) -> Mapping[Endpoint, CacheKey]:
        return (await lookup.find(plan, client, call.request, call.cache)).keys

    known = await keys_of(call, client)
    unlike = replace(client, id=ClientId("two"), hints=frozenset())

    assert await keys_of(call, unlike) == known
    for changed in changes(call, ChatCall):
        if changed.request == call.request and changed.cache.mode is not CacheMode.BYPASS:
            assert await keys_of(changed, client) == known, changed
    bypassing = replace(call, cache=CacheDirective(mode=CacheMode.BYPASS))
    assert await keys_of(bypassing, client) == {}


@given(values_of(EmbedRequest))
def test_changing_any_field_of_an_embedding_changes_its_key(request: EmbedRequest) -> None:
    def made(request: EmbedRequest) -> CacheKey:
        return cache_keys("team", [ENDPOINT], request, task=Task.EMBED)[ENDPOINT]

    assert made(replace(request)) == made(request)
    assert all(made(changed) != made(request) for changed in changes(request, EmbedRequest))


def test_the_same_bytes_asked_of_another_task_have_another_key() -> None:
    keys = {cache_keys("team", [ENDPOINT], FULL[0], task=task)[ENDPOINT] for task in Task}

    assert len(keys) == len(Task)
