"""An observer that keeps nothing: for tests, and where the telemetry extra is not installed."""

from collections.abc import Mapping

from typing_extensions import override

from llm_gateway.application.ports.observation import (
    CallObservation,
    Observation,
    Observer,
    QueueMeter,
    StoreMeter,
    TrafficMeter,
)
from llm_gateway.application.records import AttemptRecord, RequestId, RequestRecord
from llm_gateway.domain.quota import LimiterMode
from llm_gateway.domain.routing import Endpoint, Task


class SilentCallObservation(CallObservation):
    headers: Mapping[str, str] = {}

    @override
    def end(self, record: AttemptRecord) -> None:
        """Nothing is kept."""


class SilentObservation(Observation):
    @override
    def attempt(self, endpoint: Endpoint) -> CallObservation:
        return SilentCallObservation()

    @override
    def end(self, record: RequestRecord) -> None:
        """Nothing is kept."""


class SilentObserver(Observer, TrafficMeter, QueueMeter):
    """An observer and a meter that keep nothing."""

    @override
    def begin(self, request: RequestId, headers: Mapping[str, str], task: Task = Task.CHAT) -> Observation:
        return SilentObservation()

    @override
    def began(self) -> None:
        """Nothing is kept."""

    @override
    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """Nothing is kept."""

    @override
    def waited(self, provider: str, seconds: float) -> None:
        """Nothing is kept."""


class SilentStoreMeter(StoreMeter):
    @override
    def called(self, operation: str, seconds: float, failed: bool) -> None:
        """Nothing is kept."""

    @override
    def usable(self, store: str, usable: bool) -> None:
        """Nothing is kept."""

    @override
    def limiter(self, mode: LimiterMode) -> None:
        """Nothing is kept."""
