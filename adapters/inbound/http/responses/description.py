"""The description of OpenAI's surface of responses."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from ..common.descriptions import (
    CHATTING,
    PROVENANCE,
    ErrorDescription,
    json_of,
    operation,
    question_of,
    response_of,
    schema_of,
)
from .answers import EventType, InputTokensOut, ResponseEvent, ResponseOut
from .wire import InputTokensBody, ResponseBody

RESPONSES_TYPES: Final[list[Any]] = [ResponseBody, ResponseOut, ResponseEvent, InputTokensBody, InputTokensOut]
_CHAT: Final = {"model": "local", "input": "Why is the sky blue?"}
_ESTIMATED: Final = {
    "X-Gateway-Estimated": {"description": "By the gateway.", "schema": {"const": "true"}},
}
_STREAM: Final = (
    "One server-sent event, with its type as its name: `response.created` and `response.in_progress`, then each item "
    "from `response.output_item.added` to `response.output_item.done`, and last `response.completed`, "
    "`response.incomplete`, or `response.failed`, which has the error."
)


def responses_operation(errors: ErrorDescription, rates: Mapping[str, Any]) -> dict[str, Any]:
    content = json_of("ResponseOut") | {"text/event-stream": {"schema": _stream()}}
    answers = {"200": response_of(content, {**rates, **PROVENANCE})}
    summary = "Answer a chat as OpenAI's responses do, whole or as server-sent events"
    return operation("responses", "openai", summary, answers, CHATTING, errors, **question_of("ResponseBody", _CHAT))


def input_tokens_operation(errors: ErrorDescription) -> dict[str, Any]:
    located = {name: PROVENANCE[name] for name in ("X-Gateway-Provider", "X-Gateway-Model")}
    answers = {"200": response_of(json_of("InputTokensOut"), located | _ESTIMATED)}
    question = question_of("InputTokensBody", _CHAT)
    summary = "How many tokens a prompt has where it would be asked"
    return operation("input_tokens", "openai", summary, answers, CHATTING, errors, **question)


def _stream() -> dict[str, Any]:
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema_of("ResponseEvent")}
    events = {"enum": list(get_args(EventType))}
    return {
        "description": _STREAM,
        "type": "object",
        "required": ["event", "data"],
        "properties": {"event": events, "data": data},
    }
