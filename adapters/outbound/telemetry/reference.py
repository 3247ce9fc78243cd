"""The page of all metrics, from the catalogue."""

from .catalogue import CATALOGUE, LABELS, Kind

_HEAD = """\
# Metrics

At `/metrics`, as Prometheus text. Every label has its values from a closed set: nothing that a client can invent. With
several workers every one of them tells the totals of all. Made from
`adapters/outbound/telemetry/catalogue.py` by `just generate`.
"""


def metrics_reference() -> str:
    """Every metric with its kind, its labels and its meaning, then what each label can say."""
    lines = [_HEAD, "| metric | kind | labels | what |", "|---|---|---|---|"]
    for metric in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        among = "; of several workers the largest" if metric.worst and metric.kind is Kind.GAUGE else ""
        lines.append(f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.description}{among} |")
    lines += ["", "| label | values |", "|---|---|", *(f"| `{label}` | {values} |" for label, values in LABELS.items())]
    lines += ["", "A histogram has the series `_bucket`, with `le`, and `_sum` and `_count`. Its bounds:", ""]
    lines += [
        f"- `{metric.name}`: {', '.join(f'{bound:.10g}' for bound in metric.bounds)}"
        for metric in CATALOGUE
        if metric.kind is Kind.HISTOGRAM
    ]
    return "\n".join(lines) + "\n"
