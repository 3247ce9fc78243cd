"""What the bodies of both surfaces say alike, as a call. Pure."""

from datetime import timedelta
from typing import assert_never

from msgspec import UNSET

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
    ToolChoice,
    ToolMode,
)
from llm_gateway.domain.parameters import NUMBERS
from llm_gateway.domain.routing import Hint

from .wire import (
    DEFAULT_TEMPERATURE,
    CacheIn,
    ChatFields,
    FunctionIn,
    JsonFormatIn,
    JsonSchemaFormatIn,
    NamedChoice,
    ParametersIn,
    TextFormatIn,
    ToolCallIn,
)

_SAMPLED = tuple(field for field in ParametersIn.__struct_fields__ if field in NUMBERS)


def call_of(
    body: ChatFields,
    messages: tuple[Message, ...],
    max_tokens: int | None,
    hint: Hint | None,
    timeout: timedelta | None,
) -> ChatCall:
    """With the hint and the timeout that stand for the whole request."""
    return ChatCall(
        request=ChatRequest(
            messages=messages,
            max_tokens=max_tokens,
            sampling=Sampling(
                temperature=DEFAULT_TEMPERATURE if body.temperature is UNSET else body.temperature,
                temperature_by_default=body.temperature is UNSET,
                stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
                **{field: getattr(body, field) for field in _SAMPLED},
            ),
            tools=tuple(_tool(tool.function) for tool in body.tools or ()),
            tool_choice=_choice(body.tool_choice),
            response_format=_format(body.response_format),
            reasoning_effort=body.reasoning_effort,
        ),
        model=body.model,
        hint=hint,
        grain=Grain.STREAM if body.stream else Grain.WHOLE,
        cache=to_directive(body.cache),
        timeout=timeout,
    )


def to_directive(cache: CacheIn | None) -> CacheDirective:
    if cache is None:
        return CacheDirective()
    ttl = None if cache.ttl_seconds is None else timedelta(seconds=cache.ttl_seconds)
    return CacheDirective(mode=cache.mode, ttl=ttl)


def to_tool_call(call: ToolCallIn) -> ToolCall:
    return ToolCall(
        id=call.id, name=call.function.name, arguments=call.function.arguments, extra_content=call.extra_content
    )


def _tool(function: FunctionIn) -> Tool:
    return Tool(
        name=function.name,
        description=function.description,
        parameters=function.parameters,
        strict=function.strict,
    )


def _choice(choice: ToolMode | NamedChoice | None) -> ToolChoice | None:
    return NamedTool(name=choice.function.name) if isinstance(choice, NamedChoice) else choice


def _format(chosen: TextFormatIn | JsonFormatIn | JsonSchemaFormatIn | None) -> ResponseFormat | None:
    match chosen:
        case None:
            return None
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
