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

INCOMPLETE: Final = "The provider failed to give the rest of this answer."


def warning_of(reply: ChatReply) -> str | UnsetType:
    """What a client should know of an answer that is none, or less than it could be."""
    if reply.incomplete:
        return INCOMPLETE
    return ONLY_REASONED if reply.only_reasoned else UNSET


class TextFrame:
    """The frame of a text, encoded but for the text, which is a JSON string in it. `make` is how one is made."""

    _STAND_IN: Final = "\0"

    def __init__(self, make: Callable[[str], bytes]) -> None:
        self.before, self.after = make(self._STAND_IN).split(_encode(self._STAND_IN))


class ChatRenderer(Protocol):
    """How a surface renders one answer: `whole` as a JSON body, the others as frames of an event stream.

    A stream's calls are `deltas` of all events in order, then `done`; `failed` ends it instead wherever it breaks off.
    """

    _text_frame: TextFrame | None = None

    @abstractmethod
    def whole(self, reply: ChatReply, answer: Answer) -> bytes: ...

    def deltas(self, events: Sequence[ChatEvent], answer: Answer) -> bytes:
        """The frames of a batch, together. An answer's first event and its last have none here."""
        frames: list[bytes] = []
        text_frame = self._text_frame
        for event in events:
            if text_frame is not None and type(event) is TextDelta and not event.logprobs:
                frames += (text_frame.before, _encode(event.text), text_frame.after)
            elif not isinstance(event, Started | Finished):
                frames.append(self.delta(event, answer))
                text_frame = self._text_frame = text_frame or self.text_frame(answer)
        return b"".join(frames)

    @abstractmethod
    def text_frame(self, answer: Answer) -> TextFrame:
        """What `delta` makes of a text without log probabilities, of which most of an answer is, after the first."""
        ...

    @abstractmethod
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        """Empty where this surface has no event for it."""
        ...

    @abstractmethod
    def done(self, reply: ChatReply, answer: Answer) -> bytes: ...

    @abstractmethod
    def failed(self, error: Exception, request_id: str) -> bytes: ...
