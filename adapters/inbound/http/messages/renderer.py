"""Renders Anthropic's answer: one message, or the events that make it, one block after the other."""

from collections.abc import Callable

from msgspec import Struct, json
from typing_extensions import override

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.events import Delta, ReasoningDelta, TextDelta, ToolCallDelta

from ..common.renderer import AnswerIdentity, ChatRenderer, warning_of
from . import answers as wire
from .blocks import STOP_REASONS, OpenBlock, blocks_of, frame, trailing_carrier, usage_out
from .errors import encode_anthropic_error
from .wire import MessagesPrompt, ThinkingDisabled

_encode = json.Encoder().encode
_PING = frame(wire.Ping())
_STOP = frame(wire.MessageStop())


class MessageOptions(Struct, frozen=True, kw_only=True):
    """What a request asked of how it is answered.

    `thinking`: thoughts have their blocks. `shown`: they have their words too. `one_call`: of several calls the first.
    """

    thinking: bool = False
    shown: bool = False
    one_call: bool = False


def message_options_of(body: MessagesPrompt) -> MessageOptions:
    """Clients that ask for no thoughts often take the first block for the text."""
    thinking, choice = body.thinking, body.tool_choice
    one_call = choice is not None and bool(choice.disable_parallel_tool_use)
    if thinking is None or isinstance(thinking, ThinkingDisabled):
        return MessageOptions(one_call=one_call)
    return MessageOptions(thinking=True, shown=thinking.display != "omitted", one_call=one_call)


class MessagesRenderer(ChatRenderer):
    """Renders one answer. `options` are what its request asked of how it is answered.

    Anthropic's blocks follow each other, where a provider may send the parts of several calls in turn: what comes
    before the open call is whole is held back.
    """

    keep_alive = _PING

    def __init__(self, identity: AnswerIdentity, options: MessageOptions) -> None:
        self._identity = identity
        self._options = options
        self._block = OpenBlock()
        self._call: int | None = None
        self._held: list[Delta] = []

    @override
    def whole(self, reply: ChatReply, answer: Answer) -> bytes:
        options = self._options
        thoughts = (reply.reasoning if options.shown else "") if options.thinking else None
        return _encode(
            wire.AnthropicMessage(
                id=self._identity.id,
                model=reply.model,
                content=list(blocks_of(reply, 1 if options.one_call else None, thoughts=thoughts)),
                stop_reason=STOP_REASONS[reply.finish_reason],
                usage=usage_out(reply.usage),
                warning=warning_of(reply),
            )
        )

    @override
    def opening(self, answer: Answer) -> bytes:
        """The model is the one that was asked: what the provider calls it is known only at the end, as usage is."""
        model = answer.endpoint.model if answer.endpoint else ""
        message = wire.AnthropicMessage(
            id=self._identity.id, model=model, content=[], stop_reason=None, usage=wire.MessageUsage()
        )
        return frame(wire.MessageStart(message=message))

    @override
    def text_frame(self, answer: Answer) -> Callable[[str], bytes] | None:
        return self._block.text_frame() if self._block.kind == "text" else None

    @override
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        return self._next(delta)

    @override
    def done(self, reply: ChatReply, answer: Answer) -> bytes:
        frames = [self._block.end()]
        while self._held:
            self._call = None
            frames += (self._released(), self._block.end())
        if (carrier := trailing_carrier(reply)) is not None:
            frames.append(self._block.redacted(carrier))
        end = wire.MessageEnd(stop_reason=STOP_REASONS[reply.finish_reason])
        frames.append(
            frame(wire.MessageDelta(delta=end, usage=usage_out(reply.usage), warning=warning_of(reply))),
        )
        return b"".join((*frames, _STOP))

    @override
    def failed(self, error: Exception, request_id: str) -> bytes:
        """No `message_stop` after it: the answer is not whole."""
        return b"event: error\ndata: %b\n\n" % encode_anthropic_error(error, request_id)

    def _next(self, delta: Delta) -> bytes:
        if self._call is None:
            return self._said(delta)
        if isinstance(delta, ToolCallDelta) and delta.index == self._call:
            said = self._said(delta)
            return said + self._released() if self._held and self._block.is_whole else said
        if self._held or not self._block.is_whole:
            self._held.append(delta)
            return b""
        return self._said(delta)

    def _released(self) -> bytes:
        held, self._held = self._held, []
        return b"".join([self._next(delta) for delta in held])

    def _said(self, delta: Delta) -> bytes:
        block, options = self._block, self._options
        match delta:
            case TextDelta(text=text):
                if not text:
                    return b""
                self._call = None
                return block.text(text)
            case ReasoningDelta(text=text):
                if not text or not options.thinking:
                    return b""
                self._call = None
                return block.thinking(text if options.shown else "")
            case ToolCallDelta(index=index):
                if options.one_call and index > 0:
                    return b""
                begun = b""
                if index != self._call:
                    if delta.name is None:  # more of one that was whole
                        return b""
                    self._call = index
                    begun = block.call(delta.id or "", delta.name, delta.extra_content)
                return begun + block.arguments(delta.arguments)
