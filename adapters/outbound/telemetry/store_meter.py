"""What shared stores are asked, and how quotas are kept, over OpenTelemetry's instruments."""

from collections.abc import Iterable

from typing_extensions import override

from llm_gateway.application.ports.observation import StoreMeter
from llm_gateway.domain.quota import LimiterMode

from . import catalogue
from .instruments import Instruments


class TelemetryStoreMeter(StoreMeter):
    def __init__(self, instruments: Instruments) -> None:
        self._duration = instruments.histogram(catalogue.REDIS_DURATION)
        self._failures = instruments.counter(catalogue.REDIS_FAILURES)
        self._usable: dict[str, bool] = {}
        instruments.watch(catalogue.REDIS_UNUSABLE, self._stores)
        self._mode: LimiterMode | None = None
        instruments.watch(catalogue.LIMITER_MODE, self._modes)

    @override
    def called(self, operation: str, seconds: float, failed: bool) -> None:
        self._duration.record(seconds, operation)
        if failed:
            self._failures.add(operation)

    @override
    def usable(self, store: str, usable: bool) -> None:
        self._usable[store] = usable

    @override
    def limiter(self, mode: LimiterMode) -> None:
        self._mode = mode

    def _stores(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((store,), float(not usable)) for store, usable in self._usable.items()]

    def _modes(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """Nothing where nothing is shared, or before the first charge."""
        if self._mode is None:
            return []
        names = {mode: "shared" if mode is LimiterMode.EXACT else mode.value for mode in LimiterMode}
        return [((name,), float(mode is self._mode)) for mode, name in names.items()]
