"""`POST /v1/messages`, `count_tokens` and `/v1/models`, as Anthropic's clients send and read them."""

from datetime import timedelta
from typing import Any, Final

import pytest

from llm_gateway.adapters.inbound.http.common.chat_replies import Pace
from llm_gateway.adapters.inbound.http.common.problems import TABLE
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, Wait, answer
from llm_gateway.domain.chat import AssistantMessage, Text, ToolCall, ToolMessage, UserMessage
from llm_gateway.domain.errors import ContextLengthExceeded, ProviderError, ProviderRejected
from llm_gateway.domain.routing import Feature

from ....unit.http.messages.grown import Grower
from ....unit.http.messages.reading import message_of, streamed_of
from ..served import KEY, Serve, Served, endpoint, eventually, stopped_clock
from .endings import SCRIPTS, SIGNED, TOOLS, URL, message

COUNT: Final = f"{URL}/count_tokens"
MODELS: Final = "/v1/models"
ANTHROPIC: Final = {"anthropic-version": "2023-06-01"}
PROVIDER_ERRORS: Final = [kind for kind in TABLE if issubclass(kind, ProviderError)]
TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    502: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
HELLO: Final[dict[str, Any]] = {"model": "ollama", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
PROMPT: Final = {name: value for name, value in HELLO.items() if name != "max_tokens"}


async def ask(served: Served, body: Any = HELLO, path: str = URL, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await served.client.post(path, json=body, headers=named)


def told(response: Any) -> str:
    """The message of an error in the family's shape."""
    body = response.json()
    assert response.headers["content-type"] == "application/json"
    assert response.headers["request-id"] == response.headers["x-request-id"] == body["request_id"]
    assert body.keys() == {"type", "error", "request_id"}
    assert body["error"].keys() - {"details"} == {"type", "message"}
    assert (body["type"], body["error"]["type"]) == ("error", TYPES[response.status_code])
    return str(body["error"]["message"])


async def test_the_model_is_given_what_was_asked_and_no_default(served: Served, model: ScriptedChatModel) -> None:
    response = await ask(served)

    request = model.calls[0].request
    assert (request.max_tokens, request.sampling.temperature, request.reasoning_effort) == (9, None, None)
    assert response.json()["content"] == [{"type": "text", "text": "A scripted answer."}]
    assert response.headers["request-id"] == response.headers["x-request-id"]
    assert response.headers["anthropic-ratelimit-requests-remaining"]
    assert response.headers["x-gateway-model"] == "llama3.1"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_sent_back_as_it_came_with_its_signatures(start: Serve, stream: bool) -> None:
    model = ScriptedChatModel(stopped_clock(), SCRIPTS["tools"], answer("Done."))
    served = await start(model)
    first = await ask(served, message(stream=stream))
    said = message_of(streamed_of(first.content)) if stream else first.json()
    results = [{"type": "tool_result", "tool_use_id": id, "content": "Seen."} for id in ("c2", "c1")]
    turns = [{"role": "assistant", "content": said["content"]}, {"role": "user", "content": results}]

    response = await ask(served, message(stream=stream) | {"messages": [*message()["messages"], *turns]})

    assert response.status_code == 200
    assert response.headers["x-gateway-ignored"] == "messages[1].content[0].thinking"
    assert model.calls[1].request.messages == (
        UserMessage(content="Hello"),
        AssistantMessage(
            content="Let me see.",
            tool_calls=(
                ToolCall(id="c1", name="look", arguments='{"at":"it"}', extra_content=SIGNED),
                ToolCall(id="c2", name="look", arguments="{}"),
            ),
            extra_content=SIGNED,
        ),
        ToolMessage(content=(Text(text="Seen."),), tool_call_id="c2"),
        ToolMessage(content=(Text(text="Seen."),), tool_call_id="c1"),
    )


async def test_what_has_no_effect_is_named_at_its_own_path(start: Serve) -> None:
    served = await start(
        ScriptedChatModel(stopped_clock()), endpoints=[endpoint("ollama", without=frozenset({Feature.REASONING_XHIGH}))]
    )
    control = {"cache_control": {"type": "ephemeral"}}
    body = {
        **HELLO,
        "system": [{"type": "text", "text": "Short.", **control}],
        "metadata": {"user_id": "u"},
        "output_config": {"effort": "max"},
    }

    response = await ask(served, body, anthropic_beta="a-2026-01-01,b-2026-01-01")

    assert response.status_code == 200
    assert response.headers["x-gateway-ignored"] == "metadata, system[0].cache_control, output_config.effort"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", PROVIDER_ERRORS)
async def test_a_provider_s_failure_has_its_status(start: Serve, kind: type[ProviderError], stream: bool) -> None:
    failure = kind("ollama", "it went wrong", retry_after=timedelta(seconds=1.2))
    served = await start(ScriptedChatModel(stopped_clock(), [failure]), provider_max_retries=0)

    response = await ask(served, {**HELLO, "stream": stream})

    status = TABLE[kind][0]
    assert response.status_code == (529 if status == 503 else status)
    assert told(response).endswith("it went wrong")
    assert response.headers["retry-after"] == "2"
    assert ("x-should-retry" in response.headers) is (status == 400 or TABLE[kind][1] == "provider_misconfigured")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", URL, {"x-api-key": "wrong"}, 401),
        ("POST", URL, {"content-type": "text/plain"}, 415),
        ("GET", URL, {}, 405),
        ("POST", f"{URL}/batches", {}, 404),
        ("POST", COUNT, {"x-api-key": "wrong"}, 401),
        ("GET", MODELS, {"x-api-key": "wrong", **ANTHROPIC}, 401),
        ("GET", f"{MODELS}/none", ANTHROPIC, 404),
    ],
)
async def test_what_never_came_to_a_model(
    served: Served, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = await served.client.request(method, path, headers=headers)

    assert response.status_code == status
    assert told(response)
    assert response.headers["x-should-retry"] == "false"


async def test_a_key_is_taken_as_a_bearer_too(served: Served) -> None:
    response = await ask(served, x_api_key="", authorization=f"Bearer {KEY}")

    assert response.status_code == 200


async def test_a_thread_is_refused_so_that_its_client_sends_everything(served: Served) -> None:
    response = await ask(served, {**HELLO, "thread": {"type": "create"}})

    assert told(response).startswith("thread: is not taken here")
    details = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert response.json()["error"]["details"] == details


async def test_a_prompt_that_is_too_long_is_said_to_be_in_the_family_s_words(start: Serve) -> None:
    failure = ContextLengthExceeded("ollama", "longer than the context")
    served = await start(ScriptedChatModel(stopped_clock(), [failure]))

    response = await ask(served)

    assert response.status_code == 400
    assert told(response).startswith("prompt is too long")


async def test_a_fault_that_is_found_later_is_told_at_the_client_s_own_field(start: Serve) -> None:
    failure = ProviderRejected("ollama", "does not take it", path="tools[0].function.parameters.type")
    served = await start(ScriptedChatModel(stopped_clock(), [failure]))
    result = {"type": "tool_result", "tool_use_id": "c9", "content": ""}

    planned = await ask(served, {**HELLO, "messages": [*HELLO["messages"], {"role": "user", "content": [result]}]})
    refused = await ask(served, {**HELLO, "tools": TOOLS})

    assert told(planned).startswith("messages[1].content[0].tool_use_id: answers no tool call")
    assert "ollama" in told(refused)


async def test_a_spent_quota_tells_when_it_is_full_again(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), rate_limiter_capacity=1, rate_limiter_refill_rate=0.01)
    await ask(served)

    response = await ask(served, {**HELLO, "messages": [{"role": "user", "content": "And?"}]})

    assert response.status_code == 429
    assert told(response)
    headers = response.headers
    assert (headers["anthropic-ratelimit-requests-limit"], headers["anthropic-ratelimit-requests-remaining"]) == (
        "1",
        "0",
    )
    assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert "x-should-retry" not in headers
    assert int(headers["retry-after"]) > 1


async def test_a_late_first_event_has_pings_before_it(start: Serve) -> None:
    clock = stopped_clock()
    served = await start(ScriptedChatModel(clock, [Wait(1), *answer("Late.")]), pace=Pace(keep_alive=0.02))
    wire = await served.connect()
    await wire.send(
        served.request(
            path=URL,
            body=b'{"stream":true,"model":"ollama","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}',
        )
    )
    ping = b'event: ping\ndata: {"type":"ping"}\n\n'

    await wire.until(ping)
    await wire.until(ping)
    await clock.advance(1)

    assert b"event: message_stop" in await wire.until(b"0\r\n\r\n")


async def test_models_are_listed_in_the_shape_of_who_asks(served: Served) -> None:
    openai = (await served.client.get(MODELS)).json()
    google = (await served.client.get(MODELS, headers={"x-goog-api-key": KEY})).json()
    anthropic = (await served.client.get(MODELS, headers=ANTHROPIC)).json()

    assert openai == google
    names = [model["id"] for model in openai["data"]]
    assert [model["id"] for model in anthropic["data"]] == names
    assert {name: anthropic[name] for name in ("has_more", "first_id", "last_id")} == {
        "has_more": False,
        "first_id": names[0],
        "last_id": names[-1],
    }
    model = anthropic["data"][0]
    assert model["created_at"].endswith("Z")
    assert {**model, "created_at": ""} == {
        "type": "model",
        "id": names[0],
        "display_name": names[0],
        "created_at": "",
        "lifecycle": "active",
        "max_input_tokens": None,
    }
    assert (await served.client.get(f"{MODELS}/ollama/llama3.1", headers=ANTHROPIC)).json()["id"] == "ollama/llama3.1"


@pytest.mark.parametrize(
    ("query", "begins", "ends", "more"),
    [
        ("limit=2", 0, 2, True),
        ("limit=1000", 0, None, False),
        ("limit=2&after_id={0}", 1, 3, True),
        ("after_id={0}", 1, None, False),
        ("before_id={2}", 0, 2, False),
        ("limit=1&before_id={2}", 1, 2, True),
    ],
)
async def test_models_come_in_pages(served: Served, query: str, begins: int, ends: int | None, more: bool) -> None:
    names = [model["id"] for model in (await served.client.get(MODELS)).json()["data"]]

    page = (await served.client.get(f"{MODELS}?{query.format(*names)}", headers=ANTHROPIC)).json()

    assert ([model["id"] for model in page["data"]], page["has_more"]) == (names[begins:ends], more)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after_id=none", "before_id=none"])
async def test_a_page_that_there_is_not_is_refused_by_name(served: Served, query: str) -> None:
    response = await served.client.get(f"{MODELS}?{query}", headers=ANTHROPIC)

    assert response.status_code == 400
    assert told(response).startswith(query.partition("=")[0])


async def test_tokens_are_counted_by_the_vendor_or_estimated_and_said_to_be(start: Serve) -> None:
    counting = await start(ScriptedChatModel(stopped_clock(), counts=17))
    estimating = await start(ScriptedChatModel(stopped_clock()))

    counted, estimated = await ask(counting, PROMPT, COUNT), await ask(estimating, PROMPT, COUNT)

    assert counted.json() == {"input_tokens": 17}
    assert "x-gateway-estimated" not in counted.headers
    assert estimated.json()["input_tokens"] > 1
    assert estimated.headers["x-gateway-estimated"] == "true"
    assert "max_tokens" in told(await ask(counting, HELLO, COUNT))
    assert told(await ask(counting, {**PROMPT, "tool_choice": {"type": "any"}}, COUNT)).startswith("tool_choice")


async def test_a_burst_of_counts_costs_nothing_of_the_quota(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), counts=17), rate_limiter_capacity=1)

    responses = [await ask(served, PROMPT, COUNT) for _ in range(24)]

    assert {response.status_code for response in responses} == {200}
    assert (await ask(served)).status_code == 200


async def test_whatever_is_asked_is_answered_or_refused_and_never_fails(start: Serve) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), SCRIPTS["tools"]))
    grower = Grower(19)
    statuses = []
    for _ in range(400):
        body = grower.body()
        response = await ask(served, body)
        statuses.append(response.status_code)
        if response.status_code == 200:
            said = message_of(streamed_of(response.content)) if body.get("stream") else response.json()
            assert said["stop_reason"] == "tool_use"
        else:
            assert told(response)
    assert set(statuses) == {200, 400}
    assert statuses.count(200) > 100
    await eventually(lambda: served.observer.active == 0)
