"""How many tokens reasoning is given beside the answer, where a surface's default limit is to bound only the answer."""

from collections.abc import Mapping
from typing import Final

from llm_gateway.domain.chat import ReasoningEffort

ALLOWANCES: Final[Mapping[ReasoningEffort, int]] = {
    ReasoningEffort.MINIMAL: 1_024,
    ReasoningEffort.LOW: 4_096,
    ReasoningEffort.MEDIUM: 16_384,
    ReasoningEffort.HIGH: 32_768,
    ReasoningEffort.XHIGH: 65_024,
}
"""No vendor gives numbers for levels: each is about twice what Gemini gives the same effort as a budget, as levels
bound nothing, and the highest with the native default is all that one request of Gemini's may generate. 28 November
2026.
"""
