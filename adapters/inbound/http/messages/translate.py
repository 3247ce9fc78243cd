"""Between Anthropic's wire types and the domain, from a body to a call. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, assert_never

from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    ChatRequest,
    JsonSchemaFormat,
    Message,
    NamedTool,
    Part,
    ReasoningEffort,
    ResponseFormat,
    Sampling,
    SystemMessage,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMessage,
    ToolMode,
    UserMessage,
)
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.media import Document, Image, ImageUrl, url_fault
from llm_gateway.domain.routing import Hint

from ..common.carriers import carried
from ..common.chat_calls import call_of
from . import wire
from .fields import COUNT_TABLE, TABLE
from .ignored import without_effect

_EFFORTS: Final[Mapping[str, ReasoningEffort]] = {
    "low": ReasoningEffort.LOW,
    "medium": ReasoningEffort.MEDIUM,
    "high": ReasoningEffort.HIGH,
    "xhigh": ReasoningEffort.XHIGH,
    "max": ReasoningEffort.XHIGH,
}
_BUDGETS: Final = ((2_000, ReasoningEffort.LOW), (8_000, ReasoningEffort.MEDIUM))
_MODES: Final[Mapping[type, ToolMode]] = {
    wire.AutoChoice: ToolMode.AUTO,
    wire.AnyChoice: ToolMode.REQUIRED,
    wire.NoneChoice: ToolMode.NONE,
}
_PLAIN: Final = Sampling()


def to_call(body: wire.MessagesIn, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """A body as a call. Raises `InvalidRequest` naming the fields that ask for what is not given here."""
    ignored = TABLE.check(body)
    return call_of(
        _request(body, body.max_tokens, _sampling(body)),
        model=body.model,
        hint=hint,
        timeout=timeout,
        stream=body.stream,
        cache=body.cache,
        own_samples=True,
        ignored=ignored + without_effect(body),
        nearest_effort=True,
    )


def to_counted(body: wire.MessagesPrompt, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """A body whose tokens are counted, as a call. Raises as `to_call` does."""
    ignored = COUNT_TABLE.check(body) + without_effect(body)
    return call_of(
        _request(body, None, _PLAIN),
        model=body.model,
        hint=hint,
        timeout=timeout,
        stream=False,
        ignored=ignored,
        nearest_effort=True,
    )


def _request(body: wire.MessagesPrompt, max_tokens: int | None, sampling: Sampling) -> ChatRequest:
    output = body.output_config
    return ChatRequest(
        messages=tuple(_messages(body)),
        max_tokens=max_tokens,
        sampling=sampling,
        tools=tuple(map(_tool, body.tools or ())),
        tool_choice=_choice(body.tool_choice),
        response_format=_format(output.format) if output and output.format else None,
        reasoning_effort=_effort(body.thinking, output.effort if output else None),
    )


def _format(stated: wire.SchemaFormat) -> ResponseFormat:
    """Anthropic's schemas have no name."""
    return JsonSchemaFormat(schema=stated.schema)


def _sampling(body: wire.MessagesIn) -> Sampling:
    return Sampling(
        temperature=body.temperature, top_p=body.top_p, top_k=body.top_k, stop=tuple(body.stop_sequences or ())
    )


def _effort(thinking: wire.ThinkingConfig | None, stated: str | None) -> ReasoningEffort | None:
    match thinking:
        case None:
            return _EFFORTS[stated] if stated else None
        case wire.ThinkingDisabled():
            return ReasoningEffort.NONE
        case wire.ThinkingEnabled(budget_tokens=budget) if not stated:
            return next((effort for below, effort in _BUDGETS if budget < below), ReasoningEffort.HIGH)
        case _:
            return _EFFORTS[stated or "high"]


def _tool(tool: wire.ClientTool) -> Tool:
    return Tool(name=tool.name, description=tool.description, parameters=tool.input_schema, strict=tool.strict)


def _choice(choice: wire.AnyToolChoice | None) -> ToolChoice | None:
    if choice is None:
        return None
    return NamedTool(name=choice.name) if isinstance(choice, wire.OneTool) else _MODES[type(choice)]


def _messages(body: wire.MessagesPrompt) -> Iterator[Message]:
    if body.system:
        yield SystemMessage(content=_texts(body.system))
    for at, turn in enumerate(body.messages):
        match turn:
            case wire.UserTurn(content=content):
                if isinstance(content, str):
                    yield UserMessage(content=(Text(text=content),))
                else:
                    yield from _from_user(content, f"messages[{at}].content")
            case wire.AssistantTurn(content=content):
                yield _from_assistant(content, f"messages[{at}].content")
            case wire.SystemTurn(content=content):
                yield SystemMessage(content=_texts(content))
            case _:
                assert_never(turn)


def _texts(content: str | Sequence[wire.TextBlockIn]) -> tuple[Text, ...]:
    return (Text(text=content),) if isinstance(content, str) else tuple(Text(text=block.text) for block in content)


def _from_user(blocks: Sequence[wire.UserBlockIn], path: str) -> Iterator[Message]:
    """The results of tools, each a message; or what the user says.

    What stands beside results goes with the last: a message of its own would begin another turn for the model, and
    what it thought before it called the tools would no longer belong to this one.
    """
    results: list[tuple[wire.ToolResultIn, list[Part]]] = []
    said: list[Part] = []
    for at, block in enumerate(blocks):
        if isinstance(block, wire.ToolResultIn):
            results.append((block, _result(block, f"{path}[{at}].content")))
        else:
            said.append(_part(block, f"{path}[{at}]"))
    if not results:
        yield UserMessage(content=tuple(said))
        return
    results[-1][1].extend(said)
    for block, content in results:
        yield ToolMessage(content=tuple(content), tool_call_id=block.tool_use_id, error=bool(block.is_error))


def _result(block: wire.ToolResultIn, path: str) -> list[Part]:
    content = block.content or ""
    if isinstance(content, str):
        return [Text(text=content)]
    return [_part(one, f"{path}[{at}]") for at, one in enumerate(content)]


def _part(block: wire.ResultBlockIn, path: str) -> Part:
    match block:
        case wire.TextBlockIn(text=text):
            return Text(text=text)
        case wire.ImageBlockIn(source=wire.Base64Image(data=data, media_type=kind)):
            return Image(data=data, mime_type=kind)
        case wire.ImageBlockIn(source=wire.UrlImage(url=url)):
            if (fault := url_fault(url)) is not None:
                raise InvalidRequest.at(f"{path}.source.url", fault)
            return ImageUrl(url=url)
        case wire.DocumentBlockIn(source=source, title=title):
            return Document(data=source.data, name=title)
        case wire.ToolReferenceIn(tool_name=name):
            return Text(text=f"Tool {name} is available.")
        case _:
            raise AssertionError(block)


def _from_assistant(content: str | Sequence[wire.AssistantBlockIn], path: str) -> AssistantMessage:
    """A carrier belongs to the next call, and to the message where none comes any more."""
    if isinstance(content, str):
        return AssistantMessage(content=(Text(text=content),))
    texts: list[Text] = []
    calls: list[ToolCall] = []
    carrier: dict[str, Any] | None = None
    for at, block in enumerate(content):
        match block:
            case wire.TextBlockIn(text=text):
                texts.append(Text(text=text))
            case wire.ToolUseIn(id=id, name=name, input=given):
                calls.append(ToolCall(id=id, name=name, arguments=bytes(given).decode(), extra_content=carrier))
                carrier = None
            case wire.ThinkingIn(signature=text):
                carrier = carried(text, f"{path}[{at}].signature") or carrier
            case wire.RedactedThinkingIn(data=text):
                carrier = carried(text, f"{path}[{at}].data") or carrier
            case _:
                assert_never(block)
    return AssistantMessage(content=tuple(texts), tool_calls=tuple(calls), extra_content=carrier)
