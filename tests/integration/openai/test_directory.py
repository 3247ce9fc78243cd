"""What a server's list, its address and the operator say of its models."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.adapters.outbound.openai.client import MAX_LIST_BYTES, api_url
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.vendor_http import server_directory as directories
from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.application.ports.providers import Provider
from llm_gateway.domain.routing import UNSEEN, EndpointState, Feature, Locality, Task

from ..scripted_vendor import Reset, Script, whole
from .calls import asking, provider_at, reply_of
from .server import SpokenServer, spoken_server

NOT_LISTED = "the server's list has no such model"


@asynccontextmanager
async def looked(dialect: str = "generic", *models: Mapping[str, object], **more: Any) -> AsyncIterator[Provider]:
    async with spoken_server(dialect) as server, provider_at(server.url, dialect, **more) as provider:
        server.models = models or server.models
        assert provider.look is not None
        await provider.look()
        yield provider


def states(provider: Provider) -> dict[str, EndpointState]:
    return {state.endpoint.id.model: state for state in provider.directory.snapshot()}


async def test_before_it_is_looked_at_nothing_is_known_of_it() -> None:
    async with provider_at("http://127.0.0.1:1") as provider:
        (state,) = provider.directory.snapshot()
    assert (state.endpoint.name, state.unusable) == ("mine/able", UNSEEN)


async def test_its_own_model_comes_first_and_the_others_only_answer_by_name() -> None:
    async with looked("vllm", {"id": "b"}, {"id": "able"}, {"id": "a"}, {"id": "bad\nname"}) as provider:
        assert [(name, state.pin_only) for name, state in states(provider).items()] == [
            ("able", False),
            ("a", True),
            ("b", True),
        ]


async def test_the_operator_says_what_is_offered() -> None:
    async with looked("vllm", {"id": "a"}, {"id": "able"}, {"id": "b"}, models=("b", "hidden")) as provider:
        assert {name: state.unusable for name, state in states(provider).items()} == dict.fromkeys(
            ("able", "b", "hidden")
        )


async def test_a_model_that_the_list_lacks_is_no_use() -> None:
    async with looked("vllm", {"id": "other"}) as provider:
        assert states(provider)["able"].unusable == NOT_LISTED


async def test_without_a_list_the_named_models_count() -> None:
    async with spoken_server() as server, provider_at(server.url, models=("more",)) as provider:
        server.models = None
        assert provider.look is not None
        await provider.look()
        assert {name: state.unusable for name, state in states(provider).items()} == {"able": None, "more": None}


FACTS: dict[str, tuple[Mapping[str, object], dict[str, object]]] = {
    "vllm": ({"max_model_len": 4096}, {"context_length": 4096}),
    "llamacpp": (
        {"meta": {"n_ctx": 512, "n_ctx_train": 8192}, "architecture": {"input_modalities": ["text", "image"]}},
        {"context_length": 512, "images": True},
    ),
    "groq": ({"context_window": 8192}, {"context_length": 8192}),
    "mistral": (
        {
            "max_context_length": 32_768,
            "capabilities": {"completion_chat": True, "function_calling": False, "vision": True},
        },
        {"context_length": 32_768, "images": True, "tools": False, "tasks": {Task.CHAT}},
    ),
    "openrouter": (
        {
            "context_length": 1000,
            "architecture": {"input_modalities": ["text"]},
            "supported_parameters": ["temperature"],
        },
        {"context_length": 1000, "images": False, "tools": False},
    ),
    "generic": ({"context_length": None, "capabilities": "?", "meta": None}, {"context_length": None, "tools": True}),
}


@pytest.mark.parametrize("dialect", FACTS)
async def test_what_a_list_says_counts_before_the_dialect(dialect: str) -> None:
    listed, known = FACTS[dialect]
    async with looked(dialect, {"id": "able", **listed}) as provider:
        state = states(provider)["able"]
    seen = {
        "context_length": state.context_length,
        "images": Feature.IMAGES in state.features,
        "tools": Feature.TOOLS in state.features,
        "tasks": state.tasks,
    }
    assert {name: seen[name] for name in known} == known


async def test_what_the_operator_states_counts_before_all() -> None:
    own = ModelFacts(names=("able",), tools=True, media_types=(), context_length=7)
    async with looked("openrouter", {"id": "able", **FACTS["mistral"][0]}, facts=(own,)) as provider:
        state = states(provider)["able"]
    assert (Feature.TOOLS in state.features, Feature.IMAGES in state.features) == (True, False)
    assert state.context_length == 7


async def test_the_names_of_models_tell_what_they_are_for() -> None:
    listed = ({"id": "gpt-4o"}, {"id": "text-embedding-3-small"}, {"id": "whisper-1"})
    async with looked("openai", *listed, model="gpt-4o") as provider:
        assert {name: set(state.tasks) for name, state in states(provider).items()} == {
            "gpt-4o": {*Task},
            "text-embedding-3-small": {Task.EMBED},
        }


async def test_it_is_on_the_premises_only_where_its_every_address_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looked("vllm") as provider:
        assert states(provider)["able"].endpoint.locality is Locality.ON_PREMISES

    async def outside(_: str) -> bool:
        return False

    monkeypatch.setattr(directories, "resolves_on_premises", outside)
    async with looked("vllm") as provider:
        assert states(provider)["able"].endpoint.locality is Locality.CLOUD


async def test_what_is_passed_on_is_not_on_the_premises() -> None:
    async with looked("vllm", outside=True) as provider:
        assert {state.endpoint.locality for state in provider.directory.snapshot()} == {Locality.CLOUD}
    async with looked("generic", {"id": "able"}, {"id": "gpt-oss:120b-Cloud"}) as provider:
        localities = {name: state.endpoint.locality for name, state in states(provider).items()}
    assert localities == {"able": Locality.ON_PREMISES, "gpt-oss:120b-Cloud": Locality.CLOUD}


async def test_a_server_on_the_premises_is_never_given_an_address_to_fetch() -> None:
    own = ModelFacts(names=("able",), media_types=("image/png",), image_urls=True)
    async with looked("vllm", facts=(own,)) as provider:
        assert Feature.IMAGE_URLS not in states(provider)["able"].features
    async with looked("vllm", facts=(own,), outside=True) as provider:
        assert Feature.IMAGE_URLS in states(provider)["able"].features


@pytest.mark.parametrize(
    "odd",
    [
        {"context_length": "8192", "max_model_len": 8192.0, "context_window": -1},
        {"architecture": "llama", "meta": [], "supported_parameters": "tools"},
        {"architecture": {"input_modalities": "text"}, "meta": {"n_ctx": "?"}, "capabilities": {"completion_chat": 1}},
    ],
)
async def test_what_is_said_oddly_of_a_model_is_not_known_of_it(odd: Mapping[str, object]) -> None:
    async with looked("generic", {"id": "able", **odd}, {"name": "without an id"}, {"id": "b"}) as provider:
        assert {name: state.unusable for name, state in states(provider).items()} == {"able": None, "b": None}
        assert states(provider)["able"].context_length in (None, 8192)


@pytest.mark.parametrize(
    ("listed", "unusable"), [([{"id": "able"}], None), ({"object": "list", "data": None}, NOT_LISTED)]
)
async def test_a_list_may_come_without_its_frame_and_with_nothing_in_it(
    listed: object, unusable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with spoken_server() as server, provider_at(server.url) as provider:

        async def answered(*_: object) -> Any:
            return whole(listed)

        monkeypatch.setattr(server, "answer_to", answered)
        assert provider.look is not None
        await provider.look()
        assert states(provider)["able"].unusable == unusable


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (whole({"error": "no"}, 401), "refused access when last asked"),
        (whole({"error": {"message": "Loading model"}}, 503), "answered wrongly when last asked"),
        (whole(b"<html>"), "answered wrongly when last asked"),
        (whole({"object": "list"}), "answered wrongly when last asked"),
    ],
)
async def test_a_server_in_trouble_says_which(answer: Any, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with spoken_server() as server, provider_at(server.url) as provider:

        async def wrong(*_: object) -> Any:
            return answer

        monkeypatch.setattr(server, "answer_to", wrong)
        assert provider.look is not None
        await provider.look()
        assert states(provider)["able"].unusable == reason


async def test_what_was_last_seen_holds_for_a_while() -> None:
    clock = ScriptedClock()
    async with spoken_server() as server, provider_at(server.url, clock=clock) as provider:
        assert provider.look is not None
        await provider.look()
        server.key = "another"
        await provider.look()
        assert states(provider)["able"].unusable is None
        await clock.advance(directories.LAST_KNOWN_SECONDS)
        await provider.look()
        assert states(provider)["able"].unusable == "refused access when last asked"
        server.key = None
        await provider.look()
        assert states(provider)["able"].unusable is None


async def test_the_same_states_are_the_same_tuple() -> None:
    async with looked("vllm") as provider:
        before = provider.directory.snapshot()
        assert provider.look is not None
        await provider.look()
        assert provider.directory.snapshot() is before


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"),
        ("https://a.example/v1beta/openai/", "https://a.example/v1beta/openai"),
    ],
)
def test_an_address_without_a_path_means_the_first_version(url: str, api: str) -> None:
    assert api_url(url) == api


async def test_chat_and_list_are_asked_with_the_same_facts() -> None:
    server: SpokenServer
    async with spoken_server("mistral") as server, provider_at(server.url, "mistral") as provider:
        server.models = [{"id": "able", **FACTS["mistral"][0]}]
        assert provider.look is not None
        await provider.look()
        assert (await reply_of(provider, asking(max_tokens=3))).content


@pytest.mark.parametrize(
    ("props", "slots"),
    [
        (whole({"total_slots": 4}), 4),
        (whole({"total_slots": 0}), None),
        (whole({"total_slots": "4"}), None),
        (whole([4]), None),
        (whole(b"no JSON"), None),
        (whole({"error": "no such path"}, 404), None),
        ((Reset(),), None),
        (whole({"total_slots": 4, "chat_template": "x" * MAX_LIST_BYTES}), None),
    ],
    ids=["said", "zero", "text", "list", "no JSON", "no such path", "reset", "too large"],
)
async def test_a_server_that_says_how_many_it_answers_at_once_is_asked(props: Script, slots: int | None) -> None:
    async with spoken_server("llamacpp") as server, provider_at(server.url, "llamacpp") as provider:
        server.props = props
        assert provider.slots is not None
        assert provider.look is not None
        await provider.look()
        assert provider.slots() == slots
        assert states(provider)["able"].unusable is None
        assert server.asked[-1].path == "/props"


async def test_one_of_another_dialect_is_not() -> None:
    async with looked("vllm", {"id": "able"}) as provider:
        assert provider.slots is not None
        assert provider.slots() is None
