"""What a surface gives to have its answers rendered."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
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


class TextFrames:
    """Frames that differ by nothing but a text in them, so that the rest of them is encoded once.

    `frame` is how one is made. Each text is a JSON string in it.
    """

    _STAND_IN: Final = "\0"

    def __init__(self, frame: Callable[[str], bytes]) -> None:
        self._before, self._after = frame(self._STAND_IN).split(_encode(self._STAND_IN))
        self._between = self._after + self._before

    def of(self, texts: Iterable[str]) -> bytes:
        """One frame for each."""
        return b"%b%b%b" % (self._before, self._between.join(map(_encode, texts)), self._after)


class ChatRenderer(Protocol):
    """How a surface renders one answer: `whole` as a JSON body, the others as frames of an event stream.

    A stream's calls are `deltas` of all events in order, then `done`; `failed` ends it instead wherever it breaks off.
    """

    @abstractmethod
    def whole(self, reply: ChatReply, answer: Answer) -> bytes: ...

    def deltas(self, events: Sequence[ChatEvent], answer: Answer) -> bytes:
        """The frames of a batch, together. Beginning and end of an answer have none here."""
        frames: list[bytes] = []
        texts: list[str] = []
        for event in events:
            if type(event) is TextDelta and not event.logprobs:
                texts.append(event.text)
            elif not isinstance(event, Started | Finished):
                if texts:
                    frames.append(self.texts(texts, answer))
                    texts = []
                frames.append(self.delta(event, answer))
        if texts:
            frames.append(self.texts(texts, answer))
        return b"".join(frames)

    @abstractmethod
    def texts(self, texts: Sequence[str], answer: Answer) -> bytes:
        """What `delta` makes of the texts that have no log probabilities, of which most of an answer is made."""
        ...

    @abstractmethod
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        """Empty where this surface has no event for it."""
        ...

    @abstractmethod
    def done(self, reply: ChatReply, answer: Answer) -> bytes: ...

    @abstractmethod
    def failed(self, error: Exception, request_id: str) -> bytes: ...
