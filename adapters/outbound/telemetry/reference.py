"""The page of all metrics, from the catalogue."""

from collections.abc import Iterable, Iterator

from .catalogue import CATALOGUE, LABELS, Kind, Metric
from .latest_catalogue import LATEST_CATALOGUE, RENAMED

_HEAD = """\
# Metrics

At `/metrics`, as Prometheus text. Every label has its values from a closed set: nothing that a client can invent. With
several workers every one of them tells the totals of all. Made from
`adapters/outbound/telemetry/catalogue.py` by `just generate`.
"""


_LATEST = f"""\
## By the conventions' v0.1.0

With `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental` these are there in the place of
{", ".join(f"`{metric.name}`" for metric in RENAMED)}. Tokens that the gateway estimates are none of theirs.
"""


def metrics_reference() -> str:
    """Every metric with its kind, its labels and its meaning, then what each label can say."""
    lines = [_HEAD, *_table(CATALOGUE), "", _LATEST, *_table(LATEST_CATALOGUE)]
    lines += ["", "## Labels", "", "| label | values |", "|---|---|"]
    lines += [f"| `{label}` | {values} |" for label, values in LABELS.items()]
    lines += [
        "",
        "## Bounds",
        "",
        "A histogram has the series `_bucket`, with `le`, and `_sum` and `_count`. Its bounds:",
        "",
    ]
    lines += [
        f"- `{metric.name}`: {', '.join(f'{bound:.10g}' for bound in metric.bounds)}"
        for metric in (*CATALOGUE, *LATEST_CATALOGUE)
        if metric.kind is Kind.HISTOGRAM
    ]
    return "\n".join(lines) + "\n"


def _table(metrics: Iterable[Metric]) -> Iterator[str]:
    yield from ("| metric | kind | labels | what |", "|---|---|---|---|")
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        among = "; of several workers the largest" if metric.worst and metric.kind is Kind.GAUGE else ""
        yield f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.description}{among} |"
