"""What the gateway knows of an Ollama server, looked at over a real socket."""

import asyncio

import pytest

from llm_gateway.adapters.outbound.memory.directories import JoinedEndpoints
from llm_gateway.adapters.outbound.ollama import directory as module
from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.adapters.outbound.vendor_http.server_directory import (
    ANSWER_SECONDS,
    DOWN_SECONDS,
    LAST_KNOWN_SECONDS,
    UP_SECONDS,
)
from llm_gateway.domain.routing import EndpointState, Feature, Locality, Task

from ..waiting import eventually
from .server import Model, OllamaServer

pytestmark = pytest.mark.usefixtures("each_transport")


async def looked(server: OllamaServer, *, model: str = "llama3.1", num_ctx: int | None = None) -> list[EndpointState]:
    directory = OllamaDirectory(model=model, clock=SystemClock(), base_url=server.url, num_ctx=num_ctx)
    await directory.look()
    await directory.aclose()
    return list(directory.snapshot())


async def test_the_configured_model_comes_first_and_the_others_only_by_name(server: OllamaServer) -> None:
    server.models = [Model(name="qwen3:8b"), Model(name="llama3.1:latest"), Model(name="gemma3:latest")]
    states = await looked(server)
    assert [(state.endpoint.name, state.pin_only) for state in states] == [
        ("ollama/llama3.1", False),
        ("ollama/gemma3", True),
        ("ollama/qwen3:8b", True),
    ]
    assert all(state.unusable is None and state.configured for state in states)
    assert {state.endpoint.locality for state in states} == {Locality.ON_PREMISES}


async def test_features_are_what_the_model_can(server: OllamaServer) -> None:
    server.models = [
        Model(name="llama3.1:latest", capabilities=("completion",)),
        Model(name="seer:latest", capabilities=("completion", "vision", "thinking", "tools")),
    ]
    plain, seer = await looked(server)
    tools = {Feature.TOOLS, Feature.TOOL_CHOICE, Feature.TOOLS_WITH_JSON, Feature.FORCED_TOOLS_WITH_JSON}
    assert seer.features - plain.features == {
        Feature.IMAGES,
        Feature.TOOL_RESULT_MEDIA,
        Feature.REASONING_EFFORT,
        *tools,
    }
    assert {Feature.SEED, Feature.JSON_SCHEMA, Feature.STOP} <= plain.features


async def test_a_models_tasks_are_what_it_can_and_one_that_can_do_neither_is_left_out(server: OllamaServer) -> None:
    server.models += [
        Model(name="embedder:latest", capabilities=("embedding",)),
        Model(name="painter:latest", capabilities=("image",)),
        Model(name="versatile:latest", capabilities=("completion", "embedding")),
    ]
    assert [(state.endpoint.id.model, state.tasks, state.pin_only) for state in await looked(server)] == [
        ("llama3.1", frozenset({Task.CHAT}), False),
        ("embedder", frozenset({Task.EMBED}), True),
        ("versatile", frozenset(Task), True),
    ]


async def test_the_servers_own_model_may_be_one_that_only_embeds(server: OllamaServer) -> None:
    server.models = [Model(name="embedder:latest", capabilities=("embedding",)), Model(name="painter:latest")]
    own = (await looked(server, model="embedder"))[0]
    assert (own.tasks, own.unusable, own.pin_only) == (frozenset({Task.EMBED}), None, False)


async def test_the_servers_own_model_that_can_do_neither_says_so(server: OllamaServer) -> None:
    server.models = [Model(name="painter:latest", capabilities=("image",))]
    (own,) = await looked(server, model="painter")
    assert own.unusable == "this model neither chats nor embeds"


async def test_a_model_that_is_not_pulled_says_how_to_get_it(server: OllamaServer) -> None:
    (own, *_) = await looked(server, model="mistral")
    assert own.unusable == "not pulled: run `ollama pull mistral`"
    assert own.tasks == frozenset(Task)
    assert own.configured


@pytest.mark.parametrize(
    "model",
    [
        Model(name="big:120b-cloud"),
        Model(name="big:cloud"),
        Model(name="alias:latest", remote_host="https://elsewhere.example:443"),
    ],
)
async def test_a_model_hosted_elsewhere_is_in_the_cloud(server: OllamaServer, model: Model) -> None:
    server.models.append(model)
    own, far = await looked(server)
    assert own.endpoint.locality is Locality.ON_PREMISES
    assert far.endpoint.locality is Locality.CLOUD


@pytest.mark.parametrize("name", ["glm:cloud", " GLM:Cloud", "glm:120b-CLOUD", "glm-cloud"])
@pytest.mark.parametrize("listed", [True, False])
async def test_a_name_of_the_cloud_is_in_the_cloud_before_any_list_is_looked_at_and_whatever_it_says(
    server: OllamaServer, name: str, listed: bool
) -> None:
    server.models = [Model(name=name)] if listed else []
    directory = OllamaDirectory(model=name, clock=SystemClock(), base_url=server.url)
    before = directory.snapshot()[0]
    await directory.look()
    assert before.endpoint.locality is directory.snapshot()[0].endpoint.locality is Locality.CLOUD
    await directory.aclose()


async def test_a_model_that_the_server_does_not_describe_may_be_hosted_anywhere(server: OllamaServer) -> None:
    server.absent = {"/api/show", "/api/ps"}
    (own,) = await looked(server)
    assert own.unusable is None
    assert own.endpoint.locality is Locality.CLOUD


async def test_a_new_digest_or_context_is_another_fingerprint(server: OllamaServer) -> None:
    prints = [
        (await looked(server))[0].endpoint.fingerprint,
        (await looked(server, num_ctx=99))[0].endpoint.fingerprint,
    ]
    server.models = [Model(name="llama3.1:latest", digest="sha256:2")]
    prints.append((await looked(server))[0].endpoint.fingerprint)
    assert len(set(prints)) == 3


@pytest.mark.parametrize(
    ("num_ctx", "model", "loaded", "context"),
    [
        (9_000_000, Model(name="llama3.1:latest"), True, 131_072),
        (8192, Model(name="llama3.1:latest"), True, 8192),
        (16_384, Model(name="llama3.1:latest", context_length=8192), False, 8192),
        (8192, Model(name="llama3.1:latest", num_ctx=512), True, 8192),
        (None, Model(name="llama3.1:latest", num_ctx=512), True, 512),
        (None, Model(name="llama3.1:latest", num_ctx=512), False, 512),
        (None, Model(name="llama3.1:latest", num_ctx=16_384, context_length=8192), False, 8192),
        (None, Model(name="llama3.1:latest"), True, 4096),
        (None, Model(name="llama3.1:latest"), False, None),
    ],
)
async def test_the_context_is_what_a_call_is_answered_in_and_never_the_trained_length_alone(
    server: OllamaServer, num_ctx: int | None, model: Model, loaded: bool, context: int | None
) -> None:
    server.models = [model]
    if not loaded:
        server.evict()
    assert (await looked(server, num_ctx=num_ctx))[0].context_length == context


async def test_the_version_is_asked_once_and_again_after_the_server_was_away(server: OllamaServer) -> None:
    clock = ScriptedClock()
    directory = OllamaDirectory(model="llama3.1", clock=clock, base_url=server.url)
    for _ in range(3):
        await directory.look()
    assert _asked(server, "/api/version") == 1
    assert directory.snapshot()[0].server_version == "0.33.0"
    server.absent, server.version = {"/api/tags"}, "0.34.1"
    await directory.look()
    server.absent = set()
    for _ in range(3):
        await directory.look()
    assert _asked(server, "/api/version") == 2
    assert directory.snapshot()[0].server_version == "0.34.1"
    await directory.aclose()


async def test_looks_that_see_the_same_leave_the_endpoints_the_same_tuple(server: OllamaServer) -> None:
    directory = OllamaDirectory(model="llama3.1", clock=ScriptedClock(), base_url=server.url)
    joined = JoinedEndpoints([directory])
    await directory.look()
    seen = joined.snapshot()
    assert directory.snapshot() is directory.snapshot()
    assert isinstance(directory.snapshot(), tuple)

    await directory.look()
    assert joined.snapshot() is seen
    await directory.aclose()


async def test_what_was_last_seen_holds_for_a_while_when_a_look_fails(server: OllamaServer) -> None:
    clock = ScriptedClock()
    directory = OllamaDirectory(model="llama3.1", clock=clock, base_url=server.url)
    await directory.look()
    seen = directory.snapshot()
    server.absent = {"/api/tags"}
    await clock.advance(LAST_KNOWN_SECONDS - 1)
    await directory.look()
    assert directory.snapshot() == seen
    await clock.advance(1)
    await directory.look()
    assert directory.snapshot()[0].unusable == "refused access, or is no Ollama server"
    server.absent = set()
    await directory.look()
    assert directory.snapshot() == seen
    await directory.aclose()


async def test_what_was_never_seen_does_not_hold(server: OllamaServer) -> None:
    server.absent = {"/api/tags"}
    assert (await looked(server))[0].unusable == "refused access, or is no Ollama server"


async def test_a_server_that_loads_a_model_and_does_not_say_what_runs_is_well(server: OllamaServer) -> None:
    """Since 0.30 its `/api/ps` waits for a load."""
    clock = ScriptedClock()
    directory = OllamaDirectory(model="llama3.1", clock=clock, base_url=server.url)
    await directory.look()
    seen = directory.snapshot()
    server.silent = {"/api/ps"}
    await clock.advance(LAST_KNOWN_SECONDS)
    looking = asyncio.create_task(directory.look())
    await server.parked.wait()
    await clock.advance(ANSWER_SECONDS)
    await looking
    assert directory.snapshot() == seen
    await directory.aclose()


def _asked(server: OllamaServer, path: str) -> int:
    return sum(asked.path == path for asked in server.asked)


async def test_a_model_is_described_once_as_long_as_it_is_the_same(server: OllamaServer) -> None:
    directory = OllamaDirectory(model="llama3.1", clock=SystemClock(), base_url=server.url)
    for _ in range(3):
        await directory.look()
    assert len([asked for asked in server.asked if asked.path == "/api/show"]) == 1
    await directory.aclose()


async def test_before_the_first_look_nothing_is_usable() -> None:
    directory = OllamaDirectory(model="llama3.1", clock=SystemClock())
    (own,) = directory.snapshot()
    assert (own.configured, own.unusable) == (False, "not looked at yet")
    await directory.aclose()


@pytest.mark.parametrize("explicit", [True, False])
async def test_a_server_that_is_away_is_skipped_and_says_so(
    server: OllamaServer, monkeypatch: pytest.MonkeyPatch, explicit: bool
) -> None:
    away = "http://127.0.0.1:1"
    monkeypatch.setattr(module, "DEFAULT_URL", away)
    directory = OllamaDirectory(model="llama3.1", clock=SystemClock(), base_url=away if explicit else None)
    await directory.look()
    (own,) = directory.snapshot()
    assert (own.configured, own.unusable) == (explicit, "not reachable at its address")
    await directory.aclose()


async def test_the_default_address_is_configured_once_it_answers(
    server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEFAULT_URL", server.url)
    directory = OllamaDirectory(model="llama3.1", clock=SystemClock())
    await directory.look()
    assert directory.snapshot()[0].configured
    await directory.aclose()


async def test_an_address_outside_is_in_the_cloud_before_it_is_asked() -> None:
    clock = ScriptedClock()
    directory = OllamaDirectory(model="llama3.1", clock=clock, base_url="http://192.0.2.1:11434")
    look = asyncio.create_task(directory.look())
    await clock.advance(6)
    await look
    (own,) = directory.snapshot()
    assert own.endpoint.locality is Locality.CLOUD
    assert own.unusable is not None
    await directory.aclose()


async def test_it_looks_again_and_sooner_at_a_server_that_is_away(server: OllamaServer) -> None:
    clock = ScriptedClock()
    directory = OllamaDirectory(model="llama3.1", clock=clock, base_url=server.url)
    server.absent = {"/api/tags"}
    directory.start()
    await _looks(server, 1, directory, "refused access, or is no Ollama server")
    server.absent = set()
    await clock.advance(DOWN_SECONDS)
    await _looks(server, 2, directory, None)
    await clock.advance(UP_SECONDS - 1)
    assert _count(server) == 2
    await clock.advance(1)
    await _looks(server, 3, directory, None)
    await directory.aclose()


def _count(server: OllamaServer) -> int:
    return sum(asked.path == "/api/tags" for asked in server.asked)


async def _looks(server: OllamaServer, number: int, directory: OllamaDirectory, unusable: str | None) -> None:
    await eventually(lambda: _count(server) >= number and directory.snapshot()[0].unusable == unusable)


async def test_what_is_no_name_is_not_listed(server: OllamaServer) -> None:
    odd = ("a\r\nX-Evil: 1", "\x1b[31mred", "half \ud800", "x" * 300)
    server.models += [*(Model(name=name) for name in odd), Model(name="odd:latest", digest="\ud800")]
    assert [(state.endpoint.id.model, state.unusable) for state in await looked(server)] == [("llama3.1", None)]


async def test_what_is_loaded_is_told_by_the_endpoints_names_and_anew_each_time_it_is_asked(
    server: OllamaServer,
) -> None:
    server.models = [Model(name="qwen3:8b"), Model(name="llama3.1:latest"), Model(name="gemma3:latest")]
    server.loaded = {"llama3.1:latest", "qwen3:8b"}
    directory = OllamaDirectory(model="llama3.1", clock=SystemClock(), base_url=server.url)
    assert directory.loaded() == {}
    await directory.look()
    first = directory.loaded()
    assert first == {"llama3.1": server.default_context, "qwen3:8b": server.default_context}
    assert directory.loaded() is first
    server.evict("llama3.1:latest")
    await directory.look_loaded()
    assert directory.loaded() == {"qwen3:8b": server.default_context}
    again = directory.loaded()
    await directory.look_loaded()
    assert directory.loaded() == again
    assert directory.loaded() is not again
    await directory.aclose()


async def test_a_server_that_can_t_say_what_is_loaded_still_has_what_it_had() -> None:
    directory = OllamaDirectory(model="llama3.1", clock=SystemClock(), base_url="http://127.0.0.1:1")
    await directory.look_loaded()
    assert directory.loaded() == {}
    await directory.aclose()
