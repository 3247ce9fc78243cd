"""The description of Anthropic's surface."""

from typing import Any, Final

from ..common.descriptions import (
    CHATTING,
    COUNT,
    ERROR_HEADERS,
    PROVENANCE,
    RATES,
    ErrorDescription,
    json_of,
    operation,
    question_of,
    response_of,
    schema_of,
)
from .answers import (
    AnthropicMessage,
    BlockDelta,
    BlockStart,
    BlockStop,
    MessageDelta,
    MessageStart,
    MessageStop,
    Ping,
)
from .errors import OVERLOADED, AnthropicErrorOut
from .handlers import TokenCount
from .wire import CountBody, MessagesBody

_EVENTS: Final = (MessageStart, BlockStart, BlockDelta, BlockStop, MessageDelta, MessageStop, Ping)
ANTHROPIC_TYPES: Final[list[Any]] = [MessagesBody, AnthropicMessage, AnthropicErrorOut, *_EVENTS, CountBody, TokenCount]
_RATES: Final = RATES | {
    f"Anthropic-RateLimit-{unit}-{what}": {
        "schema": {"type": "string", "format": "date-time"} if what == "Reset" else COUNT
    }
    for unit in ("Requests", "Tokens")
    for what in ("Limit", "Remaining", "Reset")
}
_ID: Final = {"Request-Id": {"description": "As `X-Request-Id`.", "schema": {"type": "string"}}}
_AGAIN: Final = {"X-Should-Retry": {"description": "Where trying again is in vain.", "schema": {"const": "false"}}}
_ESTIMATED: Final = {
    "X-Gateway-Estimated": {
        "description": "The provider does not count, or did not in time: few prompts have more.",
        "schema": {"const": "true"},
    }
}
_STATUSES: Final = (400, 401, 403, 404, 408, 413, 415, 421, 429, 500, 502, 503, 504)
_ERRORS: Final = ErrorDescription(
    media_type="application/json",
    schema="AnthropicErrorOut",
    headers={status: ERROR_HEADERS.get(status, {}) | _ID | _AGAIN for status in _STATUSES}
    | {429: ERROR_HEADERS[429] | _ID | _AGAIN | _RATES},
    statuses={503: OVERLOADED},
)
_CHAT: Final = {
    "model": "local",
    "max_tokens": 256,
    "messages": [{"role": "user", "content": "Why is the sky blue?"}],
}
_STREAM: Final = (
    "One server-sent event, with its type as its name: `message_start`, blocks one after the other, `message_delta`, "
    "`message_stop`, and `ping` at any time. An `error` in the middle is the last."
)


def messages_operation() -> dict[str, Any]:
    content = json_of("AnthropicMessage") | {"text/event-stream": {"schema": _stream()}}
    answers = {"200": response_of(content, _RATES | PROVENANCE | _ID)}
    summary = "Answer a chat as Anthropic does, whole or as server-sent events"
    return operation("messages", "anthropic", summary, answers, CHATTING, _ERRORS, **question_of("MessagesBody", _CHAT))


def count_operation() -> dict[str, Any]:
    headers = {name: PROVENANCE[name] for name in ("X-Gateway-Provider", "X-Gateway-Model")} | _ESTIMATED | _ID
    answers = {"200": response_of(json_of("TokenCount"), headers)}
    asked = question_of("CountBody", {name: value for name, value in _CHAT.items() if name != "max_tokens"})
    summary = "Count the tokens of a prompt, where it would be asked"
    return operation("count_tokens", "anthropic", summary, answers, CHATTING, _ERRORS, **asked)


def _stream() -> dict[str, Any]:
    data = [(kind.__struct_config__.tag, kind.__name__) for kind in (*_EVENTS, AnthropicErrorOut)]
    return {
        "description": _STREAM,
        "oneOf": [
            {
                "type": "object",
                "required": ["event", "data"],
                "properties": {
                    "event": {"const": tag},
                    "data": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": schema_of(name),
                    },
                },
            }
            for tag, name in data
        ],
    }
