"""`POST /api/v1/chat`, as the contract states it."""

import time

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, answer
from llm_gateway.domain.chat import FinishReason, Text, ToolMessage, Usage
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.media import Image

from ..served import KEY, Serve, Served, chat, stopped_clock
from ..sse import events_of, text_of

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
FULL: Script = [
    ReasoningDelta(text="Hm."),
    TextDelta(text="Let me "),
    TextDelta(text="see."),
    ToolCallDelta(index=0, id="c1", name="look", arguments='{"at":', extra_content={"google": {"s": "x"}}),
    ToolCallDelta(index=0, arguments='"it"}'),
    Finished(
        reason=FinishReason.TOOL_CALLS,
        usage=Usage(prompt_tokens=7, completion_tokens=5, reasoning_tokens=2, cached_tokens=1),
        model="scripted-9",
        extra_content={"google": {"thought_signature": "sig"}},
    ),
]
CALL = {
    "id": "c1",
    "function": {"name": "look", "arguments": '{"at":"it"}'},
    "type": "function",
    "extra_content": {"google": {"s": "x"}},
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12, "reasoning_tokens": 2, "cached_tokens": 1}


async def test_a_plain_answer_has_the_contract_s_fields_and_no_other(served: Served) -> None:
    response = await served.chat()

    body = response.json()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert body.pop("id").startswith("chat-")
    assert abs(body.pop("created") - time.time()) < 60
    assert body == {
        "provider": "ollama",
        "model": "scripted-1",
        "content": "A scripted answer.",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6},
        "cached": False,
    }


async def test_everything_that_a_model_gave_is_in_the_answer(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), FULL))

    body = (await served.chat(tools=TOOLS)).json()

    assert body["content"] == "Let me see."
    assert body["reasoning"] == "Hm."
    assert body["tool_calls"] == [CALL]
    assert body["extra_content"] == {"google": {"thought_signature": "sig"}}
    assert body["finish_reason"] == "tool_calls"
    assert body["usage"] == USAGE


async def test_a_stream_has_deltas_and_then_one_done(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), FULL))

    response = await served.chat(tools=TOOLS, stream=True)

    events = events_of(response.text)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert [event.data for event in events if event.name == "delta"] == [
        {"reasoning": "Hm."},
        {"content": "Let me "},
        {"content": "see."},
        {
            "tool_call": {
                "index": 0,
                "id": "c1",
                "name": "look",
                "arguments": '{"at":',
                "extra_content": {"google": {"s": "x"}},
            }
        },
        {"tool_call": {"index": 0, "arguments": '"it"}'}},
    ]
    assert [event.name for event in events].index("done") == len(events) - 1
    done = events[-1].data
    assert done.keys() == {
        *("id", "provider", "model", "tool_calls", "extra_content", "finish_reason", "usage", "cached", "created"),
        "cost_microdollars",
    }
    assert done["tool_calls"] == [CALL]
    assert done["usage"] == USAGE


async def test_the_same_again_comes_from_the_cache_with_a_new_id(served: Served, model: ScriptedChatModel) -> None:
    first, second = await served.chat(), await served.chat()

    assert (first.json()["cached"], second.json()["cached"]) == (False, True)
    assert (first.headers["x-gateway-cache"], second.headers["x-gateway-cache"]) == ("miss", "hit")
    assert first.json()["id"] != second.json()["id"]
    assert first.json()["content"] == second.json()["content"]
    assert len(model.calls) == 1


async def test_a_cached_answer_replays_as_a_stream_with_the_same_content(served: Served) -> None:
    whole = (await served.chat()).json()

    response = await served.chat(stream=True)

    events = events_of(response.text)
    assert text_of(events) == whole["content"]
    assert events[-1].name == "done"
    assert events[-1].data["cached"] is True
    assert events[-1].data["usage"] == whole["usage"]
    assert events[-1].data["id"] != whole["id"]
    assert response.headers["x-gateway-cache"] == "hit"


async def test_a_stream_s_answer_is_found_again_whole(served: Served, model: ScriptedChatModel) -> None:
    streamed = text_of(events_of((await served.chat(stream=True)).text))

    whole = (await served.chat()).json()

    assert (whole["content"], whole["cached"]) == (streamed, True)
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    ("directive", "seen", "calls"),
    [
        ({"mode": "use"}, "hit", 1),
        ({"mode": "refresh"}, "miss", 2),
        ({"mode": "bypass"}, "bypass", 2),
    ],
)
async def test_a_request_says_what_may_be_done_with_the_cache(
    served: Served, model: ScriptedChatModel, directive: dict[str, str], seen: str, calls: int
) -> None:
    await served.chat()

    response = await served.chat(cache=directive)

    assert response.headers["x-gateway-cache"] == seen
    assert len(model.calls) == calls


@pytest.mark.parametrize("stream", [False, True])
async def test_the_headers_say_who_answered_and_what_is_left(served: Served, stream: bool) -> None:
    response = await served.chat(stream=stream)

    assert response.headers["x-gateway-provider"] == "ollama"
    assert response.headers["x-gateway-model"] == "llama3.1"
    assert response.headers["x-gateway-cache"] == "miss"
    assert response.headers["ratelimit-policy"] == '"requests";q=1000000;w=1000000'
    assert response.headers["ratelimit"] == '"requests";r=999999;t=1'
    assert response.headers["x-ratelimit-limit-requests"] == "1000000"
    assert response.headers["x-ratelimit-remaining-requests"] == "999999"
    assert response.headers["x-ratelimit-reset-requests"] == "1"
    assert "x-ratelimit-limit-tokens" not in response.headers


async def test_the_model_is_given_what_was_asked_with_this_endpoint_s_defaults(
    served: Served, model: ScriptedChatModel
) -> None:
    await served.chat("What?")

    request = model.calls[0].request
    assert (request.max_tokens, request.sampling.temperature) == (512, 0.7)
    assert request.max_tokens_by_default
    assert request.sampling.temperature_by_default
    assert (request.sampling.top_p, request.sampling.seed, request.tools) == (None, None, ())


@pytest.mark.parametrize("id", ["a", "trace:1.2_3-4", "x" * 128])
async def test_a_sane_request_id_comes_back(served: Served, id: str) -> None:
    response = await served.client.post("/api/v1/chat", json=chat(), headers={"x-request-id": id})

    assert response.headers["x-request-id"] == id
    assert served.observer.requests[0].id == id


@pytest.mark.parametrize("id", ["", "x" * 129, "a b", "a\tb", "ü", '"><script>', "a;b"])
async def test_any_other_request_id_is_replaced(served: Served, id: str) -> None:
    response = await served.client.post(
        "/api/v1/chat", json=chat(), headers={b"x-request-id": id.encode(), b"x-api-key": KEY.encode()}
    )

    assert len(response.headers["x-request-id"]) >= 32
    assert response.headers["x-request-id"].isalnum()
    assert response.headers.get_list("x-request-id") == [response.headers["x-request-id"]]


async def test_a_model_s_name_that_no_header_holds_is_encoded(start: Serve) -> None:
    script = answer("Yes.", model="a\r\nset-cookie: b=ü")
    served = await start(ScriptedChatModel(stopped_clock(), script))

    response = await served.chat()

    assert response.json()["model"] == "a\r\nset-cookie: b=ü"
    assert "set-cookie" not in response.headers


async def test_a_tools_result_may_hold_an_image_and_say_that_the_tool_failed(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), FULL)
    served = await start(model)
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    image = {"type": "image", "data": "cG5n", "mime_type": "image/png"}
    parts = [{"type": "text", "text": "Seen."}, image]
    result = {"role": "tool", "tool_call_id": "c1", "content": parts, "error": True}
    messages = [{"role": "user", "content": "Go."}, {"role": "assistant", "tool_calls": [call]}, result]

    response = await served.chat(messages=messages, tools=TOOLS)

    assert response.status_code == 200
    content = (Text(text="Seen."), Image(data=b"png", mime_type="image/png"))
    assert model.calls[0].request.messages[2] == ToolMessage(content=content, tool_call_id="c1", error=True)
