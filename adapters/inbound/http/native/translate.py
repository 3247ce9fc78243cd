"""Between the native wire types and the domain, one function each way. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from msgspec import UNSET

from llm_gateway.application.explain_chat import Explanation
from llm_gateway.domain.chat import (
    AssistantMessage,
    ChatCall,
    ChatReply,
    Image,
    Message,
    Part,
    SystemMessage,
    Text,
    ToolMessage,
    Usage,
    UserMessage,
)
from llm_gateway.domain.events import Delta, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import Hint

from ..common.chat_answers import from_tool_call, given
from ..common.chat_calls import call_of, to_tool_call
from . import answers, wire


def to_call(body: wire.ChatBody, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """A body as a call, with the hint and the timeout that stand for the whole request."""
    messages = tuple(_message(message) for message in body.messages)
    return call_of(body, messages, body.max_tokens, hint, timeout)


def _message(message: wire.MessageIn) -> Message:
    match message:
        case wire.UserIn():
            return UserMessage(content=_parts(message.content), name=message.name)
        case wire.SystemIn() | wire.DeveloperIn():
            return SystemMessage(content=_texts(message.content), name=message.name)
        case wire.AssistantIn():
            return AssistantMessage(
                content=_texts(message.content or ()),
                tool_calls=tuple(to_tool_call(call) for call in message.tool_calls),
                name=message.name,
                extra_content=message.extra_content,
            )
        case wire.ToolIn():
            return ToolMessage(content=_texts(message.content), tool_call_id=message.tool_call_id, name=message.name)
        case _:
            assert_never(message)


def _texts(content: str | Sequence[wire.TextPart]) -> tuple[Text, ...]:
    return (Text(text=content),) if isinstance(content, str) else tuple(Text(text=part.text) for part in content)


def _parts(content: str | Sequence[wire.TextPart | wire.ImagePart]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(text=content),)
    return tuple(
        Text(text=part.text) if isinstance(part, wire.TextPart) else Image(data=part.data, mime_type=part.mime_type)
        for part in content
    )


def from_reply(reply: ChatReply, *, id: str, cached: bool, created: int, whole: bool) -> answers.AnswerOut:
    """A reply as the answer's body, or, where it is not `whole`, as the end of a stream."""
    return answers.AnswerOut(
        id=id,
        provider=reply.endpoint.provider,
        model=reply.model,
        content=reply.content if whole else UNSET,
        tool_calls=[from_tool_call(call) for call in reply.tool_calls] or UNSET,
        reasoning=reply.reasoning if whole and reply.reasoning else UNSET,
        extra_content=given(reply.extra_content),
        finish_reason=reply.finish_reason,
        usage=usage_out(reply.usage),
        cached=cached,
        created=created,
    )


def usage_out(usage: Usage) -> answers.UsageOut:
    return answers.UsageOut(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        reasoning_tokens=UNSET if usage.reasoning_tokens is None else usage.reasoning_tokens,
        cached_tokens=UNSET if usage.cached_tokens is None else usage.cached_tokens,
    )


def from_delta(delta: Delta) -> answers.DeltaOut:
    match delta:
        case TextDelta(text=text):
            return answers.DeltaOut(content=text)
        case ReasoningDelta(text=text):
            return answers.DeltaOut(reasoning=text)
        case ToolCallDelta():
            return answers.DeltaOut(
                tool_call=answers.ToolCallDeltaOut(
                    index=delta.index,
                    id=UNSET if delta.id is None else delta.id,
                    name=UNSET if delta.name is None else delta.name,
                    arguments=delta.arguments or UNSET,
                    extra_content=given(delta.extra_content),
                )
            )
        case _:
            assert_never(delta)


def from_explanation(explanation: Explanation) -> answers.ExplanationOut:
    plan = explanation.plan
    return answers.ExplanationOut(
        hint=plan.hint,
        pinned=plan.pinned,
        endpoints=[
            answers.EndpointOut(
                provider=state.endpoint.id.provider,
                model=state.endpoint.id.model,
                locality=state.endpoint.locality.value,
                breaker=explanation.breakers[state.endpoint.id].value,
            )
            for state in plan.endpoints
        ],
        skipped=[answers.SkipOut(name=skip.name, reason=skip.reason) for skip in plan.skipped],
    )
