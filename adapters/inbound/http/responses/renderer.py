"""Renders OpenAI's response: one object, or the events that make it, of which the last has it whole."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Final

from msgspec import UNSET, Raw, Struct, json
from msgspec.structs import replace
from typing_extensions import override

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain import errors
from llm_gateway.domain.chat import ChatReply, FinishReason, JsonObject, ToolMode, Usage
from llm_gateway.domain.errors import GatewayError
from llm_gateway.domain.events import Delta, ReasoningDelta, TextDelta, ToolCallDelta, replay

from ..common.problems import INTERNAL, INTERNAL_DETAIL, status_of
from ..common.renderer import AnswerIdentity, ChatRenderer, warning_of
from . import answers as wire
from .open_items import ItemPlace, OpenCall, OpenItem, OpenMessage, OpenReasoning, frame
from .tools import ToolOrigin, callable_tools, origins_of
from .wire import ResponseIn

ID_PREFIX: Final = "resp_"
_INCOMPLETE: Final[Mapping[FinishReason, wire.IncompleteDetails]] = {
    FinishReason.LENGTH: wire.IncompleteDetails(reason="max_output_tokens"),
    FinishReason.CONTENT_FILTER: wire.IncompleteDetails(reason="content_filter"),
}
_THROTTLED: Final = (errors.QuotaExceeded, errors.ProviderThrottled)
_LAST: Final[Mapping[str, wire.EventType]] = {
    "completed": "response.completed",
    "incomplete": "response.incomplete",
    "failed": "response.failed",
}
_TEXT: Final = Raw(b'{"format":{"type":"text"}}')
_NO_TOOLS: Final = Raw(b"[]")
_encode = json.Encoder().encode


class ResponsesOptions(Struct, frozen=True, kw_only=True):
    """What a request asked of how it is answered. `echo` says again what it asked for, and no more yet.

    `thoughts`: reasoning has items. `signed`: and carries what is to be sent back. `one_call`: of several calls the
    first. `origins`: what each tool was in the request, by the name that is called.
    """

    echo: wire.ResponseOut
    thoughts: bool
    signed: bool
    one_call: bool
    origins: Callable[[], Mapping[str, ToolOrigin]]


def responses_options_of(body: ResponseIn) -> ResponsesOptions:
    """Reasoning has items only where they are asked for: a client that is given some refers to them by their ids next
    time, unless it says that nothing is stored.
    """
    reasoning, signed = body.reasoning, bool(body.include)
    summary = None if reasoning is None else reasoning.summary or reasoning.generate_summary
    one_call = body.parallel_tool_calls is False
    told = {id(within or tool): within or tool for _, tool, within in callable_tools(body)}
    echo = wire.ResponseOut(
        model=body.model,
        instructions=body.instructions,
        max_output_tokens=body.max_output_tokens,
        metadata=body.metadata or {},
        parallel_tool_calls=not one_call,
        reasoning={"effort": reasoning.effort if reasoning is not None else None, "summary": summary},
        temperature=body.temperature,
        text=_TEXT if body.text is None or body.text.format is None else Raw(_encode(body.text)),
        tool_choice=_choice(body),
        tools=Raw(_encode(list(told.values()))) if told else _NO_TOOLS,
        top_p=body.top_p,
    )
    thoughts, origins = signed or summary is not None, partial(origins_of, body)
    return ResponsesOptions(echo=echo, thoughts=thoughts, signed=signed, one_call=one_call, origins=origins)


def _choice(body: ResponseIn) -> str | Raw:
    choice = body.tool_choice
    if choice is None or isinstance(choice, ToolMode):
        return (choice or ToolMode.AUTO).value
    return Raw(_encode({"type": choice.type, "name": choice.name}))


class ResponsesRenderer(ChatRenderer):
    """Renders one answer. `options` are what its request asked of how it is answered.

    Items follow each other, but for a call whose arguments are not whole when the next item begins: a provider may send
    the parts of several calls in turn. They are closed in their order.
    """

    def __init__(self, identity: AnswerIdentity, options: ResponsesOptions) -> None:
        self._options = options
        self._echo = replace(options.echo, id=identity.id, created_at=identity.created)
        self._answer = identity.id.removeprefix(ID_PREFIX)
        self._numbers = count()
        self._streamed = True
        self._begun = False
        self._open: list[OpenItem] = []
        self._items: list[wire.OutputItem] = []

    @override
    def whole(self, reply: ChatReply, answer: Answer) -> bytes:
        """What its stream would end with."""
        self._begun, self._streamed = True, False
        self.deltas([*replay(reply)], answer)
        self._end(reply)
        return _encode(replace(self._ended(reply), model=reply.model))

    @override
    def opening(self, answer: Answer) -> bytes:
        """The model is the one that was asked: what the provider calls it is known only at the end."""
        if answer.endpoint is not None:
            self._echo = replace(self._echo, model=answer.endpoint.model)
        return self._begin()

    @override
    def text_frame(self, answer: Answer) -> Callable[[str], bytes] | None:
        last = self._open[-1] if self._open else None
        return last.piece if isinstance(last, OpenMessage) else None

    @override
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        match delta:
            case TextDelta(text=text):
                return self._add(OpenMessage, text) if text else b""
            case ReasoningDelta(text=text):
                return self._add(OpenReasoning, text) if text and self._options.thoughts else b""
            case ToolCallDelta():
                return b"" if self._options.one_call and delta.index > 0 else self._call(delta)

    @override
    def done(self, reply: ChatReply, answer: Answer) -> bytes:
        return self._begin() + self._end(reply) + self._last(self._ended(reply))

    @override
    def failed(self, error: Exception, request_id: str) -> bytes:
        """Codex reads `response.failed`, and not `error`."""
        failed = replace(self._echo, status="failed", output=self._items, error=failure_of(error))
        return self._begin() + self._last(failed)

    def _begin(self) -> bytes:
        """The first two events, once."""
        if self._begun:
            return b""
        self._begun = True
        return self._told("response.created", self._echo) + self._told("response.in_progress", self._echo)

    def _last(self, response: wire.ResponseOut) -> bytes:
        return self._told(_LAST[response.status], response)

    def _told(self, type: wire.EventType, response: wire.ResponseOut) -> bytes:
        return frame(wire.ResponseEvent(type=type, sequence_number=next(self._numbers), response=response))

    def _end(self, reply: ChatReply) -> bytes:
        """Closes all that is open, the last as whole as the answer is."""
        frames = self._close("incomplete" if reply.finish_reason in _INCOMPLETE else "completed")
        if self._options.signed and reply.extra_content is not None:
            frames += self._carry(reply.extra_content) + self._close("completed")
        return frames

    def _add(self, kind: type[OpenMessage | OpenReasoning], piece: str) -> bytes:
        last = self._open[-1] if self._open else None
        if isinstance(last, kind):
            return last.add(piece)
        closed = self._close_whole()
        item = kind(self._next_place())
        self._open.append(item)
        return closed + item.begun + item.add(piece)

    def _call(self, delta: ToolCallDelta) -> bytes:
        for item in self._open:
            if isinstance(item, OpenCall) and item.number == delta.index:
                return item.add(delta.arguments)
        if delta.name is None:  # more of one that was whole
            return b""
        signed = b""
        if self._options.signed and delta.extra_content is not None:
            signed = self._carry(delta.extra_content)
        closed = self._close_whole()
        origin = self._options.origins().get(delta.name) or ToolOrigin(name=delta.name)
        call = OpenCall(self._next_place(), delta.index, delta.id or "", origin)
        self._open.append(call)
        return signed + closed + call.begun + call.add(delta.arguments)

    def _carry(self, extra_content: JsonObject) -> bytes:
        """Lets the thoughts that are open carry what belongs to what follows, or empty ones."""
        begun = b""
        last = self._open[-1] if self._open else None
        if not isinstance(last, OpenReasoning):
            begun = self._close_whole()
            last = OpenReasoning(self._next_place())
            self._open.append(last)
            begun += last.begun
        last.extra_content = extra_content
        return begun

    def _next_place(self) -> ItemPlace:
        numbers = self._numbers if self._streamed else None
        return ItemPlace(self._answer, len(self._items) + len(self._open), numbers)

    def _close_whole(self) -> bytes:
        """Closes what is open, up to the first call that is not whole."""
        frames = b""
        while self._open and not (isinstance(self._open[0], OpenCall) and not self._open[0].is_whole):
            frames += self._close_first("completed")
        return frames

    def _close(self, status: wire.ItemStatus) -> bytes:
        """Closes what is open. The last gets the status."""
        frames = b""
        while self._open:
            frames += self._close_first(status if len(self._open) == 1 else "completed")
        return frames

    def _close_first(self, status: wire.ItemStatus) -> bytes:
        frames, item = self._open.pop(0).end(status)
        self._items.append(item)
        return frames

    def _ended(self, reply: ChatReply) -> wire.ResponseOut:
        incomplete = _INCOMPLETE.get(reply.finish_reason)
        return replace(
            self._echo,
            status="completed" if incomplete is None else "incomplete",
            completed_at=self._echo.created_at if incomplete is None else None,
            incomplete_details=incomplete,
            output=self._items,
            usage=usage_out(reply.usage),
            warning=warning_of(reply),
        )


def usage_out(usage: Usage) -> wire.ResponseUsage:
    return wire.ResponseUsage(
        input_tokens=usage.prompt_tokens,
        input_tokens_details=wire.InputTokensDetails(cached_tokens=usage.cached_tokens or 0),
        output_tokens=usage.completion_tokens,
        output_tokens_details=wire.OutputTokensDetails(reasoning_tokens=usage.reasoning_tokens or 0),
        total_tokens=usage.total_tokens,
        estimated=True if usage.estimated else UNSET,
    )


def failure_of(error: Exception) -> wire.ResponseFailure:
    """By the code Codex tries again, after as many seconds as the message says, or stops."""
    status, _ = status_of(error)
    if not isinstance(error, GatewayError) or status == INTERNAL[0]:
        return wire.ResponseFailure(code="server_error", message=INTERNAL_DETAIL)
    if isinstance(error, errors.ContextLengthExceeded):
        return wire.ResponseFailure(code="context_length_exceeded", message=error.message)
    if isinstance(error, _THROTTLED):
        wait = error.retry_after.total_seconds() if error.retry_after is not None else None
        again = "" if wait is None else f" Please try again in {wait:.3g}s."
        return wire.ResponseFailure(code="rate_limit_exceeded", message=error.message + again)
    return wire.ResponseFailure(code="invalid_prompt" if status == 400 else "server_error", message=error.message)
