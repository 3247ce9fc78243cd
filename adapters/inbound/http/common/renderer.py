"""What a surface gives to have its answers rendered."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec import UNSET, Struct, UnsetType, json

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.events import ChatEvent, Delta, Finished, Started, TextDelta


class AnswerIdentity(Struct, frozen=True, kw_only=True):
    """What the adapter gives an answer: an id of its own, and the time in Unix seconds."""

    id: str
    created: int


ONLY_REASONED: Final = (
    "Reasoning took all the tokens that there were, and none was left for the answer. "
    "Raise max_tokens, or lower reasoning_effort."
)

_encode = json.Encoder().encode
_STAND_IN: Final = "\0"

INCOMPLETE: Final = "The provider failed to give the rest of this answer."


def warning_of(reply: ChatReply) -> str | UnsetType:
    """What a client should know of an answer that is none, or less than it could be."""
    if reply.incomplete:
        return INCOMPLETE
    return ONLY_REASONED if reply.only_reasoned else UNSET


class TextFrame:
    """The frame of a text, encoded but for the text, which is a JSON string in it. `make` is how one is made."""

    __slots__ = ("_after", "_before")

    def __init__(self, make: Callable[[str], bytes]) -> None:
        self._before, self._after = make(_STAND_IN).split(_encode(_STAND_IN))

    def __call__(self, text: str) -> bytes:
        return b"".join((self._before, _encode(text), self._after))


class ChatRenderer(Protocol):
    """How a surface renders one answer: `whole` as a JSON body, the others as frames of a stream.

    It is made for that one answer, and may keep what it said so far. A stream's calls are `deltas` of all events in
    order, then `done`; `failed` ends it instead wherever it breaks off, which may be before anything was rendered.
    `content_type` is the stream's. `keep_alive` goes out while nothing else does, at any time between two frames, and
    before the first where an answer is waited for.
    """

    content_type: bytes = b"text/event-stream; charset=utf-8"
    keep_alive: bytes = b": keep-alive\n\n"
    _text_frame: Callable[[str], bytes] | None = None

    @abstractmethod
    def whole(self, reply: ChatReply, answer: Answer) -> bytes: ...

    def opening(self, answer: Answer) -> bytes:
        """The frames that come before an answer's first, once its endpoint is known."""
        return b""

    def deltas(self, events: Sequence[ChatEvent], answer: Answer) -> bytes:
        """The frames of a batch, together. An answer's last event has none here."""
        frames: list[bytes] = []
        text_frame = self._text_frame
        for event in events:
            if text_frame is not None and type(event) is TextDelta and not event.logprobs:
                frames.append(text_frame(event.text))
            elif isinstance(event, Started):
                frames.append(self.opening(answer))
            elif not isinstance(event, Finished):
                frames.append(self.delta(event, answer))
                text_frame = self._text_frame = self.text_frame(answer)
        return b"".join(frames)

    @abstractmethod
    def text_frame(self, answer: Answer) -> Callable[[str], bytes] | None:
        """What makes of a text the same as `delta` would, if one without log probabilities came next: it is most of
        what an answer is. Asked for after each `delta`; None where `delta` itself must be asked.
        """
        ...

    @abstractmethod
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        """Empty where this surface has no event for it."""
        ...

    @abstractmethod
    def done(self, reply: ChatReply, answer: Answer) -> bytes: ...

    @abstractmethod
    def failed(self, error: Exception, request_id: str) -> bytes: ...
