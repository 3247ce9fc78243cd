"""Between the native surface's wire and the domain: bodies as calls, answers as JSON or as events. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, assert_never

from msgspec import UNSET, UnsetType, convert, json
from typing_extensions import override

from llm_gateway.application.answer_chat import Answer
from llm_gateway.application.explain_chat import Explanation
from llm_gateway.application.pools import MemberState
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.chat import (
    ChatCall,
    ChatReply,
    Message,
    Part,
    Text,
    ToolMessage,
    Usage,
    UserMessage,
)
from llm_gateway.domain.events import Delta, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.media import Document, Image, ImageUrl
from llm_gateway.domain.prices import MILLION, Price, Rates
from llm_gateway.domain.routing import Alias, Hint

from ..common.chat_calls import call_of, from_logprobs, from_tool_call, given, request_of, to_detail, to_message
from ..common.problems import encode_problem
from ..common.renderer import AnswerIdentity, ChatRenderer, TextFrame, warning_of
from ..common.wire import TextPart
from . import answers, wire

_HIT: Final = CacheStatus.HIT
_encode = json.Encoder().encode


def to_call(body: wire.ChatBody, hint: Hint | None, timeout: timedelta | None) -> ChatCall:
    """A body as a call, with the hint and the timeout that stand for the whole request."""
    request = request_of(body, tuple(map(_message, body.messages)), body.max_tokens)
    return call_of(request, model=body.model, hint=hint, timeout=timeout, stream=body.stream, cache=body.cache)


def _message(message: wire.MessageIn) -> Message:
    if isinstance(message, wire.UserIn):
        return UserMessage(content=_parts(message.content), name=message.name)
    if isinstance(message, wire.ToolIn):
        content, id = _parts(message.content), message.tool_call_id
        return ToolMessage(content=content, tool_call_id=id, name=message.name, error=message.error)
    return to_message(message)


def _parts(content: str | Sequence[wire.PartIn]) -> tuple[Part, ...]:
    return (Text(text=content),) if isinstance(content, str) else tuple(map(_part, content))


def _part(part: wire.PartIn) -> Part:
    match part:
        case TextPart():
            return Text(text=part.text)
        case wire.ImagePart():
            return Image(data=part.data, mime_type=part.mime_type, detail=to_detail(part.detail))
        case wire.ImageUrlPart():
            return ImageUrl(url=part.url, detail=to_detail(part.detail))
        case wire.DocumentPart():
            return Document(data=part.data, mime_type=part.mime_type, name=part.name)
        case _:
            assert_never(part)


class NativeRenderer(ChatRenderer):
    """Renders `delta` events and one `done` or `error`; or one JSON body, whose form `done` shares.

    Nothing that a native body states changes how its answer is rendered.
    """

    def __init__(self, identity: AnswerIdentity, body: wire.ChatBody) -> None:
        self._identity = identity

    @override
    def whole(self, reply: ChatReply, answer: Answer) -> bytes:
        return _encode(self._body(reply, answer, whole=True))

    @override
    def text_frame(self, answer: Answer) -> TextFrame:
        return _TEXT_FRAME

    @override
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        match delta:
            case TextDelta(text=text):
                logprobs = from_logprobs(delta.logprobs) if delta.logprobs else UNSET
                part = answers.DeltaOut(content=text, logprobs=logprobs)
            case ReasoningDelta(text=text):
                part = answers.DeltaOut(reasoning=text)
            case ToolCallDelta():
                call = answers.ToolCallDeltaOut(
                    index=delta.index,
                    id=UNSET if delta.id is None else delta.id,
                    name=UNSET if delta.name is None else delta.name,
                    arguments=delta.arguments or UNSET,
                    extra_content=given(delta.extra_content),
                )
                part = answers.DeltaOut(tool_call=call)
            case _:
                assert_never(delta)
        return _delta_frame(part)

    @override
    def done(self, reply: ChatReply, answer: Answer) -> bytes:
        return b"event: done\ndata: %b\n\n" % _encode(self._body(reply, answer, whole=False))

    @override
    def failed(self, error: Exception, request_id: str) -> bytes:
        return b"event: error\ndata: %b\n\n" % encode_problem(error, request_id)

    def _body(self, reply: ChatReply, answer: Answer, *, whole: bool) -> answers.AnswerOut:
        return answers.AnswerOut(
            id=self._identity.id,
            provider=reply.endpoint.provider,
            model=reply.model,
            content=reply.content if whole else UNSET,
            tool_calls=list(map(from_tool_call, reply.tool_calls)) if reply.tool_calls else UNSET,
            reasoning=reply.reasoning if whole and reply.reasoning else UNSET,
            logprobs=from_logprobs(reply.logprobs) if whole and reply.logprobs else UNSET,
            extra_content=given(reply.extra_content),
            finish_reason=reply.finish_reason,
            warning=warning_of(reply),
            usage=usage_out(reply.usage),
            cost_microdollars=UNSET if whole else answer.microdollars,
            cached=answer.cache is _HIT,
            created=self._identity.created,
        )


def _delta_frame(part: answers.DeltaOut) -> bytes:
    return b"event: delta\ndata: %b\n\n" % _encode(part)


_TEXT_FRAME = TextFrame(lambda text: _delta_frame(answers.DeltaOut(content=text)))


def usage_out(usage: Usage) -> answers.UsageOut:
    """The tokens of an answer; what the provider does not count is left out."""
    return answers.UsageOut(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        reasoning_tokens=UNSET if usage.reasoning_tokens is None else usage.reasoning_tokens,
        cached_tokens=UNSET if usage.cached_tokens is None else usage.cached_tokens,
        estimated=True if usage.estimated else UNSET,
    )


def from_explanation(explanation: Explanation) -> answers.ExplanationOut:
    """A plan as it stands on the wire."""
    plan, use = explanation.plan, explanation.cache
    return answers.ExplanationOut(
        alias=alias_out(plan.alias),
        hint=plan.hint,
        pinned=plan.pinned,
        cache=answers.CacheUseOut(mode=use.mode, joins=use.joins, sampled=use.sampled),
        endpoints=[
            answers.EndpointOut(
                provider=state.endpoint.id.provider,
                model=state.endpoint.id.model,
                locality=state.endpoint.locality.value,
                breaker=explanation.breakers[state.endpoint.id].value,
                ignored=list(plan.ignored(state.endpoint.id)),
                price=_price(explanation.prices.get(state.endpoint.id)),
                members=_members(explanation.members.get(state.endpoint.id)),
            )
            for state in plan.endpoints
        ],
        skipped=[answers.SkipOut(name=skip.name, reason=skip.reason) for skip in plan.skipped],
    )


def _price(price: Price | None) -> answers.PriceOut | None:
    if price is None:
        return None
    rates = [_rates(0, price.rates), *(_rates(step.prompt_tokens, step.rates) for step in price.above)]
    return answers.PriceOut(source=price.source, rates=rates)


def _rates(above: int, rates: Rates) -> answers.RatesOut:
    return answers.RatesOut(
        above_prompt_tokens=above,
        input=rates.input / MILLION,
        output=rates.output / MILLION,
        cached=(rates.input if rates.cached is None else rates.cached) / MILLION,
        reasoning=(rates.output if rates.reasoning is None else rates.reasoning) / MILLION,
    )


def _members(members: Sequence[MemberState] | None) -> list[answers.MemberOut] | UnsetType:
    return UNSET if members is None else [convert(one, answers.MemberOut, from_attributes=True) for one in members]


def alias_out(alias: Alias | None) -> answers.AliasOut | UnsetType:
    return UNSET if alias is None else answers.AliasOut(name=alias.name, target=alias.target)
