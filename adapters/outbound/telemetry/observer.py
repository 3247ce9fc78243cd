"""The observer over OpenTelemetry's instruments: every label from a closed set, nothing that a client can invent."""

from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from llm_gateway.application.ports.observation import CallObservation, Observation, Observer, QueueMeter, TrafficMeter
from llm_gateway.application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord
from llm_gateway.domain.errors import OutOfDescriptors
from llm_gateway.domain.routing import Endpoint, Task

from . import catalogue
from .call_metrics import CallMetrics, FormerCallMetrics, LatestCallMetrics
from .instruments import Instruments

_NOT_THE_PROVIDERS = frozenset((OutOfDescriptors.__name__,))
_HIT: Final = CacheStatus.HIT
_METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS"))


class CallCounts(CallObservation):
    """Counts each call to a provider as it ends. One serves all calls, as nothing is kept of any."""

    headers: Mapping[str, str] = {}

    def __init__(self, instruments: Instruments, metrics: CallMetrics) -> None:
        self._failures = instruments.counter(catalogue.PROVIDER_FAILURES)
        self._errors = instruments.counter(catalogue.PROVIDER_ERRORS)
        self._cost = instruments.counter(catalogue.COST)
        self._cost_unknown = instruments.counter(catalogue.COST_UNKNOWN)
        self._tokens = instruments.counter(catalogue.TOKENS_USED).counts
        self._measure = metrics.ended

    @override
    def end(self, record: AttemptRecord) -> None:
        self._measure(record)
        provider, usage = record.endpoint.provider, record.usage
        if record.error is not None and record.error not in _NOT_THE_PROVIDERS:
            self._failures.add(provider)
            status = "" if record.status is None else str(record.status)
            self._errors.add(provider, record.endpoint.model, status, record.reason_class or "")
        if record.microdollars is None:
            self._cost_unknown.add(provider, record.endpoint.model)
        elif record.microdollars:
            self._cost.add(provider, record.endpoint.model, amount=record.microdollars / 1_000_000)
        if usage is None:
            return
        tokens = self._tokens
        tokens[provider, "prompt"] += usage.prompt_tokens
        if record.task is Task.EMBED:
            return
        tokens[provider, "completion"] += usage.completion_tokens
        tokens[provider, "reasoning"] += usage.reasoning_tokens or 0
        tokens[provider, "cached"] += usage.cached_tokens or 0


class RequestCounts(Observation):
    """Counts each request as it ends. One serves all requests, as nothing is kept of any."""

    def __init__(self, instruments: Instruments, metrics: CallMetrics) -> None:
        self._requests = instruments.counter(catalogue.REQUESTS).counts
        self._allowed = instruments.counter(catalogue.ALLOWED).counts
        self._blocked = instruments.counter(catalogue.BLOCKED).counts
        self._hits = instruments.counter(catalogue.CACHE_HITS).counts
        self._misses = instruments.counter(catalogue.CACHE_MISSES).counts
        self._saved_tokens = instruments.counter(catalogue.SAVED_TOKENS).counts
        self._saved_seconds = instruments.counter(catalogue.SAVED_SECONDS).counts
        self._calls = instruments.counter(catalogue.PROVIDER_CALLS)
        self._call_counts = CallCounts(instruments, metrics)

    @override
    def attempt(self, endpoint: Endpoint) -> CallObservation:
        self._calls.add(endpoint.id.provider)
        return self._call_counts

    @override
    def end(self, record: RequestRecord) -> None:
        self._requests[record.outcome,] += 1
        if record.admitted is not None:
            (self._allowed if record.admitted else self._blocked)[()] += 1
        if record.cache is _HIT:
            self._hits[()] += 1
            if record.usage is not None:
                self._saved_tokens[()] += record.usage.total_tokens
            self._saved_seconds[()] += record.saved_seconds or 0.0
        elif record.looked_up:
            self._misses[()] += 1


class TelemetryObserver(Observer, TrafficMeter, QueueMeter):
    """`latest`: calls are measured by the names of the GenAI conventions' v0.1.0."""

    def __init__(self, instruments: Instruments, *, latest: bool = False) -> None:
        metrics = LatestCallMetrics(instruments) if latest else FormerCallMetrics(instruments)
        self._request_counts = RequestCounts(instruments, metrics)
        self._active = 0
        self._http_duration = instruments.histogram(catalogue.HTTP_DURATION)
        self._queue_wait = instruments.histogram(catalogue.QUEUE_WAIT)
        instruments.watch(catalogue.HTTP_ACTIVE, lambda: [((), self._active)])

    @override
    def begin(self, request: RequestId, headers: Mapping[str, str], task: Task = Task.CHAT) -> Observation:
        return self._request_counts

    @override
    def began(self) -> None:
        self._active += 1

    @override
    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        self._active -= 1
        self._http_duration.record(seconds, method if method in _METHODS else "_OTHER", route, str(status))

    @override
    def waited(self, provider: str, seconds: float) -> None:
        self._queue_wait.record(seconds, provider)
