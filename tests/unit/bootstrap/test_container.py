"""The container: every provider resolves, and two gateways in one process don't meet."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.util import find_spec
from types import NoneType, UnionType
from typing import get_args, get_origin, get_type_hints

import pytest
from dependency_injector.providers import Dependency, Provider
from msgspec import structs
from typing_extensions import is_protocol

from llm_gateway import (
    CacheStatus,
    ChatCall,
    ChatRequest,
    Client,
    ClientId,
    EmbedCall,
    EmbedRequest,
    Endpoint,
    EndpointId,
    EndpointState,
    FixedEndpoints,
    Gateway,
    Locality,
    NoRoute,
    Overrides,
    Quota,
    Settings,
    Task,
    Text,
    UserMessage,
    open_gateway,
)
from llm_gateway.bootstrap import kinds
from llm_gateway.bootstrap.container import Container
from llm_gateway.bootstrap.settings import EndpointSettings, Secret
from llm_gateway.domain.cache_policy import CacheSampled
from llm_gateway.testing import ScriptedChatModel, ScriptedClock, ScriptedEmbeddingModel

ME = Client(id=ClientId("me"), namespace="me", quota=Quota())
ABSENT = {"redis_credentials", "shared_cache", "shared_signatures"}
"""There without Redis, or a host that says so: none."""
CALL = ChatCall(request=ChatRequest(messages=(UserMessage(content=(Text(text="hello"),)),)))
ENDPOINTS = FixedEndpoints(
    [
        EndpointState(
            endpoint=Endpoint(id=EndpointId(provider="ollama", model="scripted"), locality=Locality.ON_PREMISES),
            features=frozenset(),
        )
    ]
)


async def test_every_provider_of_the_container_resolves() -> None:
    container = Container(settings=Settings())
    resolved: dict[str, Provider[object]] = container.providers
    for name, provider in resolved.items():
        if not isinstance(provider, Dependency):
            assert provider() is not None or name in ABSENT, name
    await container.telemetry().aclose()


STATED = {
    "cache_ttl": timedelta,
    "cache_sampled": CacheSampled,
    "signature_life": timedelta,
    "max_answer_bytes": int,
    "model_providers": Sequence[object],
    "pools": Mapping[str, object],
}
"""What no description names, and no class makes."""


async def test_every_entry_of_the_container_is_what_the_descriptions_say() -> None:
    """An entry is named as what it fills: a field of the gateway, or what a host may override."""
    said: dict[str, object] = {**STATED, **get_type_hints(Overrides), **get_type_hints(Gateway)}
    container = Container(settings=Settings())
    entries: dict[str, Provider[object]] = container.providers
    assert {*get_type_hints(Gateway), *get_type_hints(Overrides)} <= entries.keys()
    for name, entry in entries.items():
        made = getattr(entry, "provides", None)
        kinds = {said[name]} if name in said else set()
        kinds |= {made} if isinstance(made, type) else set()
        assert kinds, f"{name}: nothing says what it is"
        value = None if name in ABSENT else entry()
        for kind in kinds:
            assert value is None or any(is_one(value, one) for one in classes_in(kind)), name
    await container.telemetry().aclose()


def is_one(value: object, kind: type) -> bool:
    """A port is a protocol, which its adapters name among their bases."""
    return kind in type(value).__mro__ if is_protocol(kind) else isinstance(value, kind)


def classes_in(kind: object) -> list[type]:
    """The classes of a type, without their parameters and None."""
    parts = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    found = [get_origin(part) or part for part in parts]
    return [part for part in found if isinstance(part, type) and part is not NoneType]


async def test_everything_is_one_of_its_kind_in_a_gateway() -> None:
    async with open_gateway() as one, open_gateway() as other:
        assert isinstance(one, Gateway)
        assert one.answer_chat is not other.answer_chat
        assert one.flights is not other.flights


async def test_a_demonstration_that_is_not_installed_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "find_spec", lambda name: None)
    async with open_gateway(Settings(demo=True)) as gateway:
        with pytest.raises(NoRoute, match="embedded: not installed: the extra `embedded` is missing"):
            async with gateway.answer_chat(CALL, ME):
                pass


async def test_without_its_sdk_a_provider_is_absent_and_the_others_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "find_spec", lambda name: None if name == "ollama" else find_spec(name))
    settings = Settings(ollama_transport="sdk", gemini_api_key=Secret("a key"), gemini_base_url="http://127.0.0.1:1")
    async with open_gateway(settings) as gateway:
        reasons = {state.endpoint.id.provider: state.unusable for state in gateway.endpoints.snapshot()}
    assert reasons["ollama"] == "not installed: the extra `ollama` is missing"
    assert "not installed" not in str(reasons["gemini"])


async def test_an_endpoint_of_the_table_without_its_key_does_not_ask_for_a_variable() -> None:
    row = EndpointSettings(name="more", kind="gemini", model="gemini-flash-latest")
    async with open_gateway(Settings(endpoints=(row,))) as gateway:
        reasons = {state.endpoint.id.provider: state.unusable for state in gateway.endpoints.snapshot()}
    assert reasons["more"] == "its api_key is not set"
    assert reasons["gemini"] == "GEMINI_API_KEY is not set"


async def test_a_model_without_its_endpoints_is_refused() -> None:
    with pytest.raises(ValueError, match="endpoints"):
        async with open_gateway(chat_models={"ollama": ScriptedChatModel(ScriptedClock())}):
            pass


async def test_embedding_models_of_ones_own_are_asked() -> None:
    own = ScriptedEmbeddingModel(ScriptedClock())
    with pytest.raises(ValueError, match="endpoints"):
        async with open_gateway(embedding_models={"ollama": own}):
            pass
    (state,) = ENDPOINTS.snapshot()
    endpoints = FixedEndpoints([structs.replace(state, tasks=frozenset({Task.EMBED}))])
    call = EmbedCall(request=EmbedRequest(inputs=("hello",)), model="ollama")
    async with open_gateway(embedding_models={"ollama": own}, endpoints=endpoints) as gateway:
        assert [(await gateway.embed_texts(call, ME)).cached for _ in range(2)] == [False, True]
    assert len(own.calls) == 1


async def ask(opened: Gateway) -> CacheStatus | None:
    async with opened.answer_chat(CALL, ME) as answer:
        await answer.reply()
    return answer.cache


def test_two_gateways_in_two_event_loops_do_not_meet() -> None:
    models = [ScriptedChatModel(ScriptedClock()) for _ in range(2)]
    seen: list[list[CacheStatus | None]] = [[], []]
    both = threading.Barrier(2, timeout=10)

    async def live(number: int) -> None:
        async with open_gateway(chat_models={"ollama": models[number]}, endpoints=ENDPOINTS) as gateway:
            await asyncio.to_thread(both.wait)
            seen[number] += [await ask(gateway), await ask(gateway)]
            await asyncio.to_thread(both.wait)

    threads = [threading.Thread(target=lambda number=number: asyncio.run(live(number))) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == [[CacheStatus.MISS, CacheStatus.HIT]] * 2
    assert [len(model.calls) for model in models] == [1, 1]


def test_importing_the_package_is_cheap_and_takes_no_framework_along() -> None:
    """At most 20 ms more than asyncio and msgspec: the least of several measurements, because machines are shared."""
    code = (
        "import time, asyncio, msgspec; began = time.process_time(); import llm_gateway;"
        "print(time.process_time() - began);"
        "import sys; print(sorted({'litestar', 'uvicorn', 'dependency_injector', 'opentelemetry', 'redis', 'httpx'}"
        " & set(sys.modules)))"
    )
    took = []
    for _ in range(7):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seconds, modules = done.stdout.splitlines()
        assert modules == "[]"
        took.append(float(seconds))
    assert min(took) < 0.020
