"""PromQL as the dashboards need it: of the jobs that `$job` names, summed over their instances.

Several metrics in the place of one are its names by several conventions, of which an instance has one.
"""

_JOBS = 'job=~"$job"'


def rate(metric: str | tuple[str, ...], *by: str, where: str = "") -> str:
    """A counter's growth a second."""
    names = (metric,) if isinstance(metric, str) else metric
    return f"sum{_by(by)}({' or '.join(f'rate({name}{_selected(where)}[$__rate_interval])' for name in names)})"


def grown(metric: str, *by: str, where: str = "") -> str:
    """A counter's growth over the time that the dashboard shows."""
    return f"sum{_by(by)}(increase({metric}{_selected(where)}[$__range]))"


def total(metric: str, *by: str, where: str = "") -> str:
    return f"sum{_by(by)}({metric}{_selected(where)})"


def largest(metric: str, *by: str) -> str:
    return f"max{_by(by)}({metric}{_selected()})"


def quantile(fraction: float, histogram: str | tuple[str, ...], *by: str, where: str = "") -> str:
    """What so large a part of a histogram's observations stays below."""
    return f"histogram_quantile({fraction}, {rate(series(histogram, 'bucket'), *by, 'le', where=where)})"


def series(histogram: str | tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Those of a histogram that Prometheus calls `bucket`, `count` or `sum`."""
    return tuple(f"{name}_{kind}" for name in ((histogram,) if isinstance(histogram, str) else histogram))


def spread(histogram: str) -> dict[str, str]:
    """Median, 95th and 99th percentile, by their legends."""
    return {f"p{percent}": quantile(percent / 100, histogram) for percent in (50, 95, 99)}


def share(part: str, whole: str) -> str:
    """A part of a whole with the same labels; a part that was never counted is none of it."""
    return f"({part} or 0 * {whole}) / {whole}"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""


def _selected(where: str = "") -> str:
    return f"{{{_JOBS}, {where}}}" if where else f"{{{_JOBS}}}"
