"""Renders OpenAI's response: one object, or the events that make it, of which the last has it whole."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Final

from msgspec import Raw, Struct, json
from typing_extensions import override

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain import errors
from llm_gateway.domain.chat import ChatReply, FinishReason, ToolMode
from llm_gateway.domain.errors import GatewayError
from llm_gateway.domain.events import Delta, ReasoningDelta, TextDelta, ToolCallDelta

from ..common.problems import INTERNAL, INTERNAL_DETAIL, status_of
from ..common.renderer import AnswerIdentity, ChatRenderer, warning_of
from . import answers as wire
from .open_items import OpenCall, OpenItem, OpenMessage, OpenReasoning, frame
from .output import ItemPlace, OutputOptions, items_of, usage_out
from .tools import ToolOrigin, callable_tools, origins_of
from .wire import ResponseIn

ID_PREFIX: Final = "resp_"
_INCOMPLETE: Final[dict[FinishReason, wire.IncompleteDetails]] = {
    FinishReason.LENGTH: wire.IncompleteDetails(reason="max_output_tokens"),
    FinishReason.CONTENT_FILTER: wire.IncompleteDetails(reason="content_filter"),
}
_THROTTLED: Final = (errors.QuotaExceeded, errors.ProviderThrottled)
_TEXT: Final = Raw(b'{"format":{"type":"text"}}')
_NO_TOOLS: Final = Raw(b"[]")
_encode = json.Encoder().encode


class Echo(Struct, frozen=True, kw_only=True):
    """What a response says again of its request."""

    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    reasoning: wire.ReasoningOut
    temperature: float | None
    text: Raw
    tool_choice: str | Raw
    tools: Raw
    top_p: float | None


class ResponseOptions(Struct, frozen=True, kw_only=True):
    """What a request asked of how it is answered. `model` is what it named."""

    model: str
    output: OutputOptions
    echo: Echo


def response_options_of(body: ResponseIn) -> ResponseOptions:
    """Reasoning has items only where they are asked for: a client that is given some refers to them by their ids next
    time, unless it says that nothing is stored.
    """
    reasoning, signed = body.reasoning, bool(body.include)
    summary = None if reasoning is None else reasoning.summary or reasoning.generate_summary
    one_call = body.parallel_tool_calls is False
    thoughts = signed or summary is not None
    output = OutputOptions(thoughts=thoughts, signed=signed, one_call=one_call, origins=partial(origins_of, body))
    tools = [placed[2] or placed[1] for placed in callable_tools(body)]
    echo = Echo(
        instructions=body.instructions,
        max_output_tokens=body.max_output_tokens,
        metadata=body.metadata or {},
        parallel_tool_calls=not one_call,
        reasoning=wire.ReasoningOut(effort=reasoning.effort if reasoning is not None else None, summary=summary),
        temperature=body.temperature,
        text=_TEXT if body.text is None or body.text.format is None else Raw(_encode(body.text)),
        tool_choice=_choice(body),
        tools=Raw(_encode(list({id(tool): tool for tool in tools}.values()))) if tools else _NO_TOOLS,
        top_p=body.top_p,
    )
    return ResponseOptions(model=body.model, output=output, echo=echo)


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

    def __init__(self, identity: AnswerIdentity, options: ResponseOptions) -> None:
        self._identity = identity
        self._options = options
        self._answer = identity.id.removeprefix(ID_PREFIX)
        self._model = options.model
        self._numbers = count()
        self._begun = False
        self._open: list[OpenItem] = []
        self._items: list[wire.OutputItem] = []

    @override
    def whole(self, reply: ChatReply, answer: Answer) -> bytes:
        self._model = reply.model
        status: wire.ItemStatus = "incomplete" if reply.finish_reason in _INCOMPLETE else "completed"
        self._items = items_of(reply, self._options.output, self._answer, status)
        return _encode(self._ended(reply))

    @override
    def opening(self, answer: Answer) -> bytes:
        """The model is the one that was asked: what the provider calls it is known only at the end."""
        if answer.endpoint is not None:
            self._model = answer.endpoint.model
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
                return self._add(OpenReasoning, text) if text and self._options.output.thoughts else b""
            case ToolCallDelta():
                return b"" if self._options.output.one_call and delta.index > 0 else self._call(delta)

    @override
    def done(self, reply: ChatReply, answer: Answer) -> bytes:
        status: wire.ItemStatus = "incomplete" if reply.finish_reason in _INCOMPLETE else "completed"
        frames = [self._begin(), self._close(status)]
        if self._options.output.signed and reply.extra_content is not None:
            trailing = self._reasoning()
            trailing.extra_content = reply.extra_content
            frames += (trailing.begun, self._close("completed"))
        kind = wire.ResponseCompleted if status == "completed" else wire.ResponseIncomplete
        frames.append(frame(kind(sequence_number=next(self._numbers), response=self._ended(reply))))
        return b"".join(frames)

    @override
    def failed(self, error: Exception, request_id: str) -> bytes:
        """Codex reads `response.failed`, and not `error`."""
        response = self._response("failed", error=failure_of(error))
        return self._begin() + frame(wire.ResponseFailed(sequence_number=next(self._numbers), response=response))

    def _begin(self) -> bytes:
        """The first two events, once."""
        if self._begun:
            return b""
        self._begun = True
        response, numbers = self._response("in_progress"), self._numbers
        created = frame(wire.ResponseCreated(sequence_number=next(numbers), response=response))
        return created + frame(wire.ResponseInProgress(sequence_number=next(numbers), response=response))

    def _add(self, kind: type[OpenMessage | OpenReasoning], piece: str) -> bytes:
        last = self._open[-1] if self._open else None
        if isinstance(last, kind):
            return last.add(piece)
        closed = self._close_whole()
        item = kind(self._next_place(), self._numbers)
        self._open.append(item)
        return closed + item.begun + item.add(piece)

    def _call(self, delta: ToolCallDelta) -> bytes:
        for item in self._open:
            if item.call == delta.index:
                return item.add(delta.arguments)
        if delta.name is None:  # more of one that was whole
            return b""
        signed = b""
        if self._options.output.signed and delta.extra_content is not None:
            signed = self._carry(delta.extra_content)
        closed = self._close_whole()
        origin = self._options.output.origins().get(delta.name) or ToolOrigin(name=delta.name)
        call = OpenCall(self._next_place(), self._numbers, delta.index, delta.id or "", origin)
        self._open.append(call)
        return signed + closed + call.begun + call.add(delta.arguments)

    def _carry(self, extra_content: Any) -> bytes:
        """Lets the thoughts that are open carry what belongs to the call that follows, or empty ones."""
        last = self._open[-1] if self._open else None
        begun = b""
        if not isinstance(last, OpenReasoning):
            begun = self._close_whole()
            last = self._reasoning()
            begun += last.begun
        last.extra_content = extra_content
        return begun

    def _reasoning(self) -> OpenReasoning:
        item = OpenReasoning(self._next_place(), self._numbers)
        self._open.append(item)
        return item

    def _next_place(self) -> ItemPlace:
        return ItemPlace(answer=self._answer, output_index=len(self._items) + len(self._open))

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
        return self._response(
            "completed" if incomplete is None else "incomplete",
            completed_at=self._identity.created if incomplete is None else None,
            incomplete_details=incomplete,
            usage=usage_out(reply.usage),
            warning=warning_of(reply),
        )

    def _response(self, status: Any, **more: Any) -> wire.ResponseOut:
        echo = self._options.echo
        return wire.ResponseOut(
            id=self._identity.id,
            created_at=self._identity.created,
            status=status,
            model=self._model,
            output=self._items,
            instructions=echo.instructions,
            max_output_tokens=echo.max_output_tokens,
            metadata=echo.metadata,
            parallel_tool_calls=echo.parallel_tool_calls,
            reasoning=echo.reasoning,
            temperature=echo.temperature,
            text=echo.text,
            tool_choice=echo.tool_choice,
            tools=echo.tools,
            top_p=echo.top_p,
            **more,
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
