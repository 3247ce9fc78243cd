"""What Gemini's models take: the vendor's data file, and what follows from a model's facts for its requests."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from msgspec import Struct, toml

from llm_gateway.application.model_facts import ModelFacts, ModelFile, ModelTable
from llm_gateway.domain.chat import ChatRequest, ReasoningEffort
from llm_gateway.domain.features import numbers_sent
from llm_gateway.domain.parameters import Place, features_of, left_out_of
from llm_gateway.domain.routing import Feature

from .media import Json
from .places import places_of, without_effect

FILE: Final = toml.decode(files(__package__).joinpath("models.toml").read_bytes(), type=ModelFile)

_BUDGETS: Final = {
    ReasoningEffort.NONE: 0,
    ReasoningEffort.MINIMAL: 1_024,
    ReasoningEffort.LOW: 1_024,
    ReasoningEffort.MEDIUM: 8_192,
    ReasoningEffort.HIGH: 24_576,
    ReasoningEffort.XHIGH: 24_576,
}
"""Tokens, as the vendor's own OpenAI-compatible API takes each effort."""
_ASCENDING: Final = tuple(ReasoningEffort)


class GeminiModel(Struct, frozen=True, kw_only=True):
    """A model's facts, and what follows from them. `numbers` gives what a request states of those that it takes."""

    facts: ModelFacts
    places: Mapping[str, Place]
    features: frozenset[Feature]
    left_out: frozenset[str]
    numbers: Callable[[ChatRequest], dict[str, Any]]

    def thinking(self, effort: ReasoningEffort | None) -> Json | None:
        """A level or a budget, never both, which is refused; None for a model that takes neither.

        Without an effort the lowest, as thoughts count against `max_tokens`; summaries only for an explicit one.
        """
        asked = effort or ReasoningEffort.NONE
        summaries: Json = {} if asked is ReasoningEffort.NONE else {"includeThoughts": True}
        off = effort is ReasoningEffort.NONE and self.facts.reasoning_off
        if self.facts.levels and not off:
            return {"thinkingLevel": _nearest(self.facts.levels, asked).name} | summaries
        if off or self.facts.budget:
            return {"thinkingBudget": self._budget(asked)} | summaries
        return None

    def _budget(self, effort: ReasoningEffort) -> int:
        least, most = self.facts.budget or (0, 0)
        if effort is ReasoningEffort.NONE and self.facts.reasoning_off:
            return 0
        return min(max(_BUDGETS[effort], least), most)


class GeminiModels:
    """Every model by its name, at a time. An operator's `own` rows count before the file's."""

    def __init__(self, own: Sequence[ModelFacts] = ()) -> None:
        self.table = ModelTable(FILE, own)

    def of(self, model: str, now: float) -> GeminiModel:
        """`now` in Unix seconds, as vendors replace models on a day."""
        return model_of(self.table.of(model, now))


PACKAGED: Final = GeminiModels()


@lru_cache(1_024)
def model_of(facts: ModelFacts) -> GeminiModel:
    """What follows from the facts."""
    places = places_of(facts)
    return GeminiModel(
        facts=facts,
        places=places,
        features=features_of(places),
        left_out=left_out_of(places, *without_effect(facts)),
        numbers=numbers_sent(places),
    )


def _nearest(levels: Sequence[ReasoningEffort], effort: ReasoningEffort) -> ReasoningEffort:
    """The lowest that is no lower than the effort, else the highest."""
    wanted = _ASCENDING.index(effort)
    return next((level for level in levels if _ASCENDING.index(level) >= wanted), levels[-1])
