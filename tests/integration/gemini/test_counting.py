"""Prompts counted by Gemini, by both transports on a real socket: what is sent, and what comes of each fault."""

import pytest

from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    SystemMessage,
    Text,
    Tool,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import (
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderThrottled,
    ProviderTimeout,
)
from llm_gateway.domain.media import Image
from llm_gateway.domain.resilience import Deadline

from ..scripted_vendor import BEFORE_THE_HEAD, Reaction, whole
from ..waiting import HANG_SECONDS
from .calls import KEY, PROMPT, TO, request, served
from .payloads import refusal
from .rules.verdict import Vendor

pytestmark = pytest.mark.usefixtures("carrier")

COUNTED = whole({"totalTokens": 31, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}]})
LOOP = ChatRequest(
    messages=(
        SystemMessage(content=(Text(text="Be brief."),)),
        UserMessage(content=(Text(text=PROMPT), Image(data=b"GIF89a", mime_type="image/png"))),
        AssistantMessage(tool_calls=(ToolCall(id="call_1", name="look up", arguments='{"q": 1}'),)),
        ToolMessage(content=(Text(text="nothing"),), tool_call_id="call_1"),
    ),
    tools=(Tool(name="look up", parameters={"type": "object", "properties": {"q": {"type": "integer"}}}),),
    max_tokens=9,
)


async def counted(model: GeminiChatModel, chat: ChatRequest | None = None, seconds: float = HANG_SECONDS) -> int | None:
    deadline = Deadline(SystemClock().monotonic() + seconds)
    return await model.count(TO, chat or request(), deadline=deadline, headers={"traceparent": "00-1"})


@pytest.mark.parametrize("chat", [None, LOOP], ids=["text", "loop"])
async def test_the_prompt_is_counted_as_it_would_be_asked(chat: ChatRequest | None) -> None:
    async with served(COUNTED) as (server, model):
        assert await counted(model, chat) == 31
        (asked,) = server.asked
    assert server.refused == []
    assert asked.path == "/v1beta/models/gemini-flash-latest:countTokens"
    assert asked.headers["traceparent"] == "00-1"
    assert asked.headers["x-goog-api-key"] == KEY
    (within,) = asked.body.values()
    assert within["model"] == "models/gemini-flash-latest"
    wanted = {"model", "contents"} | ({"systemInstruction", "tools"} if chat else set())
    assert within.keys() == wanted


@pytest.mark.parametrize(
    ("reaction", "error"),
    [
        (refusal(400), ProviderError),
        (refusal(429), ProviderThrottled),
        (refusal(403), ProviderMisconfigured),
        (whole({"totalTokens": []}), ProviderBroken),
    ],
)
async def test_a_fault_is_a_provider_s(reaction: Reaction, error: type[Exception]) -> None:
    async with served(reaction) as (_, model):
        with pytest.raises(error) as failed:
            await counted(model)
    assert PROMPT not in str(failed.value)


async def test_the_deadline_holds() -> None:
    async with served(BEFORE_THE_HEAD) as (_, model):
        with pytest.raises(ProviderTimeout):
            await counted(model, seconds=0.05)


async def test_what_no_model_takes_is_refused_before_it_is_sent() -> None:
    async with served(COUNTED) as (server, model):
        with pytest.raises(ProviderRejected):
            await counted(model, ChatRequest(messages=(SystemMessage(content=(Text(text="a"),)),)))
        assert server.asked == []


def verdict(body: bytes) -> list[str]:
    path = "/v1beta/models/gemini-flash-latest:countTokens"
    return [one.rule for one in Vendor().verdict(path, body).objections]


def test_the_vendor_s_rules_hold_for_what_is_counted() -> None:
    contents = '"contents": [{"parts": [{"text": "a"}]}]'
    named = '"model": "models/gemini-flash-latest"'
    assert verdict(f"{{{contents}}}".encode()) == []
    assert verdict(f'{{"generateContentRequest": {{{named}, {contents}}}}}'.encode()) == []
    assert verdict(f'{{"generateContentRequest": {{{contents}}}}}'.encode()) == ["G30"]
    assert verdict(f'{{"generateContentRequest": {{{named}}}}}'.encode()) == ["G13"]
    assert verdict(f'{{"systemInstruction": {{}}, {contents}}}'.encode()) == ["G16"]
    assert verdict(b"{}") == ["G13"]
