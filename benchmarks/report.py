"""What a run found: medians, ratios to the floor, and whether the run counts."""

import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from msgspec import Struct, field
from servers import FLOOR

BARE = "bare/32"
BARE_US = 40.0
"""What every CPU time is normalised to: the bare app's is this."""
FLOORS = ("hit/floor/32", "miss/ollama/floor/32", "miss/gemini/floor/32")
GROWN = 1.25
MOST_SPREAD = 0.2
_CPU = ("bare/", "hit/", "miss/", "chunk/", "conversation/")


class Report(Struct, frozen=True, kw_only=True):
    """`figures` are medians: CPU µs where the bare app takes 40, and seconds, ms, MiB and ratios as they are.

    `measured` is the day of the run. `ratios` are medians of each round's ratio to the floor. `spread` is the floor's
    largest, (max - min) ÷ median.
    """

    measured: date | None = None
    python: str
    rounds: int
    requests: int
    bare_us: float = 0.0
    spread: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        return self.spread is not None and self.spread <= MOST_SPREAD


class Samples:
    """Of each figure one a round."""

    def __init__(self) -> None:
        self._samples: dict[str, list[float]] = {}

    def add(self, found: Mapping[str, float]) -> None:
        for name, value in found.items():
            self._samples.setdefault(name, []).append(value)

    def report(self, python: str, rounds: int, requests: int) -> Report:
        bare = self._samples.get(BARE, [])
        figures = {
            name: statistics.median(_by_round(values, bare, BARE_US) if name.startswith(_CPU) else values)
            for name, values in self._samples.items()
        }
        ratios = {
            name: statistics.median(_by_round(values, self._samples[floor]))
            for name, values in self._samples.items()
            if (floor := floor_of(name)) in self._samples and name != floor
        }
        floors = [self._samples[name] for name in FLOORS if name in self._samples]
        spread = max(((max(one) - min(one)) / statistics.median(one) for one in floors), default=None)
        return Report(
            measured=datetime.now(UTC).date(),
            python=python,
            rounds=rounds,
            requests=requests,
            bare_us=statistics.median(bare) if bare else 0.0,
            spread=spread,
            figures=figures,
            ratios=ratios,
        )


def floor_of(name: str) -> str | None:
    """The floor's figure that one is divided by: `miss/gemini/floor/32` for `miss/gemini/rest/32`."""
    match name.split("/"):
        case ["hit", _, together]:
            return f"hit/{FLOOR}/{together}"
        case ["miss" | "conversation" as kind, vendor, _, last]:
            return f"{kind}/{vendor}/{FLOOR}/{last}"
    return None


def grown(now: Report, before: Report) -> Mapping[str, str]:
    """A line for each ratio that has grown by a quarter, by its name."""
    return {
        name: f"{name}: {ratio:.2f} times the floor's, {before.ratios[name]:.2f} before"
        for name, ratio in now.ratios.items()
        if name in before.ratios and ratio > before.ratios[name] * GROWN
    }


def _by_round(values: Sequence[float], base: Sequence[float], unit: float = 1.0) -> Sequence[float]:
    return [unit * value / one for value, one in zip(values, base, strict=True)]
