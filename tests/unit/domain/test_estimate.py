"""The estimate of a prompt is never below the bytes that a model could be given."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import astuple, replace

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    JsonSchemaFormat,
    Message,
    Text,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.estimate import TOKENS_PER_IMAGE, TOKENS_PER_MESSAGE, estimate_prompt
from llm_gateway.domain.events import text_bytes

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
