"""A prompt's upper bound is never below the bytes that a model could be given; what is likely goes by their kind."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, json
from msgspec.structs import astuple, replace

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    JsonSchemaFormat,
    Message,
    Text,
    Tool,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.embedding import EmbedRequest
from llm_gateway.domain.estimate import (
    LIKELY_TOKENS_PER_IMAGE,
    LIKELY_TOKENS_PER_INPUT,
    LIKELY_TOKENS_PER_MESSAGE,
    TOKENS_PER_IMAGE,
    TOKENS_PER_MESSAGE,
    estimate_inputs,
    estimate_prompt,
    likely_prompt_tokens,
)
from llm_gateway.domain.events import text_bytes
from llm_gateway.domain.media import Image

from .generated import values_of


def text_in(value: object) -> int:
    """UTF-8 bytes of every text at any depth."""
    match value:
        case str():
            return len(value.encode())
        case Struct():
            return text_in(astuple(value))
        case Mapping():
            return text_in((*value.keys(), *value.values()))
        case list() | tuple():
            return sum(map(text_in, value))
        case _:
            return 0


@given(values_of(Message))
def test_every_text_of_a_message_is_counted(message: Message) -> None:
    long = replace(message, content=(), name="n" * 500)
    if isinstance(long, ToolMessage):
        long = replace(long, tool_call_id="t" * 500)
    if isinstance(long, AssistantMessage):
        long = replace(long, extra_content={"key": "e" * 500})

    assert estimate_prompt(ChatRequest(messages=(long,))) >= text_in(long)


@given(values_of(ChatRequest))
def test_the_estimate_is_at_least_the_text_of_messages_tools_and_schema(request: ChatRequest) -> None:
    schema = request.response_format if isinstance(request.response_format, JsonSchemaFormat) else None
    media = [part for message in request.messages for part in message.content if not isinstance(part, Text)]

    least = text_in(request.messages) + text_in(request.tools) + text_in(schema) - text_in(media)
    least += TOKENS_PER_MESSAGE * len(request.messages) + TOKENS_PER_IMAGE * len(media)

    assert estimate_prompt(request) >= least


@given(st.text())
def test_text_is_measured_in_utf_8(text: str) -> None:
    assert text_bytes(text) == len(text.encode())


def test_half_a_surrogate_pair_is_measured_and_not_raised() -> None:
    assert text_bytes("\ud83d") == 3


def test_a_plain_message_costs_its_bytes_and_a_constant() -> None:
    request = ChatRequest(messages=(UserMessage(content=(Text(text="Grüß"), Text(text="Gott"))),))

    assert estimate_prompt(request) == 6 + 4 + TOKENS_PER_MESSAGE


LIKELY = {
    "English": (UserMessage(content="word " * 400), 500),
    "Chinese": (UserMessage(content="\u4f60\u597d" * 300), 600),
    "Russian": (UserMessage(content="\u0441\u043b\u043e\u0432\u043e" * 60), 200),
    "both": (UserMessage(content="word" * 10 + "\u4f60" * 10), 20),
    "a character of four bytes": (UserMessage(content="\U0001f600" * 3), 4),
    "a tool's result": (ToolMessage(content="1" * 300, tool_call_id="abc"), 101),
    "an image": (UserMessage(content=(Image(data=b"1" * 10**6, mime_type="image/png"),)), LIKELY_TOKENS_PER_IMAGE),
    "nothing": (UserMessage(content=""), 0),
}


@pytest.mark.parametrize(("message", "tokens"), LIKELY.values(), ids=LIKELY.keys())
def test_what_is_likely_goes_by_the_kind_of_the_content(message: Message, tokens: int) -> None:
    assert likely_prompt_tokens(ChatRequest(messages=(message,))) == tokens + LIKELY_TOKENS_PER_MESSAGE


def test_tools_count_as_code() -> None:
    tool = Tool(name="look", description="d" * 3_000, parameters={})
    message = UserMessage(content="Look.")
    with_tool, plain = ChatRequest(messages=(message,), tools=(tool,)), ChatRequest(messages=(message,))
    added = likely_prompt_tokens(with_tool) - likely_prompt_tokens(plain)
    assert 1_000 <= added == -(-len(json.encode(tool)) // 3)


@given(values_of(ChatRequest))
def test_what_is_likely_is_at_least_a_token_and_never_above_the_bound(request: ChatRequest) -> None:
    assert 1 <= likely_prompt_tokens(request) <= max(1, estimate_prompt(request))


@given(st.lists(st.text(), min_size=1).map(tuple))
def test_the_same_of_texts_to_embed(inputs: tuple[str, ...]) -> None:
    request = EmbedRequest(inputs=inputs)
    assert LIKELY_TOKENS_PER_INPUT * len(inputs) <= likely_prompt_tokens(request) <= estimate_inputs(request)
