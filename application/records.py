"""What is kept of a request after it ended: nothing of its content.

Thousands are kept, and none can be part of a cycle: the garbage collector need not walk them.
"""

from enum import StrEnum
from typing import NewType

from msgspec import Struct

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import ClientId
from llm_gateway.domain.errors import FailureReason
from llm_gateway.domain.routing import Alias, EndpointId, Hint, Skip, Task
from llm_gateway.domain.sequences import CheckedStruct

RequestId = NewType("RequestId", str)
"""A request's own id: 32 to 36 characters that are safe in a header and a URL."""


class CacheStatus(StrEnum):
    """Where an answer came from.

    `hit`: the cache. `miss`: a provider. `coalesced`: a call that another request had begun. `bypass`: a provider, past
    the cache; `sampled`: because the answer was to be the request's own sample.
    """

    HIT = "hit"
    MISS = "miss"
    COALESCED = "coalesced"
    BYPASS = "bypass"
    SAMPLED = "bypass; sampled"


class TraceIds(Struct, frozen=True, kw_only=True, gc=False):
    """The trace that a request's span is in, and the span, in hexadecimal digits as W3C's Trace Context has them."""

    trace_id: str
    span_id: str


class AttemptRecord(Struct, frozen=True, kw_only=True, gc=False):
    """The record of one call to one endpoint, without content.

    `error` is the class name of what ended it, None for a whole answer; `reason` is a message that may be shown to the
    client; `status` is the vendor's HTTP status and `reason_class` the class of its failure, where they are known.
    `microdollars` is what it cost: None where the price or the usage is not known, 0 where the vendor refused.
    `left` says that every reader had left. `seconds` counts only the time spent waiting for the provider, never
    the time that a reader took; `first_event_seconds` is the part of it before the first event, None if there was none.
    """

    endpoint: EndpointId
    task: Task = Task.CHAT
    error: str | None = None
    reason: str | None = None
    status: int | None = None
    reason_class: FailureReason | None = None
    left: bool = False
    streamed: bool = False
    usage: Usage | None = None
    microdollars: int | None = None
    finish_reason: FinishReason | None = None
    seconds: float = 0.0
    first_event_seconds: float | None = None


class RequestRecord(CheckedStruct, frozen=True, kw_only=True, gc=False):
    """The record of one request, without content.

    `error` is the class name of what ended it, None for a whole answer; `left` says that its client went away first.
    `alias` is how it named its model, where that is not the model's own name.
    `admitted` is None where it ended before its quota was asked. `looked_up` says that the cache was asked for it,
    which had nothing unless `cache` is `hit`. `attempts` are the calls that were made for this request; `passed_over`
    are the planned endpoints that gave no answer, asked or not. `ignored` are the paths of what the request states and
    the answering endpoint left out. `saved_seconds` is how long the provider took for an answer that came from the
    cache. `microdollars` is what its attempts cost together, None where that of one is not known; `prices` names the
    data that says so. `began` is in Unix seconds; `seconds` and `first_event_seconds` count from there. `trace` is None
    where no span was recorded.
    """

    id: RequestId
    began: float = 0.0
    task: Task = Task.CHAT
    client: ClientId | None = None
    alias: Alias | None = None
    hint: Hint | None = None
    endpoint: EndpointId | None = None
    cache: CacheStatus | None = None
    admitted: bool | None = None
    looked_up: bool = False
    planned: tuple[EndpointId, ...] = ()
    skipped: tuple[Skip, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    passed_over: tuple[Skip, ...] = ()
    ignored: tuple[str, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    microdollars: int | None = None
    prices: str | None = None
    error: str | None = None
    left: bool = False
    streamed: bool = False
    seconds: float = 0.0
    first_event_seconds: float | None = None
    saved_seconds: float | None = None
    trace: TraceIds | None = None

    @property
    def outcome(self) -> str:
        """`answered`, `left`, or the class of the error."""
        return "left" if self.left else self.error or "answered"
