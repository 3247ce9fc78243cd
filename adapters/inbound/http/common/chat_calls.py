"""What surfaces say alike of a chat, from wire to domain and back. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import assert_never

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from llm_gateway.domain.cache_policy import CacheDirective
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    ChatRequest,
    Grain,
    JsonFormat,
    JsonSchemaFormat,
    Message,
    NamedTool,
    ResponseFormat,
    Sampling,
    SystemMessage,
    Text,
    TextFormat,
    Tool,
    ToolCall,
    ToolMessage,
)
from llm_gateway.domain.logprobs import ChosenLogprob, TokenLogprob
from llm_gateway.domain.media import Detail
from llm_gateway.domain.parameters import NUMBERS
from llm_gateway.domain.routing import Hint

from .wire import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    AssistantFields,
    CacheIn,
    ChatFields,
    ChosenTokenOut,
    FunctionOut,
    ImageDetail,
    JsonFormatIn,
    JsonSchemaFormatIn,
    NamedChoice,
    SystemFields,
    TextFormatIn,
    TextPart,
    TokenOut,
    ToolCallIn,
    ToolCallOut,
    ToolDefinition,
    ToolFields,
)

_WHOLE, _STREAM = Grain
_OF_SAMPLING = NUMBERS.keys() & {*Sampling.__struct_fields__}
_SAMPLED = tuple(field for field in ChatFields.__struct_fields__ if field in _OF_SAMPLING and field != "temperature")
_sampled_of = attrgetter(*_SAMPLED)
_NOTHING = (None,) * len(_SAMPLED)


def call_of(
    request: ChatRequest,
    *,
    model: str | None,
    hint: Hint | None,
    timeout: timedelta | None,
    stream: bool | None,
    cache: CacheIn | None = None,
    own_samples: bool = False,
    ignored: tuple[str, ...] = (),
    nearest_effort: bool = False,
) -> ChatCall:
    """The call, with the hint and the timeout that stand for the whole request.

    `own_samples`: the surface's clients take an answer that is drawn by chance for one drawn for them. `ignored` are
    the paths of what the surface itself leaves out, with a name behind where it says more: `tools[8] web_search`.
    """
    return ChatCall(
        request=request,
        model=model,
        hint=hint,
        grain=_STREAM if stream else _WHOLE,
        cache=to_directive(cache, own_samples=own_samples),
        timeout=timeout,
        ignored=ignored,
        nearest_effort=nearest_effort,
    )


def request_of(body: ChatFields, messages: tuple[Message, ...], max_tokens: int | UnsetType | None) -> ChatRequest:
    """The request of a body that has the fields of a chat completion."""
    choice = body.tool_choice
    sampled = _sampled_of(body)
    return ChatRequest(
        messages=messages,
        max_tokens=DEFAULT_MAX_TOKENS if max_tokens is UNSET else max_tokens,
        max_tokens_by_default=max_tokens is UNSET,
        sampling=Sampling(
            temperature=DEFAULT_TEMPERATURE if body.temperature is UNSET else body.temperature,
            temperature_by_default=body.temperature is UNSET,
            stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
            **({} if sampled == _NOTHING else dict(zip(_SAMPLED, sampled, strict=True))),
        ),
        tools=tuple(map(_tool, body.tools or ())),
        tool_choice=NamedTool(name=choice.function.name) if isinstance(choice, NamedChoice) else choice,
        response_format=None if body.response_format is None else _format(body.response_format),
        reasoning_effort=body.reasoning_effort,
        logprobs=bool(body.logprobs),
        top_logprobs=body.top_logprobs,
    )


def to_directive(cache: CacheIn | None, *, own_samples: bool = False) -> CacheDirective:
    """How the cache may be used; as by default where nothing is stated."""
    if cache is None:
        return CacheDirective(own_samples=own_samples)
    ttl = None if cache.ttl_seconds is None else timedelta(seconds=cache.ttl_seconds)
    mode = None if cache.mode is UNSET else cache.mode
    return CacheDirective(mode=mode, ttl=ttl, own_samples=own_samples)


def to_message(message: SystemFields | AssistantFields | ToolFields) -> Message:
    """A message in which every surface has nothing but texts."""
    match message:
        case SystemFields():
            return SystemMessage(content=_texts(message.content), name=message.name)
        case AssistantFields():
            return AssistantMessage(
                content=_texts(message.content or ()),
                tool_calls=tuple(map(_tool_call, message.tool_calls or ())),
                name=message.name,
                extra_content=message.extra_content,
            )
        case ToolFields():
            return ToolMessage(content=_texts(message.content), tool_call_id=message.tool_call_id, name=message.name)
        case _:
            assert_never(message)


def _texts(content: str | Sequence[TextPart]) -> tuple[Text, ...]:
    return (Text(text=content),) if isinstance(content, str) else tuple(Text(text=part.text) for part in content)


def _tool_call(call: ToolCallIn) -> ToolCall:
    return ToolCall(
        id=call.id, name=call.function.name, arguments=call.function.arguments, extra_content=call.extra_content
    )


def _tool(tool: ToolDefinition) -> Tool:
    return Tool(**asdict(tool.function))


def _format(chosen: TextFormatIn | JsonFormatIn | JsonSchemaFormatIn) -> ResponseFormat:
    match chosen:
        case TextFormatIn():
            return TextFormat()
        case JsonFormatIn():
            return JsonFormat()
        case JsonSchemaFormatIn(json_schema=schema):
            return JsonSchemaFormat(**asdict(schema))
        case _:
            assert_never(chosen)


def to_detail(stated: ImageDetail | None) -> Detail | None:
    """What is left to the model anyway is as good as not stated."""
    return None if stated is None or stated == "auto" else Detail(stated)


def from_tool_call(call: ToolCall) -> ToolCallOut:
    return ToolCallOut(
        id=call.id,
        type="function",
        function=FunctionOut(name=call.name, arguments=call.arguments),
        extra_content=given(call.extra_content),
    )


def from_logprobs(logprobs: Sequence[ChosenLogprob]) -> list[ChosenTokenOut]:
    return [
        ChosenTokenOut(
            token=one.token.token,
            logprob=one.token.logprob,
            bytes=_bytes(one.token),
            top_logprobs=[TokenOut(token=top.token, logprob=top.logprob, bytes=_bytes(top)) for top in one.top],
        )
        for one in logprobs
    ]


def _bytes(token: TokenLogprob) -> list[int] | None:
    return None if token.raw is None else list(token.raw)


def given(value: Mapping[str, object] | None) -> dict[str, object] | UnsetType:
    """The value, or what is left out on the wire where there is none."""
    return UNSET if value is None else dict(value)
