"""The vendor's answers, with the fields that the SDK's own types leave out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import ollama
from msgspec import MsgspecError, Struct, json


class PartToolCall(ollama.Message.ToolCall):
    id: str | None = None


class PartMessage(ollama.Message):
    tool_calls: Sequence[PartToolCall] | None = None


class ChatPart(ollama.ChatResponse):
    """A whole answer, or a line of a stream. The last line may come without a message."""

    message: PartMessage = PartMessage(role="assistant")
    remote_host: str | None = None


class Vectors(ollama.EmbedResponse):
    """One vector for each text."""

    remote_host: str | None = None


class Shown(ollama.ShowResponse):
    """What the server tells of a model."""

    modelinfo: Mapping[str, Any] | None = None
    model_info: Mapping[str, Any] | None = None
    remote_host: str | None = None


class About(ollama.StatusResponse):
    """What the server tells of itself."""

    version: str | None = None


class _Problem(Struct):
    error: str


class _RunnersError(Struct):
    type: str


class _RunnersProblem(Struct):
    error: _RunnersError


QUEUE_FULL: Final = "maximum pending requests exceeded"
"""Told by the refusal's text alone, and by nothing else with its status: 503 is also a proxy's before it."""


def queue_full(refusal: bytes) -> bool:
    """Whether a refusal says that the server has as many requests as it will hold (ollama's server/sched.go)."""
    try:
        return QUEUE_FULL in json.decode(refusal, type=_Problem).error
    except (MsgspecError, UnicodeError, RecursionError):
        return False


def overflows(refusal: bytes) -> bool:
    """Whether a refusal says that the prompt is longer than the context. The text of its `error` is then what the
    server's runner answered, as JSON (ollama's llm/llama_server.go); older runners have text only.
    """
    try:
        said = json.decode(refusal, type=_Problem).error
        return json.decode(said, type=_RunnersProblem).error.type == "exceed_context_size_error"
    except (MsgspecError, UnicodeError, RecursionError):
        return False
