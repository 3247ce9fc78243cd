"""Renders Ollama's answer: one object, or lines of them, of which the last is done."""

import time
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import json
from typing_extensions import override

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.chat import ChatReply, FinishReason, ToolCall
from llm_gateway.domain.errors import ProviderBroken
from llm_gateway.domain.events import Delta, ReasoningDelta, TextDelta

from ..common.renderer import AnswerIdentity, ChatRenderer, TextFrame, warning_of
from ..common.wire import JsonObject
from .errors import encode_ollama_error

_encode: Final = json.Encoder().encode
_arguments: Final = json.Decoder(dict[str, Any])


def stamp(seconds: float) -> str:
    """A time in Unix seconds as RFC 3339 has it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class OllamaRenderer(ChatRenderer):
    """Renders one answer. `model` is the name that it was asked by. `prompted`: the answer is that to a prompt alone.

    Its tool calls come whole, before the end.
    """

    content_type = b"application/x-ndjson"

    def __init__(self, identity: AnswerIdentity, model: str, *, prompted: bool) -> None:
        self._prompted = prompted
        self._head = {"model": model, "created_at": stamp(identity.created)}
        self._began = time.monotonic_ns()
        self._frame = TextFrame(lambda text: self._part(text))
        self.keep_alive = self._part("")

    @override
    def whole(self, reply: ChatReply, answer: Answer) -> bytes:
        calls = [_called(reply, number, call) for number, call in enumerate(reply.tool_calls)]
        return _encode(self._object(self._said(reply.content, reply.reasoning, calls), self._end(reply)))

    @override
    def text_frame(self, answer: Answer) -> TextFrame:
        return self._frame

    @override
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        match delta:
            case TextDelta(text=text):
                return self._part(text)
            case ReasoningDelta(text=text):
                return self._part("", thinking=text)
            case _:
                return b""

    @override
    def done(self, reply: ChatReply, answer: Answer) -> bytes:
        calls = [_called(reply, number, call) for number, call in enumerate(reply.tool_calls)]
        return (self._part("", calls=calls) if calls else b"") + _line(self._object(self._said(""), self._end(reply)))

    @override
    def failed(self, error: Exception, request_id: str) -> bytes:
        return encode_ollama_error(error, request_id) + b"\n"

    def loaded(self, *, unload: bool) -> bytes:
        """The answer to nothing, which asks for the model to be loaded, or to be let go."""
        reason = {"done": True, "done_reason": "unload" if unload else "load"}
        return _line(self._object(self._said(""), reason))

    def _part(self, text: str, *, thinking: str = "", calls: list[JsonObject] | None = None) -> bytes:
        return _line(self._object(self._said(text, thinking, calls), {"done": False}))

    def _said(self, text: str, thinking: str = "", calls: list[JsonObject] | None = None) -> JsonObject:
        more: JsonObject = ({"thinking": thinking} if thinking else {}) | ({"tool_calls": calls} if calls else {})
        if self._prompted:
            return {"response": text, **more}
        return {"message": {"role": "assistant", "content": text, **more}}

    def _object(self, said: JsonObject, end: JsonObject) -> JsonObject:
        return {**self._head, **said, **end}

    def _end(self, reply: ChatReply) -> JsonObject:
        took = time.monotonic_ns() - self._began
        reason = FinishReason.STOP if reply.finish_reason is FinishReason.TOOL_CALLS else reply.finish_reason
        warning = warning_of(reply)
        return {
            "done": True,
            "done_reason": reason.value,
            "total_duration": took,
            "load_duration": 0,
            "prompt_eval_count": reply.usage.prompt_tokens,
            "prompt_eval_duration": 0,
            "eval_count": reply.usage.completion_tokens,
            "eval_duration": took,
            **({"warning": warning} if isinstance(warning, str) else {}),
        }


def _called(reply: ChatReply, number: int, call: ToolCall) -> JsonObject:
    """Raises `ProviderBroken` for arguments that are no object, which these clients have no place for."""
    try:
        arguments = _arguments.decode(call.arguments or "{}")
    except (ValueError, RecursionError):
        raise ProviderBroken(reply.endpoint.provider, "a tool call's arguments are no JSON object") from None
    return {"id": call.id, "function": {"index": number, "name": call.name, "arguments": arguments}}


def _line(value: JsonObject) -> bytes:
    return _encode(value) + b"\n"
