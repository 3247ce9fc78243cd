"""How many tokens each way to think is given beside the answer, where only the answer is to be bounded."""

from collections.abc import Mapping
from typing import Final

from google.genai.types import ThinkingConfig

from llm_gateway.application.reasoning_allowances import ALLOWANCES

LEVELS: Final[Mapping[str, int]] = {effort.name: tokens for effort, tokens in ALLOWANCES.items()}
"""By the vendor's names of levels."""
_OWN_CHOICE: Final = -1


def allowance_of(thinking: ThinkingConfig | None) -> int:
    """Tokens, which count against `maxOutputTokens`. A budget is its own allowance; the model's own choice is HIGH."""
    if thinking is None:
        return 0
    if thinking.thinking_level is not None:
        return LEVELS.get(thinking.thinking_level.name, LEVELS["HIGH"])
    budget = thinking.thinking_budget
    return LEVELS["HIGH"] if budget is None or budget == _OWN_CHOICE else budget
