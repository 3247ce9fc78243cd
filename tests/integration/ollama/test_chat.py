"""Ollama over a real socket: chats, tools and parameters, as they go out and as they come back."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
from llm_gateway.adapters.outbound.ollama.loading import ELSEWHERE_SECONDS
from llm_gateway.adapters.outbound.ollama.transport import Connect, OllamaTransport, ServerAnswer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatReply,
    ChatRequest,
    FinishReason,
    Grain,
    Message,
    NamedTool,
    ReasoningEffort,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderBroken, ProviderMisconfigured, ProviderRejected
from llm_gateway.domain.events import (
    ChatEvent,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    collect,
    flattened,
)
from llm_gateway.domain.media import Image
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Locality

from ..scripted_vendor import LAST, Script, Wait, whole
from ..waiting import HANG_SECONDS, eventually
from .server import HEAD, Model, OllamaServer, answer, chunk, end, line, ollama_server, stream

pytestmark = pytest.mark.usefixtures("each_transport")

LOCAL = Endpoint(id=EndpointId(provider="ollama", model="llama3.1"), locality=Locality.ON_PREMISES)
HI = UserMessage(content=(Text(text="hi"),))
PLAIN = ChatRequest(messages=(HI,))
GRAINS = pytest.mark.parametrize("grain", list(Grain))


def ask(
    model: OllamaChatModel, request: ChatRequest = PLAIN, grain: Grain = Grain.STREAM, to: Endpoint = LOCAL
) -> AsyncGenerator[ChatEvent, None]:
    deadline = Deadline(SystemClock().monotonic() + HANG_SECONDS)
    return flattened(model.events(to, request, grain=grain, deadline=deadline, headers={"traceparent": "00-1"}))


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


@pytest.mark.parametrize("version", ["0.12.11", "0.17.4", "0.29.9"])
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
    server.models = [Model(name="llama3.1:latest", capabilities=("completion", "vision"))]
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


@GRAINS
async def test_calls_that_the_server_numbers_alike_are_told_apart(
    server: OllamaServer, model: OllamaChatModel, grain: Grain
) -> None:
    wishes: list[dict[str, object]] = [
        {"function": {"index": 0, "name": "clock", "arguments": {"n": n}}} for n in range(3)
    ]
    server.scripts = [_wished(wishes, grain)]
    calls = [event async for event in ask(model, grain=grain) if isinstance(event, ToolCallDelta)]
    assert [(call.index, call.arguments) for call in calls] == [(n, f'{{"n":{n}}}') for n in range(3)]


async def test_the_servers_own_call_ids_are_kept(server: OllamaServer, model: OllamaChatModel) -> None:
    server.scripts = [stream(line(tool_calls=[_wish("a", {}) | {"id": "call_x1"}]), end())]
    assert (await reply_of(model)).tool_calls == (ToolCall(id="call_x1", name="a", arguments="{}"),)


async def test_thoughts_are_reasoning_and_effort_is_a_level_only_for_gpt_oss(
    server: OllamaServer, model: OllamaChatModel
) -> None:
    server.scripts = [stream(line(thinking="hm"), line("so"), end())]
    thinking = ("completion", "thinking")
    server.models = [
        Model(name="gpt-oss:20b", family="gptoss", capabilities=thinking),
        Model(name="llama3.1:latest", capabilities=thinking),
    ]
    server.loaded = {"gpt-oss:20b", "llama3.1:latest"}
    deep = ChatRequest(messages=(HI,), reasoning_effort=ReasoningEffort.HIGH)
    reply = await reply_of(model, deep)
    assert (reply.reasoning, reply.content) == ("hm", "so")
    levels = Endpoint(id=EndpointId(provider="ollama", model="gpt-oss:20b"), locality=Locality.ON_PREMISES)
    await collect(ask(model, deep, to=levels))
    await collect(ask(model, PLAIN, to=levels))
    assert [asked.body["think"] for asked in server.chats()] == [True, "high", "low"]


WEATHER = Tool(
    name="weather",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CLOCK = Tool(name="clock")
CALL = ToolCall(id="call_0", name="weather", arguments='{"city": "Oslo"}')
FORCED = ChatRequest(messages=(HI,), tools=(WEATHER, CLOCK), tool_choice=NamedTool(name="weather"))
REQUIRED = ChatRequest(messages=(HI,), tools=(WEATHER, CLOCK), tool_choice=ToolMode.REQUIRED)
WRAPPED = '{"name": "weather", "arguments": {"city": "Oslo"}}'


def _spoken(text: str, grain: Grain, reason: str = "stop", **more: object) -> Script:
    if grain is Grain.WHOLE:
        return whole(end(reason) | {"message": {"role": "assistant", "content": text, **more}})
    thoughts = (line(**more),) if more else ()  # type: ignore[arg-type]
    return stream(*thoughts, *(line(text[at : at + 7]) for at in range(0, len(text), 7)), end(reason))


@GRAINS
@pytest.mark.parametrize(
    ("request_", "text"), [(FORCED, CALL.arguments), (FORCED, WRAPPED), (REQUIRED, WRAPPED)], ids=["one", "odd", "any"]
)
async def test_a_tool_that_must_be_called_is(
    server: OllamaServer, model: OllamaChatModel, request_: ChatRequest, text: str, grain: Grain
) -> None:
    server.scripts = [_spoken(text, grain, thinking="hm")]
    events = [event async for event in ask(model, request_, grain)]
    assert [type(event) for event in events] == [Started, ReasoningDelta, ToolCallDelta, Finished]
    reply = await collect(ask(model, request_, grain))
    assert (reply.tool_calls, reply.finish_reason) == ((CALL,), FinishReason.TOOL_CALLS)
    assert (reply.content, reply.reasoning) == ("", "hm")


AWKWARD = Tool(
    name="awkward",
    strict=True,
    parameters={
        "title": "Awkward",
        "type": "object",
        "properties": {"when": {"$ref": "#/$defs/When"}, "how": {"oneOf": [{"const": "so"}, {"type": "null"}]}},
        "additionalProperties": False,
        "$defs": {"When": {"type": "string", "format": "date", "title": "When"}},
    },
)


@pytest.mark.parametrize("version", ["0.17.4", "0.33.0"])
async def test_nothing_of_a_tool_is_dropped_in_silence(
    server: OllamaServer, model: OllamaChatModel, version: str
) -> None:
    """The server tells, at the fixture's end, what it would have dropped."""
    server.version = version
    reply = await reply_of(model, ChatRequest(messages=(HI,), tools=(AWKWARD,)))
    at = "tools[0].function"
    assert reply.ignored == (f"{at}.parameters.format", f"{at}.parameters.additionalProperties", f"{at}.strict")
    sent = server.chats()[0].body["tools"][0]["function"]["parameters"]
    assert sent["properties"] == {
        "when": {"type": "string"},
        "how": {"anyOf": [{"enum": ["so"]}, {"type": "null"}]},
    }


@GRAINS
async def test_a_call_that_the_server_reads_by_itself_will_do(
    server: OllamaServer, model: OllamaChatModel, grain: Grain
) -> None:
    server.scripts = [_wished([_wish("weather", {"city": "Oslo"})], grain)]
    (call,) = (await reply_of(model, FORCED, grain)).tool_calls
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Oslo"})


@GRAINS
@pytest.mark.parametrize("text", ["It rains.", "{}", '{"city": "Os', '{"name": "clock", "arguments": {}}', ""])
async def test_an_answer_that_is_no_call_is_broken_by_the_request_and_none_of_it_is_given(
    server: OllamaServer, model: OllamaChatModel, text: str, grain: Grain
) -> None:
    server.scripts = [_spoken(text, grain)]
    seen: list[ChatEvent] = []

    async def read() -> None:
        async for event in ask(model, FORCED, grain):
            seen.append(event)

    with pytest.raises(ProviderBroken, match="was to call a tool") as caught:
        await read()
    assert caught.value.doubtful
    assert not [event for event in seen if not isinstance(event, Started)]


@GRAINS
async def test_a_call_that_is_cut_at_its_limit_ends_with_length_and_is_none(
    server: OllamaServer, model: OllamaChatModel, grain: Grain
) -> None:
    server.scripts = [_spoken('{"city": "Os', grain, "length")]
    reply = await reply_of(model, FORCED, grain)
    assert (reply.finish_reason, reply.content, reply.tool_calls) == (FinishReason.LENGTH, "", ())


async def test_the_held_parts_of_a_forced_call_are_not_taken_for_silence(
    server: OllamaServer, each_transport: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams: list[ServerAnswer] = []

    def connect(*args: Any, **how: Any) -> OllamaTransport:
        transport = each_transport(*args, **how)
        ask = transport.ask

        def asked(*args: Any, streamed: bool, first_by: float) -> ServerAnswer:
            answer = ask(*args, streamed=streamed, first_by=first_by)
            streams.extend([answer] * streamed)
            return answer

        monkeypatch.setattr(transport, "ask", asked)
        return transport

    clock, pieces = ScriptedClock(), ['{"city":', ' "Os', 'lo"}']
    gates = [asyncio.Event() for _ in pieces]
    told = zip(gates, pieces, strict=True)
    steps = [step for gate, text in told for step in (Wait(gate), chunk(line(text)))]
    server.scripts = [[HEAD, *steps, chunk(end()) + LAST]]
    model = OllamaChatModel(
        base_url=server.url, clock=clock, first_token_seconds=30, tool_silence_seconds=30, connect=connect
    )
    deadline = Deadline(clock.monotonic() + 1_000)
    asking = asyncio.create_task(
        collect(flattened(model.events(LOCAL, FORCED, grain=Grain.STREAM, deadline=deadline, headers={})))
    )
    await eventually(server.chats)
    for gate in gates[:2]:
        await clock.advance(29)
        gate.set()
        await eventually(lambda: streams[-1].due == clock.monotonic() + 30)
    gates[2].set()
    assert (await asking).tool_calls == (CALL,)
    await model.aclose()


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


@pytest.mark.parametrize("door", ["/", "/v1", "/v1/", "/api", "/v1beta"])
async def test_a_base_url_that_names_a_door_of_the_server_means_the_server(server: OllamaServer, door: str) -> None:
    model = OllamaChatModel(base_url=server.url + door, clock=SystemClock())
    directory = OllamaDirectory(model="llama3.1", clock=SystemClock(), base_url=server.url + door)
    await directory.look()
    assert (await reply_of(model)).content == "Hello there"
    plain = OllamaDirectory(model="llama3.1", clock=SystemClock(), base_url=server.url)
    await plain.look()
    assert directory.snapshot() == plain.snapshot()
    for each in (model, directory, plain):
        await each.aclose()


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
        return await collect(flattened(model.events(LOCAL, PLAIN, grain=Grain.STREAM, deadline=deadline, headers={})))

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
