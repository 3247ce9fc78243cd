"""The catalogue of metrics: each named once, each label explained, and the documentation made from it."""

from pathlib import Path

from llm_gateway.adapters.outbound.telemetry.catalogue import CATALOGUE, LABELS, Kind
from llm_gateway.adapters.outbound.telemetry.latest_catalogue import LATEST_CATALOGUE
from llm_gateway.adapters.outbound.telemetry.reference import metrics_reference

METRICS = (*CATALOGUE, *LATEST_CATALOGUE)
ROOT = Path(__file__).parents[3]


def test_the_documentation_is_what_the_catalogue_says() -> None:
    assert (ROOT / "docs/metrics.md").read_text() == metrics_reference()


def test_each_metric_is_there_once_with_labels_that_are_explained() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert {label for metric in METRICS for label in metric.labels} == set(LABELS)


def test_bounds_rise_and_belong_to_histograms_alone() -> None:
    for metric in METRICS:
        assert bool(metric.bounds) is (metric.kind is Kind.HISTOGRAM), metric.name
        assert list(metric.bounds) == sorted(set(metric.bounds)), metric.name
