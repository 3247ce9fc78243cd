"""Bodies of Anthropic's requests, and what becomes of them."""

from typing import Any, Final

import pytest
from msgspec import json
from msgspec.structs import replace

from llm_gateway.adapters.inbound.http.messages.renderer import MessageOptions, message_options_of
from llm_gateway.adapters.inbound.http.messages.translate import to_call
from llm_gateway.adapters.inbound.http.messages.wire import LABELS, MessagesBody
from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.errors import InvalidRequest

USER: Final = {"role": "user", "content": "Hello"}
PLAIN: Final[dict[str, Any]] = {"model": "local", "max_tokens": 9, "messages": [USER]}
TOOL: Final[dict[str, Any]] = {"name": "look", "input_schema": {"type": "object"}}
CALL: Final[dict[str, Any]] = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}}
RESULT: Final[dict[str, Any]] = {"type": "tool_result", "tool_use_id": "c1", "content": "Seen."}
IMAGE: Final[dict[str, Any]] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
}
PDF: Final[dict[str, Any]] = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
}


def text(said: str = "Hi", **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    """What the user says."""
    return {**PLAIN, "messages": [{"role": "user", "content": list(blocks)}]}


def answered(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An answer in the history."""
    return {**PLAIN, "messages": [USER, {"role": "assistant", "content": list(blocks), **more}]}


def gave(*blocks: dict[str, Any]) -> dict[str, Any]:
    """What a tool gave, in the history."""
    return {**PLAIN, "messages": [*answered(CALL)["messages"], {"role": "user", "content": list(blocks)}]}


def read(body: dict[str, Any]) -> tuple[ChatCall, MessageOptions]:
    """What becomes of a body: its call, and how its answer is rendered."""
    decoded, labels = LABELS.decode(json.Decoder(MessagesBody), json.encode(body))
    call = to_call(decoded, decoded.model_hint, None)
    return replace(call, ignored=(*call.ignored, *labels)), message_options_of(decoded)


def refusal(body: dict[str, Any]) -> str:
    """The path of the first fault."""
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    return caught.value.faults[0].path
