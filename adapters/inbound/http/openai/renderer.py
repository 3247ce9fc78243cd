"""Renders OpenAI's answer: one completion, or chunks and then `[DONE]`."""

from collections.abc import Sequence
from hashlib import blake2b

from msgspec import UNSET, Struct, json
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.events import Delta, TextDelta, ToolCallDelta
from llm_gateway.domain.logprobs import ChosenLogprob

from ..common.chat_calls import from_logprobs, from_tool_call, given
from ..common.renderer import AnswerIdentity, ChatRenderer, TextFrame, warning_of
from . import answers as wire
from .errors import encode_openai_error
from .translate import from_delta, usage_out
from .wire import CompletionIn

_encode = json.Encoder().encode
_DONE = b"data: [DONE]\n\n"


class CompletionOptions(Struct, frozen=True, kw_only=True):
    """What a request asked of how it is answered. `one_call`: of several tool calls the first."""

    include_usage: bool
    one_call: bool
    service_tier: bool


def completion_options_of(body: CompletionIn) -> CompletionOptions:
    return CompletionOptions(
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        one_call=body.parallel_tool_calls is False,
        service_tier=getattr(body, "service_tier", None) is not None,
    )


class OpenAIRenderer(ChatRenderer):
    """Renders one answer. `options` are what its request asked of how it is answered."""

    def __init__(self, identity: AnswerIdentity, options: CompletionOptions) -> None:
        self._identity = identity
        self._options = options
        self._begun = False
        self._fingerprint: str | None = None
        self._frame: TextFrame | None = None

    @override
    def whole(self, reply: ChatReply, answer: Answer) -> bytes:
        calls = reply.tool_calls[:1] if self._options.one_call else reply.tool_calls
        message = wire.MessageOut(
            content=reply.content if reply.content or not calls else None,
            reasoning_content=reply.reasoning or UNSET,
            tool_calls=[from_tool_call(call) for call in calls] or UNSET,
            extra_content=given(reply.extra_content),
        )
        completion = wire.Completion(
            id=self._identity.id,
            created=self._identity.created,
            model=reply.model,
            choices=[
                wire.Choice(message=message, logprobs=_logprobs(reply.logprobs), finish_reason=reply.finish_reason)
            ],
            usage=usage_out(reply.usage),
            system_fingerprint=_fingerprint(answer),
            service_tier="default" if self._options.service_tier else UNSET,
            warning=warning_of(reply),
        )
        return _encode(completion)

    @override
    def text_frame(self, answer: Answer) -> TextFrame:
        if self._frame is None:
            self._frame = TextFrame(lambda text: self._choice(answer, wire.ChunkDelta(content=text)))
        return self._frame

    @override
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        if self._options.one_call and isinstance(delta, ToolCallDelta) and delta.index > 0:
            return b""
        logprobs = _logprobs(delta.logprobs) if isinstance(delta, TextDelta) else None
        return self._role(answer) + self._choice(answer, from_delta(delta), logprobs)

    @override
    def done(self, reply: ChatReply, answer: Answer) -> bytes:
        last = wire.ChunkDelta(extra_content=given(reply.extra_content))
        choices = [wire.ChunkChoice(delta=last, finish_reason=reply.finish_reason)]
        end = _frame(replace(self._chunk(answer, choices), warning=warning_of(reply)))
        usage = b""
        if self._options.include_usage:
            usage = _frame(self._chunk(answer, [], usage_out(reply.usage)))
        return self._role(answer) + end + usage + _DONE

    @override
    def failed(self, error: Exception, request_id: str) -> bytes:
        """No `[DONE]` after it: the answer is not whole."""
        return b"data: %b\n\n" % encode_openai_error(error, request_id)

    def _role(self, answer: Answer) -> bytes:
        """The first chunk, once."""
        if self._begun:
            return b""
        self._begun = True
        return self._choice(answer, wire.ChunkDelta(role="assistant", content=""))

    def _choice(self, answer: Answer, part: wire.ChunkDelta, logprobs: wire.Logprobs | None = None) -> bytes:
        return _frame(self._chunk(answer, [wire.ChunkChoice(delta=part, logprobs=logprobs)]))

    def _chunk(
        self, answer: Answer, choices: list[wire.ChunkChoice], usage: wire.CompletionUsage | None = None
    ) -> wire.Chunk:
        """The model is the one that was asked: what the provider calls it is known only at the end."""
        if self._fingerprint is None:
            self._fingerprint = _fingerprint(answer)
        return wire.Chunk(
            id=self._identity.id,
            created=self._identity.created,
            model=answer.endpoint.model if answer.endpoint else "",
            choices=choices,
            system_fingerprint=self._fingerprint,
            service_tier="default" if self._options.service_tier else UNSET,
            usage=usage if self._options.include_usage else UNSET,
        )


def _logprobs(logprobs: Sequence[ChosenLogprob]) -> wire.Logprobs | None:
    return wire.Logprobs(content=from_logprobs(logprobs)) if logprobs else None


def _frame(chunk: wire.Chunk) -> bytes:
    return b"data: %b\n\n" % _encode(chunk)


def _fingerprint(answer: Answer) -> str:
    """Changes where something of the backend does that may change an answer."""
    for endpoint in (state.endpoint for state in answer.plan.endpoints):
        if endpoint.id == answer.endpoint:
            of = "\0".join((endpoint.id.provider, endpoint.id.model, endpoint.fingerprint))
            return f"fp_{blake2b(of.encode(), digest_size=5).hexdigest()}"
    return ""
