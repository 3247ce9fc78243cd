"""What a probe asks a model, and what an answer shows of it: one row for each thing that is known of a model."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import DecodeError, Struct, json

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatReply,
    ChatRequest,
    FinishReason,
    JsonSchemaFormat,
    ReasoningEffort,
    Tool,
    UserMessage,
)
from llm_gateway.domain.routing import Feature

ANSWER_TOKENS: Final = 256
PROMPT_TOKENS: Final = 300
"""At most, with what a server's template adds for a tool."""

_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
}


class Question(Struct, frozen=True, kw_only=True):
    """`needs` is what has to be known of a model for it to be asked; None: every model is asked.

    `objection` is what an answer shows that differs, None where it agrees.
    """

    name: str
    needs: Feature | None
    request: ChatRequest
    objection: Callable[[ChatReply], str | None]


def _nothing(_reply: ChatReply) -> None:
    return None


def _no_object(reply: ChatReply) -> str | None:
    try:
        json.decode(reply.content, type=dict[str, Any])
    except DecodeError:
        return "the answer is no JSON object"
    return None


def _reasons(reply: ChatReply) -> str | None:
    return "it reasons all the same" if reply.reasoning or reply.usage.reasoning_tokens else None


def _no_call(reply: ChatReply) -> str | None:
    return None if reply.tool_calls else "it called no tool"


def _question(
    name: str, needs: Feature | None, objection: Callable[[ChatReply], str | None], text: str, **more: Any
) -> Question:
    begun = more.pop("begun", None)
    messages = (UserMessage(content=text), *(() if begun is None else (AssistantMessage(content=begun),)))
    request = ChatRequest(messages=messages, max_tokens=ANSWER_TOKENS, **more)
    return Question(name=name, needs=needs, request=request, objection=objection)


QUESTIONS: Final = (
    _question("answers", None, _nothing, "Reply with the word ok."),
    _question(
        "tools",
        Feature.TOOLS,
        _no_call,
        "Call the tool `report` with the word ok.",
        tools=(Tool(name="report", description="Takes a word.", parameters=_SCHEMA),),
    ),
    _question(
        "response_format.json_schema",
        Feature.JSON_SCHEMA,
        _no_object,
        "Reply with the word ok.",
        response_format=JsonSchemaFormat(name="word", schema=_SCHEMA),
    ),
    _question(
        "reasoning_effort.none",
        Feature.REASONING_OFF,
        _reasons,
        "Reply with the word ok.",
        reasoning_effort=ReasoningEffort.NONE,
    ),
    _question(
        "reasoning_effort",
        Feature.REASONING_EFFORT,
        _nothing,
        "Reply with the word ok.",
        reasoning_effort=ReasoningEffort.LOW,
    ),
    _question("a last answer to go on from", Feature.PREFILL, _nothing, "Count to three.", begun="One, two,"),
)


def is_cut(reply: ChatReply) -> bool:
    """Whether the limit of the probe ended the answer, which then shows nothing but that it was begun."""
    return reply.finish_reason is FinishReason.LENGTH
