"""A body that comes again byte for byte is read once, and nobody can tell, however requests differ otherwise."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from llm_gateway.adapters.inbound.http.common.handling import ChatSurface
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, answer
from llm_gateway.bootstrap.settings import Secret

from ..gemini.payloads import respelled
from ..gemini.server import GeminiServer
from ..ollama.server import ollama_server
from ..providers.test_parameters import PLAIN
from ..scripted_vendor import Asked
from .served import KEY, Serve, Served, chat, endpoint, serve, stopped_clock
from .test_field_matrix import SURFACES, uses
from .test_forced_tools import model_that_obeys
from .test_gemini_models import hello

TIMES = 4


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that were read, each time one was."""
    found: list[bytes] = []
    read = ChatSurface.read

    def counted(self: ChatSurface[Any], fields: Any, most: int, data: bytes) -> Any:
        found.append(data)
        return read(self, fields, most, data)

    monkeypatch.setattr(ChatSurface, "read", counted)
    return found


async def again(served: Served, path: str, body: Mapping[str, Any]) -> list[tuple[int, str, object]]:
    """Of each time the status, what was left out, and the answer but for what is its own."""
    said = []
    for _ in range(TIMES):
        answered = await served.client.post(
            path, content=json.dumps(body), headers={"content-type": "application/json"}
        )
        told = answered.json()
        for own in ("id", "created", "request_id", "instance"):
            told.pop(own, None)
        said.append((answered.status_code, answered.headers.get("x-gateway-ignored", ""), told.get("errors", "")))
    return said


@pytest.mark.parametrize("surface", SURFACES)
async def test_each_time_the_same_is_sent_to_gemini(surface: str, reads: list[bytes]) -> None:
    async with GeminiServer(hello).running() as gemini:
        to: dict[str, Any] = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url}
        async with serve(None, cache_ttl_seconds=0, **to) as served:
            for field, (changes, _) in uses(surface).items():
                gemini.forget()
                said = await again(served, SURFACES[surface], PLAIN | {"model": "gemini"} | changes)
                assert said == said[:1] * TIMES, field
                sent = [respelled(one.body) for one in gemini.asked if one.method == "POST"]
                assert sent == sent[:1] * (TIMES if said[0][0] == 200 else 0), field
    assert len(reads) < TIMES * len(uses(surface))


@pytest.mark.parametrize("surface", SURFACES)
async def test_each_time_the_same_is_sent_to_ollama(surface: str) -> None:
    async with ollama_server() as ollama:
        ollama.scripts = [model_that_obeys]
        async with serve(None, cache_ttl_seconds=0, ollama_base_url=ollama.url) as served:
            for field, (changes, _) in uses(surface).items():
                before = len(ollama.asked)
                said = await again(served, SURFACES[surface], PLAIN | {"model": "ollama"} | changes)
                assert said == said[:1] * TIMES, field
                sent = [one.body for one in ollama.asked[before:] if is_chat(one)]
                assert sent == sent[:1] * (TIMES if said[0][0] == 200 else 0), field


def is_chat(asked: Asked) -> bool:
    """And not one that has a model loaded."""
    return asked.path == "/api/chat" and asked.body["messages"] != []


@pytest.fixture
async def served(start: Serve) -> Served:
    return await start(ScriptedChatModel(stopped_clock(), answer("Hello")), endpoints=[endpoint("ollama")])


async def test_it_is_read_twice_and_then_no_more(served: Served, reads: list[bytes]) -> None:
    caches = [(await served.chat(model="ollama")).headers["x-gateway-cache"] for _ in range(TIMES)]
    assert caches == ["miss", "hit", "hit", "hit"]
    assert len(reads) == 2


@pytest.mark.parametrize(
    ("header", "value", "status", "cache"),
    [
        ("x-gateway-hint", "nonsense", 400, None),
        ("x-gateway-timeout", "-1", 400, None),
        ("cache-control", "no-store", 200, "bypass"),
    ],
)
async def test_what_a_header_says_of_a_call_is_never_remembered_and_never_passed_over(
    served: Served, header: str, value: str, status: int, cache: str | None
) -> None:
    body = chat(model="ollama")
    for _ in range(TIMES):
        told = await served.client.post("/api/v1/chat", json=body, headers={header: value})
        assert (told.status_code, told.headers.get("x-gateway-cache")) == (status, cache), told.text
        plain = await served.client.post("/api/v1/chat", json=body)
        assert (plain.status_code, plain.headers["x-gateway-cache"] in ("miss", "hit")) == (200, True)


async def test_a_body_that_wants_nothing_kept_is_not_kept(served: Served, reads: list[bytes]) -> None:
    for _ in range(TIMES):
        assert (await served.chat(model="ollama", cache={"mode": "bypass"})).headers["x-gateway-cache"] == "bypass"
    assert len(reads) == TIMES


async def test_another_surface_and_another_client_read_for_themselves(start: Serve, reads: list[bytes]) -> None:
    model = ScriptedChatModel(stopped_clock(), answer("Hello"))
    served = await start(model, endpoints=[endpoint("ollama")], api_keys=(Secret(KEY), Secret("another-key")))
    body = chat(model="ollama", temperature=0)
    for path in ("/api/v1/chat", "/v1/chat/completions"):
        for key in (KEY, "another-key"):
            for _ in range(TIMES):
                answered = await served.client.post(path, json=body, headers={"x-api-key": key})
                assert answered.status_code == 200
    assert len(reads) == 2 * 2 * 2
