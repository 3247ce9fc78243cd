"""`POST /v1/responses` and `/v1/responses/input_tokens`, as OpenAI's newer clients send and read them."""

import threading
from typing import Any, Final

import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.inbound.http.responses.renderer import ResponsesRenderer
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.application.answer_chat import Answer
from llm_gateway.bootstrap.settings import ClientSettings, Secret
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatReply,
    ReasoningEffort,
    SystemMessage,
    Text,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import ContextLengthExceeded, ProviderRejected, ProviderThrottled
from llm_gateway.domain.media import Image
from llm_gateway.domain.routing import Feature

from ....unit.http.responses.grown import Grower
from ....unit.http.responses.reading import response_of, sent_of
from ..served import KEY, Serve, Served, endpoint, eventually, stopped_clock
from .endings import SCRIPTS, SIGNED, URL, body, streamed

COUNT: Final = f"{URL}/input_tokens"
HELLO: Final = {"model": "ollama", "input": "Hello"}
CODEX: Final[dict[str, Any]] = {
    "model": "ollama",
    "stream": True,
    "input": [
        {
            "type": "message",
            "role": "developer",
            "content": [{"type": "input_text", "text": "You are a coding agent."}],
        },
        {"type": "message", "id": "m1", "role": "user", "content": [{"type": "input_text", "text": "Look."}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "gw1.eyJnIjp7fX0"},
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c1",
            "name": "spawn",
            "namespace": "agents",
            "arguments": "{}",
            "status": "completed",
        },
        {
            "type": "function_call_output",
            "id": "fco_1",
            "call_id": "c1",
            "output": [
                {"type": "input_text", "text": "A picture."},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"},
            ],
        },
    ],
    "tools": [
        {"type": "function", "name": "exec_command", "strict": False, "parameters": {"type": "object"}},
        {
            "type": "namespace",
            "name": "agents",
            "description": "Others.",
            "tools": [{"type": "function", "name": "spawn", "strict": False, "parameters": {"type": "object"}}],
        },
        {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "a"}},
        {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": {"type": "object"}},
        {"type": "web_search", "external_web_access": True},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": "xhigh", "summary": "auto"},
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "k",
    "text": {"verbosity": "low"},
    "client_metadata": {"a": "b"},
}
"""What Codex sends on its second turn."""


def told(response: Any) -> Any:
    """An error in OpenAI's shape."""
    error = response.json()["error"]
    assert response.json().keys() == {"error"}
    assert error.keys() - {"quota"} == {"message", "type", "param", "code"}
    return error


async def test_a_response_is_whole_and_no_default_is_sent(served: Served, model: ScriptedChatModel) -> None:
    response = await served.client.post(URL, json={**HELLO, "instructions": "Short."})

    request = model.calls[0].request
    assert request.messages == (SystemMessage(content="Short."), UserMessage(content="Hello"))
    assert (request.max_tokens, request.sampling.temperature, request.reasoning_effort) == (None, None, None)
    said = response.json()
    assert (response.status_code, said["object"], said["status"]) == (200, "response", "completed")
    assert [item["content"][0]["text"] for item in said["output"]] == ["A scripted answer."]
    assert response.headers["x-gateway-provider"] == "ollama"
    assert "x-gateway-ignored" not in response.headers


async def test_codex_s_second_turn_is_taken_as_it_is(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), answer("Done."))
    served = await start(model)

    async with served.client.stream("POST", URL, json=CODEX) as response:
        said = response_of(sent_of(await response.aread()))

    assert said["status"] == "completed"
    request = model.calls[0].request
    _, _, called, result = request.messages
    assert isinstance(called, AssistantMessage)
    assert (called.tool_calls[0].name, called.tool_calls[0].extra_content) == ("agents__spawn", {"g": {}})
    assert isinstance(result, ToolMessage)
    assert [type(part) for part in result.content] == [Text, Image]
    assert [tool.name for tool in request.tools] == ["exec_command", "agents__spawn", "apply_patch"]
    named = response.headers["x-gateway-ignored"].split(", ")
    assert named == [
        *("tools[3] tool_search", "tools[4] web_search", "client_metadata", "prompt_cache_key", "text.verbosity"),
    ]


async def test_an_effort_that_the_model_lacks_is_sent_as_its_nearest_and_named(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock())
    served = await start(model, endpoints=[endpoint("ollama", without=frozenset({Feature.REASONING_XHIGH}))])

    response = await served.client.post(URL, json={**HELLO, "reasoning": {"effort": "max"}})

    assert response.status_code == 200
    assert model.calls[0].request.reasoning_effort is ReasoningEffort.XHIGH  # which its adapter lowers
    assert response.headers["x-gateway-ignored"] == "reasoning.effort max, reasoning.effort"


async def test_what_the_provider_wants_back_comes_back(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), SCRIPTS["tools"], answer("Done."))
    served = await start(model)
    first = (await served.client.post(URL, json=body())).json()
    outputs = [
        {"type": item["type"] + "_output", "call_id": item["call_id"], "output": "Ok."}
        for item in first["output"]
        if "call_id" in item
    ]

    second = body(input=[{"role": "user", "content": "Hello"}, *first["output"], *outputs])
    response = await served.client.post(URL, json=second)

    assert response.status_code == 200
    sent = model.calls[1].request.messages[1]
    assert isinstance(sent, AssistantMessage)
    assert [call.name for call in sent.tool_calls] == ["look", "patch", "agents__ask"]
    assert [call.arguments for call in sent.tool_calls] == ['{"at":"it"}', '{"input":"*** a"}', "{}"]
    assert [call.extra_content for call in sent.tool_calls] == [SIGNED, None, None]
    assert (sent.content, sent.extra_content) == ((Text(text="Let me see."),), SIGNED)
    assert response.headers["x-gateway-ignored"] == "input[1].summary"


async def test_a_stream_of_the_cache_says_the_same(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), SCRIPTS["tools"]))

    live, stored = [response_of(sent_of(await streamed(served, temperature=0))) for _ in range(2)]
    whole = (await served.client.post(URL, json=body(temperature=0))).json()

    outputs = [[{**item, "id": ""} for item in said["output"]] for said in (live, stored, whole)]
    assert outputs[0] == outputs[1] == outputs[2]
    assert len({said["id"] for said in (live, stored, whole)}) == 3


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{URL}/resp_1", 404),
        ("DELETE", f"{URL}/resp_1", 404),
        ("POST", f"{URL}/resp_1/cancel", 404),
        ("GET", f"{URL}/resp_1/input_items", 404),
        ("GET", URL, 405),
        ("GET", COUNT, 405),
    ],
)
async def test_nothing_is_there_to_be_fetched(served: Served, method: str, path: str, status: int) -> None:
    response = await served.client.request(method, path)

    assert response.status_code == status
    assert told(response)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": "rs_1"}]}, "input[0].type"),
        ({"tools": [{"type": "mcp", "server_label": "a"}]}, "tools[0]"),
        ({"tool_choice": {"type": "web_search_preview"}}, "tool_choice.type"),
        ({"input": [{"role": "user", "content": "a"}, {"type": "function_call_output"}]}, "input[1].call_id"),
        ({"tools": [{"type": "function", "name": "a"}] * 2}, "tools[1].name"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
async def test_a_refusal_names_the_field_of_the_body(served: Served, more: dict[str, Any], param: str) -> None:
    response = await served.client.post(URL, json={**HELLO, **more})

    assert response.status_code == 400
    assert told(response)["param"] == param


async def test_a_refusal_of_the_vendor_s_names_the_field_of_the_body(start: Serve) -> None:
    refusal = ProviderRejected("ollama", "no such schema", path="tools[0].function.parameters")
    served = await start(ScriptedChatModel(stopped_clock(), [refusal]))

    tools = [{"type": "web_search"}, {"type": "function", "name": "a", "parameters": {"type": "object"}}]
    response = await served.client.post(URL, json={**HELLO, "tools": tools})

    assert (response.status_code, told(response)["param"]) == (400, "tools[1].parameters")


async def test_failures_before_the_first_event_have_their_status(start: Serve) -> None:
    for error, status, code in (
        (ContextLengthExceeded("ollama", "too long"), 400, "context_length_exceeded"),
        (ProviderThrottled("ollama", "429"), 503, "provider_throttled"),
    ):
        served = await start(ScriptedChatModel(stopped_clock(), [error]), provider_max_retries=0)
        for stream in (False, True):
            response = await served.client.post(URL, json={**HELLO, "stream": stream})
            assert (response.status_code, told(response)["code"]) == (status, code)


async def test_a_strict_client_is_refused_what_would_have_no_effect(start: Serve) -> None:
    strict = ClientSettings(name="strict", keys=(Secret(KEY),), strict=True)
    served = await start(ScriptedChatModel(stopped_clock()), clients=[strict], api_keys=())

    response = await served.client.post(URL, json={**HELLO, "user": "u"})

    assert (response.status_code, told(response)["param"]) == (400, "user")


async def test_tokens_are_counted_with_what_the_model_would_be_told(served: Served) -> None:
    prompt = {name: value for name, value in body().items() if name not in ("include", "store")}

    plain = await served.client.post(COUNT, json=HELLO)
    more = await served.client.post(COUNT, json={**prompt, "instructions": "Be short."})

    assert plain.json().keys() == {"object", "input_tokens"}
    assert plain.json()["object"] == "response.input_tokens"
    assert 0 < plain.json()["input_tokens"] < more.json()["input_tokens"]
    assert plain.headers["x-gateway-provider"] == "ollama"


async def test_a_comment_keeps_a_silent_stream_alive(start: Serve) -> None:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, [Wait(1), *answer("Late.")])
    served = await start(model, pace=Pace(keep_alive=0.02))

    read = await streamed(served, b": keep-alive", lambda: clock.advance(1))

    assert read.startswith(b": keep-alive\n\n")
    assert response_of(sent_of(read))["output"][0]["content"][0]["text"] == "Late."


async def test_the_end_of_a_long_answer_which_has_it_four_times_keeps_nobody_waiting(
    start: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[bool] = []
    done = ResponsesRenderer.done

    def noted(self: ResponsesRenderer, reply: ChatReply, given: Answer) -> bytes:
        threads.append(threading.current_thread() is threading.main_thread())
        return done(self, reply, given)

    monkeypatch.setattr(ResponsesRenderer, "done", noted)
    served = await start(ScriptedChatModel(stopped_clock(), answer("ü" * 100_000), answer("Short.")))

    said = [response_of(sent_of(await streamed(served, input=text))) for text in ("Long?", "Short?")]
    texts = [one["output"][0]["content"][0]["text"] for one in said]

    assert [len(text) for text in texts] == [100_000, 6]
    assert threads == [False, True]


async def test_a_body_of_two_megabytes_is_taken(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock())
    served = await start(model)
    said = [{"role": "user", "content": [{"type": "input_text", "text": "ü" * 1_000}]} for _ in range(1_000)]

    response = await served.client.post(URL, json={**HELLO, "input": said})

    assert response.status_code == 200
    assert len(model.calls[0].request.messages) == 1_000


async def test_four_hundred_grown_bodies_are_answered_or_refused_by_name(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), SCRIPTS["tools"]), rate_limiter_capacity=1_000_000_000)
    grower = Grower(19)
    statuses = []
    for _ in range(400):
        grown = grower.body()
        response = await served.client.post(URL, json=grown)
        statuses.append(response.status_code)
        if response.status_code == 200:
            said = response_of(sent_of(response.content)) if grown.get("stream") else response.json()
            assert said["status"] == "completed"
        else:
            assert told(response)["message"]
    assert set(statuses) == {200, 400}
    assert statuses.count(200) > 100
    await eventually(lambda: served.observer.active == 0)
