"""What the real Gemini refuses of a request, by model, so that the scripted one refuses it too."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any, Final

from msgspec import Struct

# As the vendor's pages had it in November 2026. Redirected names and aliases follow the rules of their target.
_TARGETS: Final = {
    "gemini-flash-latest": "gemini-3.8-flash",
    "gemini-flash-lite-latest": "gemini-3.5-flash-lite",
    "gemini-pro-latest": "gemini-3.1-pro-preview",
    "gemini-3.7-flash": "gemini-3.8-flash",
    "gemini-3.5-flash": "gemini-3.6-flash",
}
_MODEL: Final = re.compile(r"/models/(?P<model>[^/:]+):(?:stream)?[gG]enerateContent")
_ANY: Final = range(-1, 65_537)


class Rules(Struct, frozen=True):
    """The levels and the budgets of thinking that a model takes; -1 is a budget of the model's own choice."""

    levels: frozenset[str] = frozenset()
    budgets: frozenset[int] | range = frozenset()


_THREE: Final = frozenset({"LOW", "MEDIUM", "HIGH"})
_FOUR: Final = _THREE | {"MINIMAL"}
_RULES: Final = (
    ("gemini-4-neon", Rules(_THREE | {"XHIGH"})),
    ("gemini-4-hydrogen", Rules(_THREE | {"XHIGH"})),
    ("gemini-4-*", Rules(_THREE)),
    ("gemini-3.8-flash", Rules(_THREE, _ANY)),
    ("gemini-3.6-flash", Rules(_FOUR, _ANY)),
    ("gemini-3.5-flash-lite", Rules(_FOUR, range(1, 65_537))),
    ("gemini-3.1-flash-lite", Rules(_FOUR, _ANY)),
    ("gemini-3-flash-preview", Rules(_FOUR, _ANY)),
    ("gemini-3.1-pro-preview*", Rules(_THREE, range(1, 65_537))),
    ("gemini-2.5-pro", Rules(budgets=frozenset({-1, *range(128, 32_769)}))),
    ("gemini-2.5-flash-lite", Rules(budgets=frozenset({-1, 0, *range(512, 24_577)}))),
    ("gemini-2.5-flash", Rules(budgets=range(-1, 24_577))),
    ("gemini-2.0-*", Rules()),
    ("gemma-*", Rules()),
)


def objection(path: str, content: bytes) -> str | None:
    """The vendor's words for what it refuses, or None. A model that is not in the table refuses nothing."""
    asked = _MODEL.search(path)
    if asked is None:
        return None
    model = _TARGETS.get(asked["model"], asked["model"])
    rules = next((rules for pattern, rules in _RULES if fnmatchcase(model, pattern)), None)
    body: Any = json.loads(content)
    config = body.get("generationConfig", {}).get("thinkingConfig")
    if rules is None or config is None:
        return None
    level = config.get("thinkingLevel", config.get("thinking_level"))
    budget = config.get("thinkingBudget", config.get("thinking_budget"))
    return _thinking(rules, level, budget)


def _thinking(rules: Rules, level: str | None, budget: int | None) -> str | None:
    if not rules.levels and not rules.budgets:
        return "Thinking is not enabled for this model."
    if level is not None and budget is not None:
        return "You can only set only one of thinking budget and thinking level."
    if level is not None and level.upper() not in rules.levels:
        return (
            f"Thinking level {level.upper()} is not supported for this model. Please retry with other thinking level."
        )
    if budget is not None and budget not in rules.budgets:
        return "The thinking budget is invalid. Please choose another thinking budget for this model."
    return None
