"""Several amounts as one measurement of OpenTelemetry's, whose own histogram then takes each of them."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation
from typing_extensions import override


class Amounts(float):
    """What one measurement holds. As a number it says nothing, so that OpenTelemetry lets it pass."""

    amounts: Sequence[float]

    def __new__(cls, amounts: Sequence[float]) -> "Amounts":
        made = super().__new__(cls)
        made.amounts = amounts
        return made


class GatheredHistogramAggregation(ExplicitBucketHistogramAggregation):
    """OpenTelemetry's explicit buckets, for an instrument that records nothing but `Amounts`, and no exemplars."""

    @override
    def _create_aggregation(self, *args: Any, **kwargs: Any) -> Any:
        histogram: Any = super()._create_aggregation(*args, **kwargs)
        histogram.aggregate = partial(_each, histogram.aggregate)
        return histogram


class _Amount(Struct):
    """All that a histogram without exemplars reads of a measurement."""

    value: float


def _each(aggregate: Callable[[_Amount, bool], None], measurement: Any, _: bool = False) -> None:
    """What is negative or no number is left out, as OpenTelemetry does with a measurement."""
    for amount in measurement.value.amounts:
        if 0 <= amount < math.inf:
            aggregate(_Amount(amount), False)
