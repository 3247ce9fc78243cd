"""The observer over OpenTelemetry: every label from a closed set, nothing that a client can invent."""

from collections.abc import Mapping

from typing_extensions import override

from llm_gateway.application.ports import Attempt, Observation, Observer, RequestId, TrafficMeter
from llm_gateway.application.records import CacheStatus, RequestRecord
from llm_gateway.domain.routing import Endpoint, Task

from .instruments import Instruments

_OPERATIONS = {Task.CHAT: "chat", Task.EMBED: "embeddings"}
_METHODS = frozenset(("GET", "HEAD", "POST", "OPTIONS"))


class TelemetryAttempt(Attempt):
    def __init__(self, instruments: Instruments, endpoint: Endpoint) -> None:
        self._instruments = instruments
        self._provider = endpoint.id.provider
        instruments.provider_calls.add(provider=self._provider)

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        return {}

    @override
    def end(self, outcome: BaseException | None) -> None:
        if isinstance(outcome, Exception):
            self._instruments.provider_failures.add(provider=self._provider)


class TelemetryObservation(Observation):
    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    @override
    def attempt(self, endpoint: Endpoint) -> Attempt:
        return TelemetryAttempt(self._instruments, endpoint)

    @override
    def end(self, record: RequestRecord) -> None:
        instruments = self._instruments
        instruments.requests.add(outcome="left" if record.left else record.error or "answered")
        if record.admitted is not None:
            (instruments.allowed if record.admitted else instruments.blocked).add()
        match record.cache:
            case CacheStatus.HIT:
                instruments.cache_hits.add()
            case CacheStatus.MISS | CacheStatus.COALESCED:
                instruments.cache_misses.add()
                self._provider_answered(record)
            case CacheStatus.BYPASS:
                self._provider_answered(record)

    def _provider_answered(self, record: RequestRecord) -> None:
        if record.endpoint is None:
            return
        instruments = self._instruments
        labels = {
            "gen_ai.operation.name": _OPERATIONS[record.task],
            "gen_ai.provider.name": record.endpoint.provider,
            "gen_ai.request.model": record.endpoint.model,
        }
        instruments.operation_duration.record(record.seconds, labels)
        if record.cache is CacheStatus.COALESCED or record.usage is None:
            return
        prompt, completion = record.usage.prompt_tokens, record.usage.completion_tokens
        instruments.tokens.record(prompt, labels | {"gen_ai.token.type": "input"})
        if record.task is Task.EMBED:
            return
        instruments.tokens.record(completion, labels | {"gen_ai.token.type": "output"})
        if record.streamed and record.first_event_seconds is not None:
            instruments.first_token.record(record.first_event_seconds, labels)
            if completion > 1:
                rest = record.seconds - record.first_event_seconds
                instruments.per_token.record(rest / (completion - 1), labels)


class TelemetryObserver(Observer, TrafficMeter):
    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    @override
    def begin(self, request: RequestId, headers: Mapping[str, str]) -> Observation:
        return TelemetryObservation(self._instruments)

    @override
    def began(self) -> None:
        self._instruments.active.add(1)

    @override
    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        self._instruments.active.add(-1)
        labels: dict[str, str | int] = {
            "http.request.method": method if method in _METHODS else "_OTHER",
            "http.route": route,
            "http.response.status_code": status,
        }
        self._instruments.http_duration.record(seconds, labels)
