"""What each family of Gemini models takes, as data: how its thinking is asked for, and which features it honours."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from google.genai.types import ThinkingConfig, ThinkingLevel
from msgspec import Struct

from llm_gateway.domain.chat import ReasoningEffort
from llm_gateway.domain.parameters import features_of
from llm_gateway.domain.routing import Feature, Task

from .places import PENALTIES, PLAIN, RICH, THINKING, TOP_K

SEED_BITS: Final = 32
SEED_RANGE: Final = range(-(2 ** (SEED_BITS - 1)), 2 ** (SEED_BITS - 1))

ThinkingLevels: TypeAlias = Mapping[ReasoningEffort, ThinkingLevel]
Budgets: TypeAlias = Mapping[ReasoningEffort, int]


class GeminiFamily(Struct, frozen=True, kw_only=True):
    """At most one of `levels` and `budgets`: a request with both is answered with 400. Neither: no thinking asked for.

    Both map every effort; `none` is the family's lowest, as some can't stop thinking. `default_temperature`: whether a
    temperature that no client stated is sent. From Gemini 3 on the vendor advises against any but the model's own, and
    later models have no sampling.
    """

    features: frozenset[Feature]
    levels: ThinkingLevels | None = None
    budgets: Budgets | None = None
    default_temperature: bool = False

    def thinking(self, effort: ReasoningEffort | None) -> ThinkingConfig | None:
        """Without an effort the lowest, as thoughts count against `max_tokens`; summaries only for an explicit one."""
        asked = effort or ReasoningEffort.NONE
        summaries = None if asked is ReasoningEffort.NONE else True
        if self.levels is not None:
            return ThinkingConfig(thinking_level=self.levels[asked], include_thoughts=summaries)
        if self.budgets is not None:
            return ThinkingConfig(thinking_budget=self.budgets[asked], include_thoughts=summaries)
        return None


def _levels(*ascending: ThinkingLevel) -> ThinkingLevels:
    none, minimal, low, medium, high = ascending
    return {
        ReasoningEffort.NONE: none,
        ReasoningEffort.MINIMAL: minimal,
        ReasoningEffort.LOW: low,
        ReasoningEffort.MEDIUM: medium,
        ReasoningEffort.HIGH: high,
    }


def _budgets(lowest: int) -> Budgets:
    """The tokens that the vendor's own OpenAI-compatible API gives each effort."""
    return {
        ReasoningEffort.NONE: lowest,
        ReasoningEffort.MINIMAL: 1_024,
        ReasoningEffort.LOW: 1_024,
        ReasoningEffort.MEDIUM: 8_192,
        ReasoningEffort.HIGH: 24_576,
    }


_MINIMAL, _LOW, _MEDIUM, _HIGH = (
    ThinkingLevel.MINIMAL,
    ThinkingLevel.LOW,
    ThinkingLevel.MEDIUM,
    ThinkingLevel.HIGH,
)
_PLAIN = features_of(PLAIN)
_RICH = features_of({**PLAIN, **RICH})
_THINKING = features_of({**PLAIN, **RICH, **THINKING})
# Gemini has refused penalties with 400 since 2.5, whatever its reference says (google-gemini/cookbook #1290).
_UNTHINKING = features_of({**PLAIN, **RICH, **TOP_K, **PENALTIES})
# Gemini takes `topK` without effect since 3.5 Flash-Lite (API changelog, 21 July 2026); an alias may mean such a model.
_RANKING = features_of({**PLAIN, **RICH, **TOP_K, **THINKING})

_FROM_MINIMAL = _levels(_MINIMAL, _MINIMAL, _LOW, _MEDIUM, _HIGH)
_FROM_LOW = _levels(_LOW, _LOW, _LOW, _MEDIUM, _HIGH)

FAMILIES: Final[tuple[tuple[str, GeminiFamily], ...]] = (
    ("gemini-1.*", GeminiFamily(features=_UNTHINKING, default_temperature=True)),
    ("gemini-2.0*", GeminiFamily(features=_UNTHINKING, default_temperature=True)),
    (
        "gemini-2.5-pro*",
        GeminiFamily(features=_RANKING, budgets=_budgets(128), default_temperature=True),
    ),  # always thinks
    ("gemini-2.5*", GeminiFamily(features=_RANKING, budgets=_budgets(0), default_temperature=True)),
    ("gemini-robotics*", GeminiFamily(features=_RICH)),
    ("gemini-3-pro*", GeminiFamily(features=_RANKING, levels=_levels(_LOW, _LOW, _LOW, _HIGH, _HIGH))),
    ("gemini-3-flash*", GeminiFamily(features=_RANKING, levels=_FROM_MINIMAL)),
    ("gemini-3.1-flash-lite*", GeminiFamily(features=_RANKING, levels=_FROM_MINIMAL)),
    ("gemini-3.1-*", GeminiFamily(features=_RANKING, levels=_FROM_LOW)),
    ("gemini-3.5-flash*", GeminiFamily(features=_THINKING, levels=_FROM_MINIMAL)),
    ("gemini-3.6-flash*", GeminiFamily(features=_THINKING, levels=_FROM_MINIMAL)),
    ("gemini-*", GeminiFamily(features=_THINKING, levels=_FROM_LOW)),
    ("*", GeminiFamily(features=_PLAIN, default_temperature=True)),  # open models served beside Gemini
)
"""The first pattern that fits counts. What is newer than this table, or an alias, which moves without notice, is taken
for a Gemini that thinks by level and has none below LOW, as 3.1 Pro, 3.7 and 3.8 Flash and Gemini 4.
"""

NOT_FOR_CHAT: Final = ("-tts", "-image", "-audio", "-live", "computer-use")
"""Parts of the names of models that answer otherwise than in text, or only with tools of the vendor's."""


def family_of(model: str) -> GeminiFamily:
    return next(family for pattern, family in FAMILIES if fnmatchcase(model, pattern))


def tasks_of(model: str) -> frozenset[Task]:
    """What a model of this name can be asked for, as far as names say."""
    if "embedding" in model:
        return frozenset({Task.EMBED})
    return frozenset() if any(part in model for part in NOT_FOR_CHAT) else frozenset({Task.CHAT})
