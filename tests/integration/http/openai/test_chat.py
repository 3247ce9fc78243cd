"""`POST /v1/chat/completions`, as OpenAI's clients send and read it."""

import time
from typing import Any

import httpx
import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.outbound.scripted.chat_model import Cut, Script, ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.events import Finished, ReasoningDelta, TextDelta, ToolCallDelta

from ..served import KEY, Serve, Served, chat, stopped_clock
from ..sse import DONE, chunks_of

URL = "/v1/chat/completions"
SIGNED = {"google": {"thought_signature": "c2ln"}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
FULL: Script = [
    ReasoningDelta(text="Hm."),
    TextDelta(text="Let me "),
    TextDelta(text="see."),
    ToolCallDelta(index=0, id="c1", name="look", arguments='{"at":', extra_content=SIGNED),
    ToolCallDelta(index=0, arguments='"it"}'),
    Finished(
        reason=FinishReason.TOOL_CALLS,
        usage=Usage(prompt_tokens=7, completion_tokens=5, reasoning_tokens=2, cached_tokens=1),
        model="scripted-9",
        extra_content=SIGNED,
    ),
]


async def ask(served: Served, text: str = "Hello", *, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    return await served.client.post(URL, json={"model": "ollama", **chat(text, **fields)}, headers=headers)


@pytest.fixture
async def both(start: Serve) -> Served:
    """Ollama on the premises and Gemini in the cloud."""
    return await start(
        ScriptedChatModel(stopped_clock(), answer("From ollama.")),
        ScriptedChatModel(stopped_clock(), answer("From gemini.")),
    )


async def test_a_plain_answer_has_openai_s_fields_and_no_other(served: Served) -> None:
    response = await ask(served)

    body = response.json()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert body.pop("id").startswith("chatcmpl-")
    assert abs(body.pop("created") - time.time()) < 60
    assert body.pop("system_fingerprint").startswith("fp_")
    assert body == {
        "object": "chat.completion",
        "model": "scripted-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "A scripted answer.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6},
    }


async def test_the_model_is_given_what_was_asked_and_no_default(served: Served, model: ScriptedChatModel) -> None:
    await ask(served, "What?", max_completion_tokens=9)

    request = model.calls[0].request
    assert (request.max_tokens, request.sampling.temperature) == (9, None)
    await ask(served, "And?")
    assert model.calls[1].request.max_tokens is None


async def test_a_stream_begins_with_the_role_and_ends_with_reason_usage_and_done(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), FULL))

    response = await ask(served, tools=TOOLS, stream=True, stream_options={"include_usage": True})

    *chunks, usage, done = chunks_of(response.text)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert done == DONE
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm."},
        {"content": "Let me "},
        {"content": "see."},
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"at":'},
                    "extra_content": SIGNED,
                }
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '"it"}'}}]},
        {"extra_content": SIGNED},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [*[None] * 6, "tool_calls"]
    assert [chunk["usage"] for chunk in chunks] == [None] * 7
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 12)
    assert usage["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}
    assert usage["usage"]["prompt_tokens_details"] == {"cached_tokens": 1}


async def test_without_include_usage_no_chunk_speaks_of_it(served: Served) -> None:
    chunks = chunks_of((await ask(served, stream=True)).text)

    assert chunks.pop() == DONE
    assert all("usage" not in chunk and len(chunk["choices"]) == 1 for chunk in chunks)


async def test_what_an_answer_held_can_be_sent_back_as_it_came(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), FULL, answer("Done."))
    served = await start(model)
    message = (await ask(served, tools=TOOLS)).json()["choices"][0]["message"]
    history = [*chat()["messages"], message, {"role": "tool", "tool_call_id": "c1", "content": "Seen."}]

    response = await served.client.post(URL, json={"model": "ollama", "messages": history, "tools": TOOLS})

    assert response.json()["choices"][0]["message"]["content"] == "Done."
    sent = model.calls[1].request.messages[1]
    assert sent.extra_content == SIGNED  # type: ignore[union-attr]
    assert sent.tool_calls[0].extra_content == SIGNED  # type: ignore[union-attr]


async def test_both_doors_share_the_cache(served: Served, model: ScriptedChatModel) -> None:
    same: dict[str, Any] = {"model": "ollama", "max_tokens": 5, "temperature": 0}
    first = await served.chat(**same)
    second = await ask(served, **same)
    streamed = await ask(served, **same, stream=True)

    assert (first.headers["x-gateway-cache"], second.headers["x-gateway-cache"]) == ("miss", "hit")
    assert streamed.headers["x-gateway-cache"] == "hit"
    assert len(model.calls) == 1
    assert (await ask(served, **same, cache={"mode": "bypass"})).headers["x-gateway-cache"] == "bypass"


@pytest.mark.parametrize(
    ("fields", "header", "provider"),
    [
        ({"model": "online"}, None, "gemini"),
        ({"model": "local"}, None, "ollama"),
        ({"model": "gemini"}, None, "gemini"),
        ({"model": "gemini-flash-latest"}, None, "gemini"),
        ({"model": "ollama/llama3.1"}, None, "ollama"),
        ({"model": "online"}, "secure", "ollama"),
        ({"model": "secure"}, "online", "ollama"),
        ({"model": "online", "model_hint": "secure"}, None, "ollama"),
        ({"model": "gemini", "model_hint": "fast"}, "fast", "gemini"),
    ],
)
async def test_who_answers(both: Served, fields: dict[str, Any], header: str | None, provider: str) -> None:
    response = await ask(both, headers={"x-gateway-hint": header} if header else {}, **fields)

    assert response.headers["x-gateway-provider"] == provider


@pytest.mark.parametrize(
    ("fields", "headers", "param"),
    [
        ({"model": "gemini"}, {"x-gateway-hint": "secure"}, "model"),
        ({"model": ""}, {}, "model"),
        ({"model": None}, {}, "model"),
        ({}, {"x-gateway-hint": "best"}, "X-Gateway-Hint"),
        ({}, {"x-gateway-timeout": "soon"}, "X-Gateway-Timeout"),
        ({"n": 2}, {}, "n"),
        ({"min_p": 0.5}, {}, "min_p"),
        ({"top_k": 0}, {}, "top_k"),
        ({"max_tokens": 0}, {}, "max_tokens"),
    ],
)
async def test_what_is_refused_is_named(
    both: Served, fields: dict[str, Any], headers: dict[str, str], param: str
) -> None:
    response = await ask(both, headers=headers, **fields)

    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, "invalid_request")
    assert both.observer.records[0].error == "InvalidRequest"


@pytest.mark.parametrize("twice", ['"model":"secure","model":"gemini"', r'"model":"a","mode\u006c":"gemini"'])
async def test_a_routing_field_is_not_said_twice(both: Served, twice: str) -> None:
    body = f'{{"messages":[{{"role":"user","content":"Hello"}}],{twice}}}'

    response = await both.client.post(URL, content=body, headers={"content-type": "application/json"})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "model"


async def test_a_request_s_own_timeout_ends_it(start: Serve) -> None:
    served = await start(ScriptedChatModel(SystemClock(), [Wait(30)]))

    response = await ask(served, headers={"x-gateway-timeout": "0.05"})

    assert (response.status_code, response.json()["error"]["code"]) == (504, "provider_timeout")


async def test_a_stream_that_breaks_off_ends_with_an_error_and_without_done(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), [TextDelta(text="Half"), Cut()]), provider_max_retries=0)

    response = await ask(served, stream=True)

    *chunks, last = chunks_of(response.text)
    assert response.status_code == 200
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["", "Half"]
    assert last == {
        "error": {
            "message": "ollama: the answer broke off before its end",
            "type": "server_error",
            "param": None,
            "code": "provider_failed",
        }
    }


async def test_an_idle_stream_gets_comments_before_anything_else(start: Serve) -> None:
    clock = stopped_clock()
    served = await start(ScriptedChatModel(clock, [Wait(1), *answer("Late.")]), pace=Pace(keep_alive=0.02))
    wire = await served.connect()
    body = b'{"model":"ollama","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
    await wire.send(served.request(path=URL, body=body))

    assert b"200 OK" in await wire.until(b": keep-alive\n\n")
    await clock.advance(1)
    rest = await wire.until(b"0\r\n\r\n")

    assert b'"delta":{"role":"assistant","content":""}' in rest
    assert b"data: [DONE]" in rest


async def test_a_bearer_key_is_a_key(served: Served) -> None:
    bare = httpx.AsyncClient(base_url=served.client.base_url, transport=httpx.AsyncHTTPTransport(verify=False))
    async with bare as client:
        response = await client.post(
            URL, json={"model": "ollama", **chat()}, headers={"authorization": f"Bearer {KEY}"}
        )

    assert response.status_code == 200
