"""What a surface gives to have its answers rendered."""

from abc import abstractmethod
from typing import Final, Protocol

from msgspec import UNSET, Struct, UnsetType

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.events import Delta


class AnswerIdentity(Struct, frozen=True, kw_only=True):
    """What the adapter gives an answer: an id of its own, and the time in Unix seconds."""

    id: str
    created: int


ONLY_REASONED: Final = (
    "Reasoning took all the tokens that there were, and none was left for the answer. "
    "Raise max_tokens, or lower reasoning_effort."
)

INCOMPLETE: Final = "The provider failed to give the rest of this answer."


def warning_of(reply: ChatReply) -> str | UnsetType:
    """What a client should know of an answer that is none, or less than it could be."""
    if reply.incomplete:
        return INCOMPLETE
    return ONLY_REASONED if reply.only_reasoned else UNSET


class ChatRenderer(Protocol):
    """How a surface renders one answer: `whole` as a JSON body, the others as frames of an event stream.

    A stream's calls are each delta in order, then `done`; `failed` ends it instead wherever it breaks off.
    """

    @abstractmethod
    def whole(self, reply: ChatReply, answer: Answer) -> bytes: ...

    @abstractmethod
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        """Empty where this surface has no event for it."""
        ...

    @abstractmethod
    def done(self, reply: ChatReply, answer: Answer) -> bytes: ...

    @abstractmethod
    def failed(self, error: Exception, request_id: str) -> bytes: ...
