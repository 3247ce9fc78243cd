"""Ollama over a real socket: chats, tools and parameters, as they go out and as they come back."""

import json
from collections.abc import AsyncGenerator

import pytest

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.loading import ELSEWHERE_SECONDS
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatReply,
    ChatRequest,
    FinishReason,
    Grain,
    Image,
    Message,
    ReasoningEffort,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderMisconfigured, ProviderRejected
from llm_gateway.domain.events import ChatEvent, Finished, Started, TextDelta, collect
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import Script, whole
from ..waiting import HANG_SECONDS
from .server import Model, OllamaServer, answer, end, line, ollama_server, stream

LOCAL = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)
HI = UserMessage(content=(Text(text="hi"),))
PLAIN = ChatRequest(messages=(HI,))
GRAINS = pytest.mark.parametrize("grain", list(Grain))


def ask(
    model: OllamaChatModel, request: ChatRequest = PLAIN, grain: Grain = Grain.STREAM, to: Endpoint = LOCAL
) -> AsyncGenerator[ChatEvent, None]:
    deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
    return model.events(to, request, grain=grain, deadline=deadline, headers={"traceparent": "00-1"})


async def reply_of(model: OllamaChatModel, request: ChatRequest = PLAIN, grain: Grain = Grain.STREAM) -> ChatReply:
    return await collect(ask(model, request, grain))


async def test_a_stream_is_started_deltas_and_one_finish(server: OllamaServer, model: OllamaChatModel) -> None:
    events = [event async for event in ask(model)]
    assert events[0] == Started(endpoint=LOCAL.id)
    assert events[1:3] == [TextDelta(text="Hello"), TextDelta(text=" there")]
    assert isinstance(events[3], Finished)
    assert len(events) == 4


async def test_a_whole_answer_is_one_unary_call_and_one_delta(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [whole(end() | {"message": {"role": "assistant", "content": "Hello there"}})]
    events = [event async for event in ask(model, grain=Grain.WHOLE)]
    assert events[1] == TextDelta(text="Hello there")
    assert len(events) == 3
    assert server.chats()[0].body["stream"] is False


async def test_usage_model_and_reason_are_the_servers(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(line("a"), end("length", model="llama3.1:8b"))]
    reply = await reply_of(model)
    assert (reply.model, reply.finish_reason) == ("llama3.1:8b", FinishReason.LENGTH)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (26, 8)


@pytest.mark.parametrize("version", ["0.12.11", "0.17.4", "0.29.9", "0.0.0", "odd", ""])
async def test_what_does_not_fit_the_context_is_never_cut_off_silently_by_older_servers(
    server: OllamaServer, model: OllamaChatModel, version: str
) -> None:
    server.version = version
    await reply_of(model)
    for body in (server.loads()[0].body, server.chats()[0].body):
        assert (body["truncate"], body["shift"]) == (False, False)
    assert server.chats()[0].body["options"] == {}


async def test_the_trace_goes_along(server: OllamaServer, model: OllamaChatModel) -> None:
    await reply_of(model)
    assert server.chats()[0].headers["traceparent"] == "00-1"


async def test_images_go_out_in_base64(server: OllamaServer, model: OllamaChatModel) -> None:
    picture = UserMessage(content=(Text(text="what?"), Image(data=b"\x00\xff", mime_type="image/png")))
    await reply_of(model, ChatRequest(messages=(picture,)))
    assert server.chats()[0].body["messages"] == [{"role": "user", "content": "what?", "images": ["AP8="]}]


async def test_separators_that_json_leaves_as_they_are_do_not_end_a_line(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    text = "a\u0085b\u2028c\u2029d"
    raw = json.dumps(line(text), ensure_ascii=False).encode() + b"\n"
    server.scripts = [stream(raw, end())]
    assert (await reply_of(model)).content == text


async def test_finished_streams_share_a_connection(server: OllamaServer, model: OllamaChatModel) -> None:
    for _ in range(5):
        await reply_of(model)
    assert server.connections == 1


@GRAINS
async def test_a_tool_loop_of_three_turns_with_parallel_calls(
    server: OllamaServer, model: OllamaChatModel, grain: Grain
) -> None:
    weather = Tool(name="weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})
    wishes = [
        [_wish("weather", {"city": "Oslo"}), _wish("weather", {"city": "Rome"})],
        [_wish("weather", {"city": "Lima", "at": [1, 2.5, None]})],
    ]
    server.scripts = [_wished(wish, grain) for wish in wishes] + [_said("Warm.", grain)]
    messages: tuple[Message, ...] = (HI,)
    for _ in range(2):
        reply = await reply_of(model, ChatRequest(messages=messages, tools=(weather,)), grain)
        assert reply.finish_reason is FinishReason.TOOL_CALLS
        results = tuple(ToolMessage(content=(Text(text="9"),), tool_call_id=call.id) for call in reply.tool_calls)
        messages += (AssistantMessage(tool_calls=reply.tool_calls), *results)
    last = await reply_of(model, ChatRequest(messages=messages, tools=(weather,)), grain)
    assert (last.content, last.finish_reason) == ("Warm.", FinishReason.STOP)
    sent = server.chats()[2].body["messages"]
    assert [call["function"] for call in sent[1]["tool_calls"]] == [call["function"] for call in wishes[0]]
    assert [message["tool_name"] for message in sent if message["role"] == "tool"] == ["weather"] * 3
    assert len({call["id"] for message in sent for call in message.get("tool_calls", ())}) == 3


async def test_the_servers_own_call_ids_are_kept(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(line(tool_calls=[_wish("a", {}) | {"id": "call_x1"}]), end())]
    assert (await reply_of(model)).tool_calls == (ToolCall(id="call_x1", name="a", arguments="{}"),)


async def test_thoughts_are_reasoning_and_effort_is_a_level_only_for_gpt_oss(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.scripts = [stream(line(thinking="hm"), line("so"), end())]
    server.models = [Model(name="gpt-oss:20b", family="gptoss"), Model(name="llama3.1:latest")]
    server.loaded = {"gpt-oss:20b", "llama3.1:latest"}
    deep = ChatRequest(messages=(HI,), reasoning_effort=ReasoningEffort.HIGH)
    reply = await reply_of(model, deep)
    assert (reply.reasoning, reply.content) == ("hm", "so")
    levels = Endpoint(id=EndpointId(provider="ollama", model="gpt-oss:20b"), locality=Locality.ON_PREMISES)
    await collect(ask(model, deep, to=levels))
    await collect(ask(model, PLAIN, to=levels))
    assert [asked.body["think"] for asked in server.chats()] == [True, "high", "low"]


async def test_the_environment_is_not_read(server: OllamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "sk-environment")
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    async with ollama_server() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        model = OllamaChatModel(base_url=server.url, clock=SystemClock())
        await reply_of(model)
        await model.aclose()
        assert proxy.connections == 0
    assert all("authorization" not in asked.headers for asked in server.asked)


async def test_an_operators_key_goes_along(server: OllamaServer) -> None:
    model = OllamaChatModel(base_url=server.url, clock=SystemClock(), api_key="sk-own")
    await reply_of(model)
    await model.aclose()
    assert server.chats()[0].headers["authorization"] == "Bearer sk-own"


async def test_a_server_that_tells_nothing_of_itself_is_asked_all_the_same(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.absent = {"/api/ps", "/api/version"}
    assert (await reply_of(model)).content == "Hello there"
    assert server.chats()[0].body["shift"] is False


async def test_a_server_whose_context_is_not_known_is_told_not_to_shift_it(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.absent = {"/api/ps"}
    await reply_of(model)
    assert server.chats()[0].body["shift"] is False


async def test_half_a_character_in_a_prompt_is_the_callers_fault(server: OllamaServer, model: OllamaChatModel) -> None:
    with pytest.raises(ProviderRejected):
        await reply_of(model, ChatRequest(messages=(UserMessage(content=(Text(text="\ud800"),)),)))
    assert not server.chats()


async def test_a_local_model_that_turns_out_to_be_hosted_elsewhere_gets_no_prompt(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.models = [Model(name="llama3.1:latest", remote_host="https://elsewhere.example")]
    server.loaded = set()
    with pytest.raises(ProviderMisconfigured):
        await reply_of(model)
    assert not server.chats()


async def test_a_loaded_name_that_comes_to_stand_for_a_model_elsewhere_gets_no_prompt(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.models = [Model(name="llama3.1:latest", remote_host="https://elsewhere.example")]
    for _ in range(2):
        with pytest.raises(ProviderMisconfigured, match="hosted elsewhere"):
            await reply_of(model)
    assert not server.chats()


async def test_an_answer_from_elsewhere_is_not_taken_for_a_local_one_and_no_prompt_follows_it(
    server: OllamaServer,
) -> None:
    clock = ScriptedClock()
    model = OllamaChatModel(base_url=server.url, clock=clock)
    server.scripts = [stream(line("a", remote_host="https://elsewhere.example"), end()), answer("local again")]

    async def reply() -> ChatReply:
        deadline = Deadline(clock.monotonic() + 10)
        return await collect(model.events(LOCAL, PLAIN, grain=Grain.STREAM, deadline=deadline, headers={}))

    for _ in range(2):
        with pytest.raises(ProviderMisconfigured, match="hosted elsewhere"):
            await reply()
    assert len(server.chats()) == 1
    await clock.advance(ELSEWHERE_SECONDS)
    assert (await reply()).content == "local again"
    await model.aclose()


async def test_a_cloud_model_is_asked_without_a_load(server: OllamaServer, model: OllamaChatModel) -> None:
    server.models = [Model(name="big:cloud", remote_host="https://elsewhere.example")]
    server.scripts = [answer("far")]
    far = Endpoint(id=EndpointId(provider="ollama", model="big:cloud"), locality=Locality.CLOUD)
    assert (await collect(ask(model, to=far))).content == "far"
    assert not server.loads()


def _wish(name: str, arguments: dict[str, object]) -> dict[str, object]:
    return {"function": {"name": name, "arguments": arguments}}


def _wished(calls: list[dict[str, object]], grain: Grain) -> Script:
    if grain is Grain.STREAM:
        return stream(*(line(tool_calls=[call]) for call in calls), end())
    return whole(end(tool_calls=calls))


def _said(text: str, grain: Grain) -> Script:
    if grain is Grain.STREAM:
        return answer(text)
    return whole(end() | {"message": {"role": "assistant", "content": text}})
