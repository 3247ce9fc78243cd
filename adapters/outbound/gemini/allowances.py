"""How many tokens each way to think is given beside the answer, where only the answer is to be bounded."""

from collections.abc import Mapping
from typing import Final

from google.genai.types import ThinkingConfig

LEVELS: Final[Mapping[str, int]] = {
    "MINIMAL": 1_024,
    "LOW": 4_096,
    "MEDIUM": 16_384,
    "HIGH": 32_768,
    "XHIGH": 65_024,
}
"""By level. The vendor gives no numbers: each is about twice what it gives the same effort as a budget, as levels bound
nothing, and the highest with the native default is all that one request may generate. 28 November 2026.
"""
_OWN_CHOICE: Final = -1


def allowance_of(thinking: ThinkingConfig | None) -> int:
    """Tokens, which count against `maxOutputTokens`. A budget is its own allowance; the model's own choice is HIGH."""
    if thinking is None:
        return 0
    if thinking.thinking_level is not None:
        return LEVELS.get(thinking.thinking_level.name, LEVELS["HIGH"])
    budget = thinking.thinking_budget
    return LEVELS["HIGH"] if budget is None or budget == _OWN_CHOICE else budget
