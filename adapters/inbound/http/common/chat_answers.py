"""What the answers of both surfaces say alike: their tool calls."""

from collections.abc import Mapping
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from llm_gateway.domain.chat import ToolCall

from .wire import JsonObject


class Out(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the gateway sends."""


class FunctionOut(Out, frozen=True, kw_only=True):
    name: str
    arguments: str


class ToolCallOut(Out, frozen=True, kw_only=True):
    id: str
    function: FunctionOut
    type: Literal["function"]
    extra_content: JsonObject | UnsetType = UNSET


def from_tool_call(call: ToolCall) -> ToolCallOut:
    return ToolCallOut(
        id=call.id,
        type="function",
        function=FunctionOut(name=call.name, arguments=call.arguments),
        extra_content=given(call.extra_content),
    )


def given(value: Mapping[str, object] | None) -> dict[str, object] | UnsetType:
    return UNSET if value is None else dict(value)
