"""The native surface's answers, as they stand on the wire."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from llm_gateway.domain.chat import FinishReason
from llm_gateway.domain.routing import Hint

from .native_wire import JsonObject


class _Out(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the gateway sends."""


class FunctionOut(_Out, frozen=True, kw_only=True):
    name: str
    arguments: str


class ToolCallOut(_Out, frozen=True, kw_only=True):
    id: str
    function: FunctionOut
    type: Literal["function"]
    extra_content: JsonObject | UnsetType = UNSET


class UsageOut(_Out, frozen=True, kw_only=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    reasoning_tokens: int | UnsetType = UNSET
    cached_tokens: int | UnsetType = UNSET


class AnswerOut(_Out, frozen=True, kw_only=True):
    """A whole answer; in a stream, its `done` event, where the content is not said again."""

    id: str
    provider: str
    model: str
    content: str | UnsetType = UNSET
    tool_calls: list[ToolCallOut] | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET
    extra_content: JsonObject | UnsetType = UNSET
    finish_reason: FinishReason
    usage: UsageOut
    cached: bool
    created: int


class ToolCallDeltaOut(_Out, frozen=True, kw_only=True):
    index: int
    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    extra_content: JsonObject | UnsetType = UNSET


class DeltaOut(_Out, frozen=True, kw_only=True):
    """One of the three."""

    content: str | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET
    tool_call: ToolCallDeltaOut | UnsetType = UNSET


class EndpointOut(_Out, frozen=True, kw_only=True):
    """An endpoint of a plan, and its circuit breaker."""

    provider: str
    model: str
    locality: Literal["on_premises", "cloud"]
    breaker: Literal["closed", "open", "half_open"]


class SkipOut(_Out, frozen=True, kw_only=True):
    name: str
    reason: str


class ExplanationOut(_Out, frozen=True, kw_only=True):
    """The answer of `POST /api/v1/explain`: endpoints in the order in which they would be asked."""

    hint: Hint | None
    pinned: bool
    endpoints: list[EndpointOut]
    skipped: list[SkipOut]
