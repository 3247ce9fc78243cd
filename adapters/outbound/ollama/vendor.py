"""The vendor's answers, with the fields that the SDK's own types leave out."""

from collections.abc import Mapping, Sequence
from typing import Any

import ollama
from ollama._types import Logprob, TokenLogprob  # which it does not export


class PartToolCall(ollama.Message.ToolCall):
    id: str | None = None


class PartMessage(ollama.Message):
    tool_calls: Sequence[PartToolCall] | None = None


class PartToken(TokenLogprob):
    bytes: Sequence[int] | None = None


class PartLogprob(Logprob):
    """A token that the model chose."""

    bytes: Sequence[int] | None = None
    top_logprobs: Sequence[PartToken] | None = None


class ChatPart(ollama.ChatResponse):
    """A whole answer, or a line of a stream. The last line may come without a message."""

    message: PartMessage = PartMessage(role="assistant")
    logprobs: Sequence[PartLogprob] | None = None
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
