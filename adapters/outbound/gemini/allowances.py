"""How many tokens each way to think is given beside the answer, where only the answer is to be bounded."""

from collections.abc import Mapping
from typing import Final

from llm_gateway.application.reasoning_allowances import ALLOWANCES

from .media import Json

LEVELS: Final[Mapping[str, int]] = {effort.name: tokens for effort, tokens in ALLOWANCES.items()}
"""By the vendor's names of levels."""
_OWN_CHOICE: Final = -1


def allowance_of(thinking: Json | None) -> int:
    """Tokens, which count against `maxOutputTokens`. A budget is its own allowance; the model's own choice is HIGH."""
    if thinking is None:
        return 0
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if isinstance(level, str):
        return LEVELS.get(level, LEVELS["HIGH"])
    return budget if isinstance(budget, int) and budget != _OWN_CHOICE else LEVELS["HIGH"]
