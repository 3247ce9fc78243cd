"""What is kept of a request after it ended: never a word of its content."""

from enum import StrEnum

from msgspec import Struct

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.routing import EndpointId, Hint, Skip, Task


class CacheStatus(StrEnum):
    HIT = "hit"
    MISS = "miss"
    COALESCED = "coalesced"
    BYPASS = "bypass"


class AttemptRecord(Struct, frozen=True, kw_only=True):
    """One endpoint that was asked for this request, and its error's class where it failed."""

    endpoint: EndpointId
    error: str | None = None


class RequestRecord(Struct, frozen=True, kw_only=True):
    """How one request went. `error` is the class of what ended it, `left` that its client went away first.

    `admitted` is None where the request never came as far as the quota. Times are in seconds from its beginning.
    """

    task: Task = Task.CHAT
    client: ClientId | None = None
    hint: Hint | None = None
    endpoint: EndpointId | None = None
    cache: CacheStatus | None = None
    admitted: bool | None = None
    planned: tuple[EndpointId, ...] = ()
    skipped: tuple[Skip, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    error: str | None = None
    left: bool = False
    streamed: bool = False
    seconds: float = 0.0
    first_event_seconds: float | None = None
