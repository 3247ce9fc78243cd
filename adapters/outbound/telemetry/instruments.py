"""The instruments of the catalogue, on a meter provider of their own, and the families that a scrape reads."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from opentelemetry.context import Context
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.metrics import Histogram as Instrument
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from .catalogue import CATALOGUE, Kind, Metric
from .families import MetricFamily, read_families
from .gathered import Amounts, GatheredHistogramAggregation
from .latest_catalogue import LATEST_CATALOGUE

LabelValues: TypeAlias = tuple[str, ...]
Watch: TypeAlias = Callable[[], Iterable[tuple[LabelValues, float]]]
"""Values by labels, both as the metric has them in the catalogue; called in a thread, at a scrape."""

_NO_CONTEXT = Context({"gateway": None})
"""Not empty: in the place of an empty one OpenTelemetry looks up the context around it, for half of a record's cost."""
_GATHERED = 64


class Tally:
    """Plain counts by labels, read when Prometheus scrapes: thirty times cheaper than an instrument's `add`."""

    def __init__(self) -> None:
        self.counts: defaultdict[LabelValues, float] = defaultdict(int)

    def add(self, *labels: str, amount: float = 1) -> None:
        self.counts[labels] += amount

    def read(self) -> Iterable[tuple[LabelValues, float]]:
        return tuple(self.counts.items())


class Histogram:
    """OpenTelemetry's, with the labels as the catalogue has them.

    Amounts are recorded 64 at a time, at the latest when a scrape reads, and all that have the same labels as one
    measurement: what OpenTelemetry does for each measurement costs ten times of what it does for each amount.
    """

    def __init__(self, instrument: Instrument, attributes: tuple[str, ...]) -> None:
        self._instrument = instrument
        self._names = attributes
        self._pending: deque[tuple[float, LabelValues]] = deque()

    def record(self, amount: float, *labels: str) -> None:
        self._pending.append((amount, labels))
        if len(self._pending) >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """From any thread."""
        gathered: dict[LabelValues, list[float]] = {}
        for _ in range(len(self._pending)):
            try:
                amount, labels = self._pending.popleft()
            except IndexError:  # another thread was here
                break
            gathered.setdefault(labels, []).append(amount)
        for labels, amounts in gathered.items():
            self._instrument.record(Amounts(amounts), dict(zip(self._names, labels, strict=True)), _NO_CONTEXT)


class Instruments:
    """One set a gateway, on a registry of its own: two gateways in a process don't meet.

    A counter counts in its `Tally`, a histogram records, and whatever is watched is read at a scrape. A metric that
    was not asked for is not there.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=self._registry)
        self._provider = MeterProvider(
            [reader],
            resource=Resource.get_empty(),
            exemplar_filter=AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
            views=[_view(metric) for metric in (*CATALOGUE, *LATEST_CATALOGUE) if metric.bounds],
        )
        self._provider._disabled = False  # it reads OTEL_SDK_DISABLED: the settings alone say what the gateway does
        self._meter = self._provider.get_meter("llm_gateway")
        self._histograms: list[Histogram] = []

    def counter(self, metric: Metric) -> Tally:
        """Once for each metric."""
        tally = Tally()
        if not metric.attributes:
            tally.counts[()] = 0  # there before the first event, so that the first one is an increase
        self.watch(metric, tally.read)
        return tally

    def histogram(self, metric: Metric) -> Histogram:
        """Once for each metric."""
        instrument = self._meter.create_histogram(metric.instrument, unit=metric.unit, description=metric.description)
        histogram = Histogram(instrument, metric.attributes)
        self._histograms.append(histogram)
        return histogram

    def watch(self, metric: Metric, read: Watch) -> None:
        """Ask for a gauge's or a counter's values at every scrape. Once for each metric."""
        create = (
            self._meter.create_observable_counter
            if metric.kind is Kind.COUNTER
            else self._meter.create_observable_gauge
        )
        create(metric.instrument, [_callback(metric, read)], unit=metric.unit, description=metric.description)

    def read(self) -> list[MetricFamily]:
        """Takes tens of milliseconds where there are many series: call it in a thread."""
        for histogram in self._histograms:
            histogram.flush()
        return read_families(self._registry)

    def close(self) -> None:
        self._provider.shutdown()


def _view(metric: Metric) -> View:
    """Without the least and the largest amount, which Prometheus's text has no place for."""
    return View(
        instrument_name=metric.instrument,
        aggregation=GatheredHistogramAggregation(metric.bounds, record_min_max=False),
    )


def _callback(metric: Metric, read: Watch) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, dict(zip(metric.attributes, labels, strict=True))) for labels, value in read()]

    return observe
