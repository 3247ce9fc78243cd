"""Clients that nobody here wrote, each in a process and an environment of its own, against a served gateway."""

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from llm_gateway.adapters.inbound.http.common.fields import Fate, Field
from llm_gateway.adapters.inbound.http.openai.embeddings import EmbeddingBody
from llm_gateway.adapters.inbound.http.openai.fields import EMBEDDING_FIELDS, FIELDS
from llm_gateway.adapters.inbound.http.openai.wire import CompletionBody
from llm_gateway.adapters.outbound.scripted.chat_model import Cut, Script, ScriptedChatModel, answer
from llm_gateway.adapters.outbound.scripted.embedding_model import ScriptedEmbeddingModel
from llm_gateway.bootstrap.settings import BucketSettings, ClientSettings, Secret
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    FinishReason,
    JsonFormat,
    JsonSchemaFormat,
    NamedTool,
    Text,
    ToolMessage,
    Usage,
    UserMessage,
)
from llm_gateway.domain.errors import ContextLengthExceeded, ProviderUnavailable
from llm_gateway.domain.events import Delta, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob
from llm_gateway.domain.media import Image

from ....external.environments import HERE, Environment
from ...waiting import HANG_SECONDS
from ..served import KEY, Serve, Served, endpoint, stopped_clock
from .schema import paths_of, row_of
from .test_embeddings import NOMIC

SMALL_KEY: Final = "small-key-1"
SIGNED: Final = {"google": {"thought_signature": "c2lnbmF0dXJl"}}
DOG: Final = '{"name":"dog","legs":4}'
LISTED: Final = ["online", "fast", "local", "secure", "ollama/llama3.1", "gemini/gemini-flash-latest", "ollama/nomic"]


def acting(request: ChatRequest) -> Script:
    """What the model says, by what it was asked."""
    last = request.messages[-1]
    text = "".join(part.text for part in last.content if isinstance(part, Text))
    match last, text:
        case ToolMessage(), _:
            return answer(f"It says: {text}.")
        case _, "Oslo?":
            return calling("get_weather", '{"place":"Oslo"}', '{"place":"Rome"}')
        case _, "A dog?":
            return about_a_dog(request)
        case UserMessage(content=[_, Image(data=data)]), _:
            return answer(f"{len(data)} bytes.")
        case _, "Odds?":
            token = TokenLogprob(token="Even", logprob=-0.5, raw=b"Even")
            _, end = answer("Even")
            return [TextDelta(text="Even", logprobs=(ChosenLogprob(token=token, top=(token,)),)), end]
        case _, "Too long":
            return [ContextLengthExceeded("ollama", "the prompt is too long")]
        case _, "Fail":
            return [ValueError("a fault")]
        case _, "Away":
            return [ProviderUnavailable("ollama", "503")]
        case _, "Break off":
            return [TextDelta(text="Half"), Cut()]
        case _:
            return answer("Hello to you.")


def calling(name: str, *arguments: str) -> Script:
    deltas: list[Delta] = [ReasoningDelta(text="Hm.")]
    for index, text in enumerate(arguments):
        signed = SIGNED if index == 0 else None  # as Gemini does
        deltas += [
            ToolCallDelta(index=index, id=f"call_{index}", name=name, arguments=text[:5], extra_content=signed),
            ToolCallDelta(index=index, arguments=text[5:]),
        ]
    usage = Usage(prompt_tokens=5, completion_tokens=4)
    return [*deltas, Finished(reason=FinishReason.TOOL_CALLS, usage=usage, model="scripted-1")]


def about_a_dog(request: ChatRequest) -> Script:
    if isinstance(request.tool_choice, NamedTool):
        return calling(request.tool_choice.name, DOG, DOG)
    assert isinstance(request.response_format, JsonSchemaFormat | JsonFormat)
    return answer(DOG)


@pytest.fixture
def model() -> ScriptedChatModel:
    return ScriptedChatModel(stopped_clock(), acting)


@pytest.fixture
async def served(start: Serve, model: ScriptedChatModel) -> Served:
    """No cache, so that every question reaches the model."""
    small = BucketSettings(capacity=1, refill_rate=0.5)
    return await start(
        model,
        ScriptedChatModel(stopped_clock()),
        endpoints=[endpoint("ollama"), endpoint("gemini"), NOMIC],
        overrides={"embedding_models": {"ollama": ScriptedEmbeddingModel(stopped_clock())}},
        clients=(
            ClientSettings(name="full", keys=(Secret(KEY),)),
            ClientSettings(name="small", keys=(Secret(SMALL_KEY),), requests=small, models=("ollama",)),
        ),
        api_keys=(),
        cache_ttl_seconds=0,
        provider_max_retries=0,
    )


async def told(environment: str, program: str, script: Path, served: Served, *more: str) -> dict[str, Any]:
    """What a client's script prints. It is given the address and the key, and nothing of this process's environment."""
    place = Environment(environment)
    from_input = program == "node"  # which then resolves packages from where it is run
    process = await asyncio.create_subprocess_exec(
        place.program(program),
        *(["--input-type=module", "-"] if from_input else [script]),
        *(f"http://127.0.0.1:{served.port}/v1", KEY, *more),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=place.place,
        env={"PATH": os.defpath},
    )
    source = script.read_bytes() if from_input else None  # noqa: ASYNC240 - a small local file
    try:
        async with asyncio.timeout(2 * HANG_SECONDS):
            output, faults = await process.communicate(source)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, faults.decode()
    seen: dict[str, Any] = json.loads(output)
    return seen


def signed_back(model: ScriptedChatModel) -> list[bool]:
    """For each question with a tool's answer in it: whether the call's signature came back with it."""
    return [
        next(message for message in call.request.messages if isinstance(message, AssistantMessage))
        .tool_calls[0]
        .extra_content
        == SIGNED
        for call in model.calls
        if isinstance(call.request.messages[-1], ToolMessage)
    ]


def theirs(table: Iterable[Field]) -> list[str]:
    """The top-level fields of a table that are OpenAI's."""
    return sorted(field.path for field in table if field.top_level and field.fate is not Fate.OURS)


def unkept(known: Iterable[str], table: Sequence[Field], wire: type) -> list[str]:
    """The fields that a client knows and that the table has as honoured, but that the wire type does not take."""
    taken = paths_of(wire)
    honoured = (path for path in known if row_of(path, table).fate in (Fate.HONOURED, Fate.LEFT_OUT))
    return [path for path in honoured if path not in taken]


@pytest.mark.external("openai")
async def test_the_official_client(served: Served, model: ScriptedChatModel) -> None:
    seen = await told("openai", "python", HERE / "openai" / "official.py", served, SMALL_KEY)

    assert seen["whole"] == ["Hello to you.", "stop", 6, "chatcmpl-", "chat.completion"]
    assert seen["streamed"] == ["Hello to you.", 3, ["stop"], 6, "assistant"]
    calls = [["call_0", "get_weather"], ["call_1", "get_weather"]]
    assert seen["tools_whole"] == [calls, "tool_calls", "Hm.", 'It says: {"place":"Rome"} is wet.']
    arguments = [[*call, f'{{"place":"{place}"}}'] for call, place in zip(calls, ("Oslo", "Rome"), strict=True)]
    assert seen["tools_streamed"] == [arguments, "It says: wet."]
    assert signed_back(model) == [True, True]
    assert seen["one_call"] == ["call_0"]
    assert seen["parsed"] == {"name": "dog", "legs": 4}
    assert seen["logprobs"] == ["Even", -0.5, [69, 118, 101, 110], ["Even"], True]
    assert seen["image"] == "8 bytes."
    assert seen["models"] == [LISTED, [*["llm-gateway"] * 4, "ollama", "gemini", "ollama"]]
    assert seen["embeddings"] == [2, True, 4, 6]
    assert seen["retries"] == [["rate_limit_exceeded", True], "Hello to you."]
    assert seen["asynchronous"] == [["Hello to you."] * 3, "Hello to you.", len(LISTED), 1]
    assert seen["errors"] == {
        "key": ["AuthenticationError", 401, "invalid_api_key", None, True],
        "model": ["NotFoundError", 404, "model_not_found", "model", True],
        "forbidden": ["PermissionDeniedError", 403, "forbidden", None, True],
        "field": ["BadRequestError", 400, "invalid_request", "n", True],
        "unknown": ["BadRequestError", 400, "invalid_request", "min_p", True],
        "length": ["BadRequestError", 400, "context_length_exceeded", None, True],
        "fault": ["InternalServerError", 500, "internal", None, True],
        "away": ["InternalServerError", 503, "provider_unavailable", None, True],
        "midway": ["APIError", None, "provider_failed", None, False],
    }
    chat, embedding = seen["schema"]["chat"], seen["schema"]["embedding"]
    assert [path for path in chat if "." not in path and "[" not in path] == theirs(FIELDS)
    assert embedding == theirs(EMBEDDING_FIELDS)
    assert len(chat) > 100
    assert unkept(chat, FIELDS, CompletionBody) == unkept(embedding, EMBEDDING_FIELDS, EmbeddingBody) == []


@pytest.mark.external("openai")
async def test_langchain(served: Served, model: ScriptedChatModel) -> None:
    seen = await told("openai", "python", HERE / "openai" / "with_langchain.py", served)

    assert seen["invoke"] == seen["stream"] == ["Hello to you.", "stop", 6]
    calls = [["get_weather", {"place": "Oslo"}], ["get_weather", {"place": "Rome"}]]
    assert seen["bind_tools"] == [calls, "It says: Rome is wet."]
    assert seen["stream_tools"] == [[f"call_{index}", *call] for index, call in enumerate(calls)]
    assert seen["structured"] == [{"name": "dog", "legs": 4}] * 3
    assert seen["embed"] == [2, 4]
    assert signed_back(model) == [False]  # as docs/openai.md says


@pytest.mark.external("node")
async def test_the_ai_sdk(served: Served, model: ScriptedChatModel) -> None:
    seen = await told("node", "node", HERE / "node" / "ai_sdk.mjs", served)

    assert seen["generate"] == ["Hello to you.", "stop", 6]
    assert seen["stream"] == ["Hello to you.", 3, "stop", 6]
    calls = [[f"call_{index}", "get_weather", {"place": place}] for index, place in enumerate(("Oslo", "Rome"))]
    assert seen["tools"] == seen["streamedTools"] == [calls, "Hm.", "It says: Rome is wet."]
    assert signed_back(model) == [True, True]
    assert seen["object"] == {"name": "dog", "legs": 4}
    assert seen["embed"] == 2
    assert seen["error"] == [True, 404, "model_not_found", False]
    assert seen["midway"] is True
