"""Families of samples, as a scrape reads them: what one process has, what several have together, and their text."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct, msgpack
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as PrometheusMetric
from typing_extensions import override

from .catalogue import CATALOGUE

Series: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name and its labels."""

_WORST = frozenset(metric.name for metric in CATALOGUE if metric.worst)


class MetricFamily(Struct, frozen=True, array_like=True):
    """`kind` is Prometheus's. `name` is without the `_total` of a counter, as Prometheus's own library has it."""

    name: str
    kind: str
    description: str
    samples: dict[Series, float]


_decoder = msgpack.Decoder(list[MetricFamily])


def read_families(registry: CollectorRegistry) -> list[MetricFamily]:
    """What a registry has now."""
    return [
        MetricFamily(
            family.name,
            family.type,
            family.documentation,
            {(sample.name, tuple(sample.labels.items())): sample.value for sample in family.samples},
        )
        for family in registry.collect()
    ]


def encode_families(families: Iterable[MetricFamily]) -> bytes:
    return msgpack.encode(list(families))


def decode_families(data: bytes) -> list[MetricFamily]:
    """Raises `msgspec.MsgspecError` for what `encode_families` did not make."""
    return _decoder.decode(data)


def counted(families: Iterable[MetricFamily]) -> list[MetricFamily]:
    """Without the gauges: what stays true of a process that is gone."""
    return [family for family in families if family.kind != "gauge"]


def merge_families(processes: Iterable[Sequence[MetricFamily]]) -> list[MetricFamily]:
    """The sum of every series, or the largest value where the catalogue says `worst`."""
    merged: dict[str, MetricFamily] = {}
    for families in processes:
        for family in families:
            known = merged.setdefault(family.name, MetricFamily(family.name, family.kind, family.description, {}))
            for series, value in family.samples.items():
                before = known.samples.get(series)
                if before is None:
                    known.samples[series] = value
                else:
                    known.samples[series] = max(before, value) if family.name in _WORST else before + value
    return list(merged.values())


def render_families(families: Iterable[MetricFamily]) -> bytes:
    """Prometheus's text. Call it in a thread."""
    return generate_latest(_Collected(families))


class _Collected(CollectorRegistry):
    """Just enough of a registry for Prometheus's own writer."""

    def __init__(self, families: Iterable[MetricFamily]) -> None:
        super().__init__()
        self._families = families

    @override
    def collect(self) -> Iterator[PrometheusMetric]:
        for family in self._families:
            metric = PrometheusMetric(family.name, family.description, family.kind)
            for (name, labels), value in family.samples.items():
                metric.add_sample(name, dict(labels), value)
            yield metric
