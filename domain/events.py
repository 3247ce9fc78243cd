"""The one stream that every answer is: its events, and the two ways between a stream and a whole reply."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TypeAlias

from msgspec import Struct, json
from msgspec.structs import replace
from typing_extensions import override

from .chat import ChatReply, FinishReason, JsonObject, ToolCall, Usage
from .errors import ProviderBroken
from .logprobs import ChosenLogprob, memory_of
from .routing import EndpointId
from .sequences import CheckedStruct


class Started(CheckedStruct, frozen=True, kw_only=True, tag="started"):
    """The first event: the vendor's first content, or its terminal mark, is here, so this endpoint answers.

    `ignored`: the paths of what the adapter left out of this request, beyond what `EndpointState.left_out` says.
    """

    endpoint: EndpointId
    ignored: tuple[str, ...] = ()


class TextDelta(CheckedStruct, frozen=True, kw_only=True, tag="text"):
    """A part of the answer's text, to be appended to the parts before it. `logprobs` are those of its tokens."""

    text: str
    logprobs: tuple[ChosenLogprob, ...] = ()

    @override
    def __post_init__(self) -> None:
        """Answers are made of many of these, most of them without."""
        if self.logprobs != ():
            super().__post_init__()


class ReasoningDelta(Struct, frozen=True, kw_only=True, tag="reasoning"):
    """A part of the model's reasoning, to be appended to the parts before it."""

    text: str


class ToolCallDelta(Struct, frozen=True, kw_only=True, tag="tool_call"):
    """A part of the tool call number `index`, counted from 0.

    `arguments` are appended to the parts before; the other fields come once.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    extra_content: JsonObject | None = None


class Finished(Struct, frozen=True, kw_only=True, tag="finished"):
    """The last event of an answer: the vendor's own terminal mark, with usage and the reason of the end.

    Never made up: a stream that ends without the vendor's mark is `ProviderBroken`. `incomplete`: the vendor had more
    to say and failed to, so that the same request may get more another time. `requests`: how many the vendor was sent
    for it, each of which is paid for.
    """

    reason: FinishReason
    usage: Usage
    model: str
    extra_content: JsonObject | None = None
    incomplete: bool = False
    requests: int = 1


EVENT_OVERHEAD_BYTES = 32
"""Counted for each event beside its text, because an answer in tiny parts takes memory for each part."""

Delta: TypeAlias = TextDelta | ReasoningDelta | ToolCallDelta
ChatEvent: TypeAlias = Started | Delta | Finished
"""`Started`, then deltas (`TextDelta`, `ReasoningDelta`, `ToolCallDelta`), then exactly one `Finished`."""


def text_bytes(text: str) -> int:
    """Length in UTF-8, without the copy where the text is ASCII."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Collector:
    """Folds events into the reply that they make. Feed it every event, then ask for the reply.

    `text_bytes` counts the UTF-8 bytes that the model generated; `held_bytes` estimates the memory that events take.
    """

    def __init__(self) -> None:
        self.text_bytes = 0
        self.held_bytes = 0
        self.finished: Finished | None = None
        self._started: Started | None = None
        self._text: list[str] = []
        self._logprobs: list[ChosenLogprob] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, list[ToolCallDelta]] = {}
        self._reply: ChatReply | None = None

    @property
    def started(self) -> bool:
        """Whether `Started` was seen."""
        return self._started is not None

    def extend(self, events: Iterable[ChatEvent]) -> None:
        """Take the next ones. Texts, of which there are most, are counted together."""
        size = count = 0
        for event in events:
            if type(event) is TextDelta and not event.logprobs:
                text = event.text
                self._text.append(text)
                size += len(text) if text.isascii() else text_bytes(text)
                count += 1
            else:
                self.add(event)
        self.text_bytes += size
        self.held_bytes += size + count * EVENT_OVERHEAD_BYTES

    def add(self, event: ChatEvent) -> None:
        """Take the next event."""
        text, beside = "", 0
        extra: JsonObject | None = None
        match event:
            case TextDelta(text=text, logprobs=logprobs):
                self._text.append(text)
                if logprobs:
                    self._logprobs += logprobs
                    beside = memory_of(logprobs)
            case ReasoningDelta(text=text):
                self._reasoning.append(text)
            case ToolCallDelta(index=index, arguments=text, extra_content=extra):
                self._calls.setdefault(index, []).append(event)
                beside = text_bytes((event.id or "") + (event.name or ""))
            case Started():
                self._started = event
                return
            case Finished(extra_content=extra):
                self.finished = event
                beside = text_bytes(event.model)
        if extra is not None:
            beside += len(json.encode(extra))
        size = text_bytes(text)
        self.text_bytes += size
        self.held_bytes += size + beside + EVENT_OVERHEAD_BYTES

    def corrected(self, usage: Usage) -> Finished:
        """The end that was taken, with this usage instead of what it said."""
        assert self.finished is not None
        self.finished = replace(self.finished, usage=usage)
        return self.finished

    def generated(self) -> tuple[str, str]:
        """What the model has generated: reasoning and text, and the arguments of its tool calls."""
        arguments = (part.arguments for parts in self._calls.values() for part in parts)
        return "".join((*self._reasoning, *self._text)), "".join(arguments)

    def reply(self) -> ChatReply:
        """Folded once, however often it is asked for. Raises `ProviderBroken` where the terminal mark is missing."""
        if self._reply is None:
            if self._started is None or self.finished is None:
                provider = self._started.endpoint.provider if self._started else "provider"
                raise ProviderBroken(provider, "the answer broke off before its end")
            self._reply = ChatReply(
                endpoint=self._started.endpoint,
                model=self.finished.model,
                finish_reason=self.finished.reason,
                usage=self.finished.usage,
                content="".join(self._text),
                reasoning="".join(self._reasoning),
                tool_calls=tuple(_join(self._calls[index]) for index in sorted(self._calls)),
                extra_content=self.finished.extra_content,
                incomplete=self.finished.incomplete,
                ignored=self._started.ignored,
                logprobs=tuple(self._logprobs),
            )
        return self._reply


def _join(parts: list[ToolCallDelta]) -> ToolCall:
    if len(parts) == 1:
        part = parts[0]
        return ToolCall(
            id=part.id or "", name=part.name or "", arguments=part.arguments, extra_content=part.extra_content
        )
    return ToolCall(
        id=next((part.id for part in parts if part.id is not None), ""),
        name=next((part.name for part in parts if part.name is not None), ""),
        arguments="".join(part.arguments for part in parts),
        extra_content=next((part.extra_content for part in parts if part.extra_content is not None), None),
    )


async def flattened(batches: AsyncGenerator[Sequence[ChatEvent], None]) -> AsyncGenerator[ChatEvent, None]:
    """What a model gives, event by event. Closing this closes that."""
    async with aclosing(batches):
        async for batch in batches:
            for event in batch:
                yield event


async def collect(events: AsyncIterable[ChatEvent]) -> ChatReply:
    """The reply that the events make. Raises what the stream raises, and `ProviderBroken` where its end is missing."""
    collector = Collector()
    async for event in events:
        collector.add(event)
    return collector.reply()


def replay(reply: ChatReply) -> Iterator[ChatEvent]:
    """The events of a reply, with each kind of content in one delta."""
    yield Started(endpoint=reply.endpoint, ignored=reply.ignored)
    if reply.reasoning:
        yield ReasoningDelta(text=reply.reasoning)
    if reply.content or reply.logprobs:
        yield TextDelta(text=reply.content, logprobs=reply.logprobs)
    for index, call in enumerate(reply.tool_calls):
        yield ToolCallDelta(
            index=index, id=call.id, name=call.name, arguments=call.arguments, extra_content=call.extra_content
        )
    yield Finished(
        reason=reply.finish_reason,
        usage=reply.usage,
        model=reply.model,
        extra_content=reply.extra_content,
        incomplete=reply.incomplete,
    )
