"""From a chat in the domain's types to the body of a request in OpenAI's form. Pure."""

from typing import assert_never

from msgspec import json

from llm_gateway.application.reasoning_allowances import ALLOWANCES
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatRequest,
    JsonFormat,
    JsonSchemaFormat,
    NamedTool,
    ReasoningEffort,
    TextFormat,
    Tool,
    ToolMode,
)
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.routing import EndpointId

from .dialects import Body, SpokenModel
from .translate_messages import messages_of


def chat_body(to: EndpointId, request: ChatRequest, model: SpokenModel, *, stream: bool) -> bytes:
    """Raises `ProviderRejected` for half a character, which UTF-8 has no form for."""
    dialect = model.dialect
    body: Body = {"model": to.model, "messages": messages_of(dialect, request.messages), **model.body}
    if stream:
        body["stream"] = True
        if dialect.usage:
            body["stream_options"] = {"include_usage": True}
    match request.messages:
        case [*_, AssistantMessage(tool_calls=())]:
            body |= dialect.prefill
    body |= model.numbers(request)
    if request.sampling.temperature_by_default and model.facts.default_temperature is False:
        body.pop("temperature", None)
    if request.max_tokens_by_default and model.facts.levels:
        body[dialect.max_tokens] += _allowance(request.reasoning_effort)
    if request.sampling.stop:
        body["stop"] = request.sampling.stop
    if request.logprobs and "logprobs" in model.places:
        body["logprobs"] = True
    else:
        body.pop("top_logprobs", None)
    _tools(body, request, model)
    _format(body, request, model)
    _effort(body, request.reasoning_effort, model)
    return encoded(to, body)


def encoded(to: EndpointId, body: Body) -> bytes:
    """As JSON. Raises `ProviderRejected`, as `chat_body` does."""
    try:
        return json.encode(body)
    except (UnicodeError, OverflowError, RecursionError):
        raise ProviderRejected(to.provider, "the request holds text or numbers that JSON has no form for") from None


def _allowance(effort: ReasoningEffort | None) -> int:
    """Thoughts count against the limit. Where nothing is said, the model reasons as much as it likes."""
    return ALLOWANCES.get(effort or ReasoningEffort.MEDIUM, 0)


def _tools(body: Body, request: ChatRequest, model: SpokenModel) -> None:
    choice = request.tool_choice
    if not request.tools or choice is ToolMode.NONE:
        return
    strict = "tools[].function.strict" in model.places
    offered = request.tools
    match choice:
        case ToolMode.REQUIRED:
            body["tool_choice"] = model.dialect.required
        case NamedTool(name=name) if model.dialect.named_tool:
            body["tool_choice"] = {"type": "function", "function": {"name": name}}
        case NamedTool(name=name):
            offered = tuple(tool for tool in offered if tool.name == name)
            body["tool_choice"] = model.dialect.required
    body["tools"] = [{"type": "function", "function": _function(tool, strict=strict)} for tool in offered]


def _function(tool: Tool, *, strict: bool) -> Body:
    function: Body = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if strict and tool.strict is not None:
        function["strict"] = tool.strict
    return function


def _format(body: Body, request: ChatRequest, model: SpokenModel) -> None:
    match request.response_format:
        case None | TextFormat():
            pass
        case JsonFormat():
            body["response_format"] = {"type": "json_object"}
        case JsonSchemaFormat(name=name, schema=schema) as wanted:
            said: Body = {"name": name or "response", "schema": schema}  # they require one
            for field in ("description", "strict"):
                value = getattr(wanted, field)
                if value is not None and f"response_format.json_schema.{field}" in model.places:
                    said[field] = value
            body["response_format"] = {"type": "json_schema", "json_schema": said}
        case unknown:
            assert_never(unknown)


def _effort(body: Body, effort: ReasoningEffort | None, model: SpokenModel) -> None:
    """Nothing is said where the client says nothing: servers refuse the field for models that don't reason."""
    if effort is None:
        return
    if effort is ReasoningEffort.NONE:
        if model.facts.reasoning_off:
            _put(body, model.dialect.off)
        return
    if not model.facts.levels:
        return
    level = model.level(effort)
    said: object = model.dialect.words.get(level.value, level.value)
    for name in reversed(model.dialect.effort.split(".")):
        said = {name: said}
    assert isinstance(said, dict)
    _put(body, said)


def _put(body: Body, fields: Body) -> None:
    """Objects are joined with those that stand there."""
    for name, value in fields.items():
        held = body.get(name)
        body[name] = {**held, **value} if isinstance(held, dict) and isinstance(value, dict) else value
