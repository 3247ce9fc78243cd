"""The observer over OpenTelemetry's instruments: every label from a closed set, nothing that a client can invent."""

from collections.abc import Mapping

from typing_extensions import override

from llm_gateway.application.ports import Attempt, Observation, Observer, QueueMeter, TrafficMeter
from llm_gateway.application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord
from llm_gateway.domain.routing import Endpoint, Task

from . import catalogue
from .conventions import OPERATIONS, provider_name
from .instruments import Instruments

_METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS"))


class _Counts:
    """The instruments that requests are counted by, looked up once."""

    def __init__(self, instruments: Instruments) -> None:
        self.requests = instruments.counter(catalogue.REQUESTS)
        self.allowed = instruments.counter(catalogue.ALLOWED)
        self.blocked = instruments.counter(catalogue.BLOCKED)
        self.hits = instruments.counter(catalogue.CACHE_HITS)
        self.misses = instruments.counter(catalogue.CACHE_MISSES)
        self.saved_tokens = instruments.counter(catalogue.SAVED_TOKENS)
        self.saved_seconds = instruments.counter(catalogue.SAVED_SECONDS)
        self.calls = instruments.counter(catalogue.PROVIDER_CALLS)
        self.failures = instruments.counter(catalogue.PROVIDER_FAILURES)
        self.tokens_used = instruments.counter(catalogue.TOKENS_USED)
        self.duration = instruments.histogram(catalogue.OPERATION_DURATION)
        self.token_usage = instruments.histogram(catalogue.TOKEN_USAGE)
        self.first_token = instruments.histogram(catalogue.FIRST_TOKEN)
        self.per_token = instruments.histogram(catalogue.PER_TOKEN)

    def attempted(self, record: AttemptRecord) -> None:
        provider = record.endpoint.provider
        if record.error is not None:
            self.failures.add(provider)
        operation = OPERATIONS[record.task], provider_name(provider), record.endpoint.model
        self.duration.record(record.seconds, *operation, "left" if record.left else record.error or "")
        if record.streamed and record.first_event_seconds is not None:
            self.first_token.record(record.first_event_seconds, *operation)
        if record.usage is None:
            return
        usage = record.usage
        self.token_usage.record(usage.prompt_tokens, *operation, "input")
        self.tokens_used.add(provider, "prompt", amount=usage.prompt_tokens)
        if record.task is Task.EMBED:
            return
        self.token_usage.record(usage.completion_tokens, *operation, "output")
        if record.streamed and record.first_event_seconds is not None and usage.completion_tokens > 1:
            rest = record.seconds - record.first_event_seconds
            self.per_token.record(rest / (usage.completion_tokens - 1), *operation)
        self.tokens_used.add(provider, "completion", amount=usage.completion_tokens)
        self.tokens_used.add(provider, "reasoning", amount=usage.reasoning_tokens or 0)
        self.tokens_used.add(provider, "cached", amount=usage.cached_tokens or 0)

    def ended(self, record: RequestRecord) -> None:
        self.requests.add(record.outcome)
        if record.admitted is not None:
            (self.allowed if record.admitted else self.blocked).add()
        if record.cache is CacheStatus.HIT:
            self.hits.add()
            if record.usage is not None:
                self.saved_tokens.add(amount=record.usage.total_tokens)
            self.saved_seconds.add(amount=record.saved_seconds or 0.0)
        elif record.cache in (CacheStatus.MISS, CacheStatus.COALESCED):
            self.misses.add()


class TelemetryAttempt(Attempt):
    def __init__(self, counts: _Counts) -> None:
        self._counts = counts

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        return {}

    @override
    def end(self, record: AttemptRecord) -> None:
        self._counts.attempted(record)


class TelemetryObservation(Observation):
    def __init__(self, counts: _Counts) -> None:
        self._counts = counts

    @override
    def attempt(self, endpoint: Endpoint) -> Attempt:
        self._counts.calls.add(endpoint.id.provider)
        return TelemetryAttempt(self._counts)

    @override
    def end(self, record: RequestRecord) -> None:
        self._counts.ended(record)


class TelemetryObserver(Observer, TrafficMeter, QueueMeter):
    def __init__(self, instruments: Instruments) -> None:
        self._counts = _Counts(instruments)
        self._active = 0
        self._http_duration = instruments.histogram(catalogue.HTTP_DURATION)
        self._queue_wait = instruments.histogram(catalogue.QUEUE_WAIT)
        instruments.watch(catalogue.HTTP_ACTIVE, lambda: [((), self._active)])

    @override
    def begin(self, request: RequestId, headers: Mapping[str, str]) -> Observation:
        return TelemetryObservation(self._counts)

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
