"""Exactly one record for each request, however it ends, and a bound on how many are answered at once."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from types import TracebackType
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import ProviderError, QuotaExceeded
from llm_gateway.domain.routing import Endpoint, EndpointId, Hint, Plan, Skip, Task

from .answer_slots import AnswerSlots
from .ports.observation import Observation, Observer
from .ports.stores import RequestLog
from .ports.system import Clock, Entropy
from .records import AttemptRecord, CacheStatus, RequestId, RequestRecord

_HIT: Final = CacheStatus.HIT
_endpoint_id = attrgetter("endpoint.id")


class RequestRecorder(Struct, eq=False):
    """What becomes of one request, reported step by step by whoever answers it. Only its own verbs change it.

    A `with` block around the request's answer ends it. `began` is in seconds on the monotonic clock. `cache` and
    `endpoint` are None until an answer begins, `queue_position` as long as it has not waited for its turn at a pool.
    `microdollars` is what the calls that were made for it cost so far, None where that of one is not known.
    """

    task: Task
    client: Client
    hint: Hint | None
    id: RequestId
    observation: Observation
    clock: Clock
    leave: Callable[["RequestRecorder"], None]
    streamed: bool
    began: float = 0.0
    cache: CacheStatus | None = None
    endpoint: EndpointId | None = None
    queue_position: int | None = None
    microdollars: int | None = 0
    _queue_seconds: float = 0.0
    _queued_at: float | None = None
    _began_at: float = 0.0
    _plan: Plan | None = None
    _admitted: bool | None = None
    _looked_up: bool = False
    _attempts: list[AttemptRecord] = field(default_factory=list)
    _passed_over: list[Skip] = field(default_factory=list)
    _saved_seconds: float | None = None
    _first_event: float | None = None
    _ignored: Sequence[str] = ()
    _answered: bool = False
    _finish_reason: FinishReason | None = None
    _usage: Usage | None = None
    _error: str | None = None
    _prices: str | None = None

    def __post_init__(self) -> None:
        self.began, self._began_at = self.clock.monotonic(), self.clock.now()

    def __enter__(self) -> "RequestRecorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.ended(error)

    def planned(self, plan: Plan) -> None:
        """The plan is made."""
        self._plan = plan

    def admitted(self, *, looked_up: bool = False) -> None:
        """The request was charged to its client's quota, and the cache was asked for it, where it `looked_up`."""
        self._admitted = True
        self._looked_up = looked_up

    def called(self, attempt: AttemptRecord, prices: str | None = None) -> None:
        """A call to a provider that this request led has ended. `prices`: where its price stands."""
        self._attempts.append(attempt)
        self._prices = prices or self._prices
        cost, so_far = attempt.microdollars, self.microdollars
        self.microdollars = None if cost is None or so_far is None else so_far + cost

    def passed_over(self, endpoint: Endpoint, error: ProviderError) -> None:
        """A planned endpoint gave no answer, and the next one is asked."""
        self._passed_over.append(Skip(name=endpoint.name, reason=error.message))

    def queued(self, position: int) -> None:
        """The request waits for its turn at a pool, from this place on: 1 is the next."""
        self.queue_position = self.queue_position or position
        self._queued_at = self.clock.monotonic()

    def waited(self) -> None:
        """Its turn came, or it gave up."""
        self._queue_seconds, self._queued_at = self._waited(), None

    def found(self, seconds: float) -> None:
        """The answer is a stored one, which had taken its provider so many seconds."""
        self.cache = _HIT
        self._saved_seconds = seconds

    def asked(self, cache: CacheStatus) -> None:
        """The answer is a provider's: made for this request, for another one, or past the cache."""
        self.cache = cache

    def started(self, endpoint: EndpointId, ignored: Sequence[str] = ()) -> None:
        """The answer's first event is here. `ignored`: the fields of the request that are left out there."""
        self.endpoint = endpoint
        self._ignored = ignored
        self._first_event = self.clock.monotonic() - self.began

    def finished(self, usage: Usage | None, finish_reason: FinishReason | None = None) -> None:
        """The answer is whole."""
        self._answered = True
        self._usage = usage
        self._finish_reason = finish_reason

    def embedded(self, endpoint: EndpointId, usage: Usage | None, ignored: Sequence[str] = ()) -> None:
        """An embedding is whole; it has no first event."""
        self.endpoint = endpoint
        self._ignored = ignored
        self.finished(usage)

    def failed(self, error: Exception) -> None:
        """What ended the request; the first failure counts."""
        self._error = self._error or type(error).__name__
        if isinstance(error, QuotaExceeded):
            self._admitted = False

    def ended(self, error: BaseException | None) -> None:
        """Nothing more comes of the request, which this has ended: its record is left. Once."""
        if isinstance(error, Exception):
            self.failed(error)
        self.leave(self)

    def _waited(self) -> float:
        """Until now: one that left its followers in the queue has gone before their turn."""
        return self._queue_seconds + (0.0 if self._queued_at is None else self.clock.monotonic() - self._queued_at)

    def record(self) -> RequestRecord:
        """Everything reported so far, with the time until now."""
        plan, trace = self._plan, self.observation.trace
        record = RequestRecord(
            id=self.id,
            began=self._began_at,
            task=self.task,
            client=self.client.id,
            alias=plan.alias if plan else None,
            hint=plan.hint if plan else self.hint,
            endpoint=self.endpoint,
            cache=self.cache,
            admitted=self._admitted,
            looked_up=self._looked_up,
            planned=tuple(map(_endpoint_id, plan.endpoints)) if plan else (),
            skipped=plan.skipped if plan else (),
            queue_position=self.queue_position,
            queue_seconds=self._queue_seconds if self.queue_position is None else self._waited(),
            attempts=tuple(self._attempts),
            passed_over=tuple(self._passed_over),
            ignored=tuple(self._ignored),
            finish_reason=self._finish_reason,
            usage=self._usage,
            microdollars=self.microdollars,
            prices=self._prices,
            error=self._error,
            left=self._error is None and not self._answered,
            streamed=self.streamed,
            seconds=self.clock.monotonic() - self.began,
            first_event_seconds=self._first_event,
            saved_seconds=self._saved_seconds,
        )
        return record if trace is None else replace(record, trace=trace)


class RecordedRequests:
    """Begins and ends the recorder of each request: exactly one record each, however it ends.

    Each has one of the `slots` while it is under way.
    """

    def __init__(self, observer: Observer, log: RequestLog, clock: Clock, entropy: Entropy, slots: AnswerSlots) -> None:
        self.under_way = 0
        self._observer = observer
        self._log = log
        self._clock = clock
        self._entropy = entropy
        self._slots = slots

    def begin(
        self,
        task: Task,
        client: Client,
        hint: Hint | None,
        *,
        id: RequestId | None,
        headers: Mapping[str, str] | None,
        on_record: Callable[[RequestRecord], object] | None = None,
        streamed: bool = False,
    ) -> RequestRecorder:
        """To be ended. Raises `Overloaded`.

        An id is made if absent; `headers` may carry a trace context; `on_record` is called with the record, once.
        """
        id = id or RequestId(self._entropy.new_id())
        observation = self._observer.begin(id, {} if headers is None else headers, task)
        refusal = self._slots.take(client.id)
        leave = partial(self._left, on_record, refusal is None)
        recorder = RequestRecorder(task, client, hint, id, observation, self._clock, leave, streamed)
        self.under_way += 1
        if refusal is not None:
            recorder.ended(refusal)
            raise refusal
        return recorder

    def _left(
        self, on_record: Callable[[RequestRecord], object] | None, has_slot: bool, recorder: RequestRecorder
    ) -> None:
        self.under_way -= 1
        record = recorder.record()
        if has_slot:
            self._slots.give_back(recorder.client.id, record.seconds)
        recorder.observation.end(record)
        self._log.put(record)
        if on_record is not None:
            on_record(record)
