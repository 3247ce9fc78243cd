"""What both surfaces say alike of a chat, from wire to domain and back. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from operator import attrgetter
from typing import assert_never

from msgspec import UNSET, UnsetType

from llm_gateway.domain.cache_policy import CacheDirective
from llm_gateway.domain.chat import (
    ChatCall,
    ChatRequest,
    Grain,
    JsonFormat,
    JsonSchemaFormat,
    Message,
    NamedTool,
    ResponseFormat,
    Sampling,
    TextFormat,
    Tool,
    ToolCall,
)
from llm_gateway.domain.parameters import NUMBERS
from llm_gateway.domain.routing import Hint

from .wire import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    CacheIn,
    ChatFields,
    FunctionOut,
    JsonFormatIn,
    JsonSchemaFormatIn,
    NamedChoice,
    ParametersIn,
    TextFormatIn,
    ToolCallIn,
    ToolCallOut,
    ToolDefinition,
)

_SAMPLED = tuple(field for field in ParametersIn.__struct_fields__ if field in NUMBERS)
_sampled_of = attrgetter(*_SAMPLED)


def call_of(
    body: ChatFields,
    messages: tuple[Message, ...],
    max_tokens: int | UnsetType | None,
    hint: Hint | None,
    timeout: timedelta | None,
) -> ChatCall:
    """The call, with the hint and the timeout that stand for the whole request."""
    choice = body.tool_choice
    return ChatCall(
        request=ChatRequest(
            messages=messages,
            max_tokens=DEFAULT_MAX_TOKENS if max_tokens is UNSET else max_tokens,
            max_tokens_by_default=max_tokens is UNSET,
            sampling=Sampling(
                temperature=DEFAULT_TEMPERATURE if body.temperature is UNSET else body.temperature,
                temperature_by_default=body.temperature is UNSET,
                stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
                **dict(zip(_SAMPLED, _sampled_of(body), strict=True)),
            ),
            tools=tuple(map(_tool, body.tools or ())),
            tool_choice=NamedTool(name=choice.function.name) if isinstance(choice, NamedChoice) else choice,
            response_format=None if body.response_format is None else _format(body.response_format),
            reasoning_effort=body.reasoning_effort,
        ),
        model=body.model,
        hint=hint,
        grain=Grain.STREAM if body.stream else Grain.WHOLE,
        cache=to_directive(body.cache),
        timeout=timeout,
    )


def to_directive(cache: CacheIn | None) -> CacheDirective:
    """How the cache may be used; as by default where nothing is stated."""
    if cache is None:
        return CacheDirective()
    ttl = None if cache.ttl_seconds is None else timedelta(seconds=cache.ttl_seconds)
    return CacheDirective(mode=cache.mode, ttl=ttl)


def to_tool_call(call: ToolCallIn) -> ToolCall:
    return ToolCall(
        id=call.id, name=call.function.name, arguments=call.function.arguments, extra_content=call.extra_content
    )


def _tool(tool: ToolDefinition) -> Tool:
    function = tool.function
    return Tool(
        name=function.name,
        description=function.description,
        parameters=function.parameters,
        strict=function.strict,
    )


def _format(chosen: TextFormatIn | JsonFormatIn | JsonSchemaFormatIn) -> ResponseFormat:
    match chosen:
        case TextFormatIn():
            return TextFormat()
        case JsonFormatIn():
            return JsonFormat()
        case JsonSchemaFormatIn(json_schema=schema):
            return JsonSchemaFormat(
                name=schema.name, schema=schema.schema, description=schema.description, strict=schema.strict
            )
        case _:
            assert_never(chosen)


def from_tool_call(call: ToolCall) -> ToolCallOut:
    return ToolCallOut(
        id=call.id,
        type="function",
        function=FunctionOut(name=call.name, arguments=call.arguments),
        extra_content=given(call.extra_content),
    )


def given(value: Mapping[str, object] | None) -> dict[str, object] | UnsetType:
    """The value, or what is left out on the wire where there is none."""
    return UNSET if value is None else dict(value)
