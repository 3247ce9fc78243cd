"""What a run found: medians of its rounds, ratios to the floor, and whether the run counts."""

import statistics
from collections.abc import Callable, Mapping, Sequence
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


class Beside(Struct, frozen=True, kw_only=True):
    """`ratios` are medians of each round's ratio to the floor. `spread` is the floor's largest.

    That is (max - min) ÷ median.
    """

    ratios: Mapping[str, float] = field(default_factory=dict)
    spread: float | None = None


class Report(Beside, frozen=True, kw_only=True):
    """`figures` are medians: CPU µs where the bare app takes 40, and seconds, ms, MiB and ratios as they are.

    Of a round's slices the least is taken, which is what the work itself takes; `disturbed` is what comes out where it
    is their median, which tells of the machine too. `measured` is the day of the run.
    """

    measured: date | None = None
    python: str
    rounds: int
    requests: int
    bare_us: float = 0.0
    disturbed: Beside = Beside()
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        return self.spread is not None and self.spread <= MOST_SPREAD


class Samples:
    """Of each figure the slices of each round."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Sequence[float]]] = {}

    def add(self, found: Mapping[str, Sequence[float]]) -> None:
        for name, slices in found.items():
            self._samples.setdefault(name, []).append(slices)

    def report(self, python: str, rounds: int, requests: int) -> Report:
        least = self._rounds(min)
        beside, disturbed = _beside(least), _beside(self._rounds(statistics.median))
        bare = least.get(BARE, [])
        figures = {
            name: statistics.median(_by_round(values, bare, BARE_US) if name.startswith(_CPU) else values)
            for name, values in least.items()
        }
        return Report(
            measured=datetime.now(UTC).date(),
            python=python,
            rounds=rounds,
            requests=requests,
            bare_us=statistics.median(bare) if bare else 0.0,
            spread=beside.spread,
            disturbed=disturbed,
            figures=figures,
            ratios=beside.ratios,
        )

    def _rounds(self, one_of: Callable[[Sequence[float]], float]) -> Mapping[str, Sequence[float]]:
        return {name: [one_of(slices) for slices in rounds] for name, rounds in self._samples.items()}


def _beside(rounds: Mapping[str, Sequence[float]]) -> Beside:
    ratios = {
        name: statistics.median(_by_round(values, rounds[floor]))
        for name, values in rounds.items()
        if (floor := floor_of(name)) is not None and floor in rounds and name != floor
    }
    floors = [rounds[name] for name in FLOORS if name in rounds]
    spread = max(((max(one) - min(one)) / statistics.median(one) for one in floors), default=None)
    return Beside(ratios=ratios, spread=spread)


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
