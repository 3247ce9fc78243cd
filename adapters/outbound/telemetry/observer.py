"""The observer over OpenTelemetry's instruments: every label from a closed set, nothing that a client can invent."""

from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from llm_gateway.application.ports.observation import CallObservation, Observation, Observer, QueueMeter, TrafficMeter
from llm_gateway.application.records import AttemptRecord, CacheStatus, RequestId, RequestRecord
from llm_gateway.domain.errors import OutOfDescriptors
from llm_gateway.domain.routing import Endpoint, Task

from . import catalogue
from .conventions import OPERATIONS, PROVIDERS
from .instruments import Instruments

_NOT_THE_PROVIDERS = frozenset((OutOfDescriptors.__name__,))
_HIT: Final = CacheStatus.HIT
_METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS"))


class CallCounts(CallObservation):
    """Counts each call to a provider as it ends. One serves all calls, as nothing is kept of any."""

    headers: Mapping[str, str] = {}

    def __init__(self, instruments: Instruments) -> None:
        self._failures = instruments.counter(catalogue.PROVIDER_FAILURES)
        self._errors = instruments.counter(catalogue.PROVIDER_ERRORS)
        self._cost = instruments.counter(catalogue.COST)
        self._cost_unknown = instruments.counter(catalogue.COST_UNKNOWN)
        self._tokens_used = instruments.counter(catalogue.TOKENS_USED)
        self._duration = instruments.histogram(catalogue.OPERATION_DURATION)
        self._token_usage = instruments.histogram(catalogue.TOKEN_USAGE)
        self._first_token = instruments.histogram(catalogue.FIRST_TOKEN)
        self._per_token = instruments.histogram(catalogue.PER_TOKEN)

    @override
    def end(self, record: AttemptRecord) -> None:
        provider = record.endpoint.provider
        if record.error is not None and record.error not in _NOT_THE_PROVIDERS:
            self._failures.add(provider)
            status = "" if record.status is None else str(record.status)
            self._errors.add(provider, record.endpoint.model, status, record.reason_class or "")
        if record.microdollars is None:
            self._cost_unknown.add(provider, record.endpoint.model)
        elif record.microdollars:
            self._cost.add(provider, record.endpoint.model, amount=record.microdollars / 1_000_000)
        operation = OPERATIONS[record.task], PROVIDERS.get(provider, provider), record.endpoint.model
        self._duration.record(record.seconds, *operation, "left" if record.left else record.error or "")
        if record.streamed and record.first_event_seconds is not None:
            self._first_token.record(record.first_event_seconds, *operation)
        if record.usage is None:
            return
        usage = record.usage
        self._token_usage.record(usage.prompt_tokens, *operation, "input")
        self._tokens_used.add(provider, "prompt", amount=usage.prompt_tokens)
        if record.task is Task.EMBED:
            return
        self._token_usage.record(usage.completion_tokens, *operation, "output")
        if record.streamed and record.first_event_seconds is not None and usage.completion_tokens > 1:
            rest = record.seconds - record.first_event_seconds
            self._per_token.record(rest / (usage.completion_tokens - 1), *operation)
        self._tokens_used.add(provider, "completion", amount=usage.completion_tokens)
        self._tokens_used.add(provider, "reasoning", amount=usage.reasoning_tokens or 0)
        self._tokens_used.add(provider, "cached", amount=usage.cached_tokens or 0)


class RequestCounts(Observation):
    """Counts each request as it ends. One serves all requests, as nothing is kept of any."""

    def __init__(self, instruments: Instruments) -> None:
        self._requests = instruments.counter(catalogue.REQUESTS)
        self._allowed = instruments.counter(catalogue.ALLOWED)
        self._blocked = instruments.counter(catalogue.BLOCKED)
        self._hits = instruments.counter(catalogue.CACHE_HITS)
        self._misses = instruments.counter(catalogue.CACHE_MISSES)
        self._saved_tokens = instruments.counter(catalogue.SAVED_TOKENS)
        self._saved_seconds = instruments.counter(catalogue.SAVED_SECONDS)
        self._calls = instruments.counter(catalogue.PROVIDER_CALLS)
        self._call_counts = CallCounts(instruments)

    @override
    def attempt(self, endpoint: Endpoint) -> CallObservation:
        self._calls.add(endpoint.id.provider)
        return self._call_counts

    @override
    def end(self, record: RequestRecord) -> None:
        self._requests.add(record.outcome)
        if record.admitted is not None:
            (self._allowed if record.admitted else self._blocked).add()
        if record.cache is _HIT:
            self._hits.add()
            if record.usage is not None:
                self._saved_tokens.add(amount=record.usage.total_tokens)
            self._saved_seconds.add(amount=record.saved_seconds or 0.0)
        elif record.looked_up:
            self._misses.add()


class TelemetryObserver(Observer, TrafficMeter, QueueMeter):
    def __init__(self, instruments: Instruments) -> None:
        self._request_counts = RequestCounts(instruments)
        self._active = 0
        self._http_duration = instruments.histogram(catalogue.HTTP_DURATION)
        self._queue_wait = instruments.histogram(catalogue.QUEUE_WAIT)
        instruments.watch(catalogue.HTTP_ACTIVE, lambda: [((), self._active)])

    @override
    def begin(self, request: RequestId, headers: Mapping[str, str]) -> Observation:
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
