"""What is kept of a request after it ended: never a word of its content.

Thousands are kept, and none can be part of a cycle: the garbage collector need not walk them.
"""

from enum import StrEnum
from typing import NewType

from msgspec import Struct

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.routing import EndpointId, Hint, Skip, Task
from llm_gateway.domain.sequences import hold_tuple

RequestId = NewType("RequestId", str)


class CacheStatus(StrEnum):
    HIT = "hit"
    MISS = "miss"
    COALESCED = "coalesced"
    BYPASS = "bypass"


class AttemptRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One call to one endpoint. `error` is the class of what ended it, `reason` what a client may be told of that.

    `left` says that nobody waited for it any more. `seconds` counts only while the provider was waited for, never while
    a reader read; `first_event_seconds` is a part of it.
    """

    endpoint: EndpointId
    task: Task = Task.CHAT
    error: str | None = None
    reason: str | None = None
    left: bool = False
    streamed: bool = False
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    seconds: float = 0.0
    first_event_seconds: float | None = None


class RequestRecord(Struct, frozen=True, kw_only=True, gc=False):
    """How one request went. `error` is the class of what ended it, `left` that its client went away first.

    `admitted` is None where the request never came as far as the quota. `attempts` are those that this request led;
    `passed_over` are the planned endpoints that gave no answer, also those that were not asked. `saved_seconds` is what
    the answer from the cache had taken its provider. `began` is in Unix seconds, the other times count from there.
    """

    id: RequestId
    began: float = 0.0
    task: Task = Task.CHAT
    client: ClientId | None = None
    hint: Hint | None = None
    endpoint: EndpointId | None = None
    cache: CacheStatus | None = None
    admitted: bool | None = None
    planned: tuple[EndpointId, ...] = ()
    skipped: tuple[Skip, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    passed_over: tuple[Skip, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    error: str | None = None
    left: bool = False
    streamed: bool = False
    seconds: float = 0.0
    first_event_seconds: float | None = None
    saved_seconds: float | None = None

    def __post_init__(self) -> None:
        hold_tuple(self, "planned", EndpointId)
        hold_tuple(self, "skipped", Skip)
        hold_tuple(self, "attempts", AttemptRecord)
        hold_tuple(self, "passed_over", Skip)

    @property
    def outcome(self) -> str:
        """`answered`, `left`, or the class of the error."""
        return "left" if self.left else self.error or "answered"
