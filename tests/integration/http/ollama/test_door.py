"""Ollama's own surface, as its own client asks it."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import ollama
import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Step, answer
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Task

from ..served import KEY, Serve, Served, endpoint, stopped_clock

USAGE = Usage(prompt_tokens=3, completion_tokens=2)
LOOP: Sequence[Step] = [
    ReasoningDelta(text="Hm."),
    TextDelta(text="Wait."),
    ToolCallDelta(index=0, id="a", name="look", arguments='{"q": '),
    ToolCallDelta(index=0, arguments="1}"),
    ToolCallDelta(index=1, id="b", name="see"),
    Finished(reason=FinishReason.TOOL_CALLS, usage=USAGE, model="m"),
]
HELLO = [{"role": "user", "content": "Hello"}]


@asynccontextmanager
async def client_of(served: Served) -> AsyncIterator[ollama.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with ollama.AsyncClient(f"http://127.0.0.1:{served.port}", headers=headers) as client:
        yield client


async def test_a_chat_whole_and_streamed(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), LOOP))
    async with client_of(served) as client:
        whole = await client.chat("ollama", HELLO)
        parts = [part async for part in await client.chat("ollama", HELLO, stream=True)]
        assert (whole.message.content, whole.message.thinking, whole.done_reason) == ("Wait.", "Hm.", "stop")
        assert whole.model == "ollama"
        assert (whole.prompt_eval_count, whole.eval_count) == (3, 2)
        assert "".join(part.message.content or "" for part in parts) == "Wait."
        assert "".join(part.message.thinking or "" for part in parts) == "Hm."
        assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
        streamed = [call for part in parts for call in part.message.tool_calls or ()]
        for calls in (streamed, whole.message.tool_calls or ()):
            assert [(call.function.name, call.function.arguments) for call in calls] == [
                ("look", {"q": 1}),
                ("see", {}),
            ]
        assert all(part.created_at == whole.created_at or part.created_at for part in parts)


async def test_a_prompt_whole_and_streamed(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), answer("Here it is.")))
    async with client_of(served) as client:
        whole = await client.generate("ollama", "Hello", system="Be brief.")
        parts = [part async for part in await client.generate("ollama", "Hello", stream=True)]
        assert whole.response == "".join(part.response or "" for part in parts) == "Here it is."
        assert (parts[-1].done, parts[-1].done_reason) == (True, "stop")


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/api/chat", {"messages": []}, "load"),
        ("/api/generate", {"prompt": "", "keep_alive": 0}, "unload"),
        ("/api/generate", {}, "load"),
    ],
)
async def test_a_load_is_answered_without_asking_anybody(
    served: Served, model: ScriptedChatModel, path: str, body: dict[str, Any], reason: str
) -> None:
    response = await served.client.post(path, json={"model": "ollama"} | body)
    assert (response.json()["done"], response.json()["done_reason"]) == (True, reason)
    assert (await served.client.post(path, json={"model": "nobody"} | body)).status_code == 404
    assert model.calls == []


async def test_arguments_that_are_no_object_are_the_provider_s_fault(start: Serve) -> None:
    call = ToolCallDelta(index=0, id="a", name="look", arguments="[1")
    model = ScriptedChatModel(
        stopped_clock(), [TextDelta(text="A"), call, Finished(reason=FinishReason.TOOL_CALLS, usage=USAGE, model="m")]
    )
    served = await start(model)
    response = await served.client.post("/api/chat", json={"model": "ollama", "messages": HELLO})
    assert "error" in json.loads(response.text.splitlines()[-1])
    async with client_of(served) as client:
        with pytest.raises(ollama.ResponseError) as failed:
            await client.chat("ollama", HELLO)
    assert failed.value.status_code == 502


async def test_a_failure_in_mid_stream_is_a_line(start: Serve) -> None:
    broken: Sequence[Step] = [TextDelta(text="A"), ProviderBroken("ollama", "no end")]
    served = await start(ScriptedChatModel(stopped_clock(), broken), provider_max_retries=0)
    async with client_of(served) as client:
        with pytest.raises(ollama.ResponseError, match="ollama: no end"):
            [part async for part in await client.chat("ollama", HELLO, stream=True)]


async def test_models_are_listed_and_shown_by_every_name(served: Served) -> None:
    async with client_of(served) as client:
        names = [model.model for model in (await client.list()).models]
        assert {"fast", "ollama/llama3.1"} <= set(names)
        for name in [*names, "llama3.1:latest"]:
            assert name is not None
            shown = await client.show(name)
            assert "completion" in (shown.capabilities or ())
            assert "vision" in (shown.capabilities or ())
        assert [model.model for model in (await client.ps()).models] == ["ollama/llama3.1"]
        assert (await client.pull(names[0] or "")).status == "success"
        for call in (client.show, client.pull):
            with pytest.raises(ollama.ResponseError) as failed:
                await call("nobody")
            assert failed.value.status_code == 404


async def test_embeddings_in_both_forms(start: Serve) -> None:
    state = endpoint("ollama")
    state = type(state)(endpoint=state.endpoint, features=state.features, tasks=frozenset({Task.CHAT, Task.EMBED}))
    served = await start(
        ScriptedChatModel(stopped_clock()),
        endpoints=[state],
        overrides={"embedding_models": {"ollama": ScriptedEmbeddingModel(stopped_clock())}},
    )
    async with client_of(served) as client:
        both = await client.embed("ollama", ["a", "b"], dimensions=2)
        assert [len(vector) for vector in both.embeddings] == [2, 2]
        assert both.prompt_eval_count == 6
        older = await client.embeddings("ollama", "a")
        assert len(older.embedding) == 4
        assert [record.error for record in served.observer.records] == [None, None]


async def test_what_clients_ask_first(served: Served) -> None:
    assert (await served.client.head("/")).status_code == 200
    told = (await served.client.get("/api/version")).json()
    assert told["version"] == "0.33.0"
    assert told["gateway"]
    assert (await served.client.head("/api/version")).status_code == 200


@pytest.mark.parametrize("path", ["/api/tags", "/api/ps", "/api/version", "/api/push", "/api/v2"])
async def test_errors_are_one_text(served: Served, path: str) -> None:
    del served.client.headers["x-api-key"]
    response = await served.client.get(path)
    assert response.status_code == (404 if path in ("/api/push", "/api/v2") else 401)
    assert isinstance(response.json()["error"], str)


async def test_the_gateway_s_own_paths_stay_its_own(served: Served) -> None:
    response = await served.client.post("/api/v1/chat", json={})
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_closed_door_is_not_there(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), ollama_door=False)
    for path in ("/api/tags", "/api/version"):
        response = await served.client.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
