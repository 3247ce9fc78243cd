"""What thoughts get beside an answer that a surface's default bounds; a stated limit is sent as it is."""

import pytest
from google.genai.types import ThinkingLevel

from llm_gateway.adapters.outbound.gemini.allowances import LEVELS, allowance_of
from llm_gateway.adapters.outbound.gemini.models import PACKAGED
from llm_gateway.adapters.outbound.gemini.translate_request import to_vendor
from llm_gateway.domain.chat import ChatRequest, ReasoningEffort, UserMessage
from llm_gateway.domain.routing import EndpointId


def limit(model: str, effort: ReasoningEffort | None, *, by_default: bool) -> int | None:
    request = ChatRequest(
        messages=(UserMessage(content="Hello"),),
        max_tokens=512,
        max_tokens_by_default=by_default,
        reasoning_effort=effort,
    )
    facts = PACKAGED.of(model, 0.0)
    return to_vendor(EndpointId(provider="gemini", model=model), request, facts).most


@pytest.mark.parametrize(
    ("model", "effort", "allowed"),
    [
        ("gemini-flash-latest", None, LEVELS["LOW"]),
        ("gemini-flash-latest", ReasoningEffort.HIGH, LEVELS["HIGH"]),
        ("gemini-3.5-flash-lite", None, LEVELS["MINIMAL"]),
        ("gemini-4-neon", ReasoningEffort.XHIGH, 65_536 - 512),
        ("gemini-2.5-flash", None, 0),
        ("gemini-2.5-flash", ReasoningEffort.MEDIUM, 8_192),
        ("gemini-2.5-pro", None, 128),
        ("gemini-2.0-flash", None, 0),
        ("gemma-4-31b-it", None, 0),
    ],
)
def test_the_default_gets_what_the_level_takes_and_a_stated_limit_is_exact(
    model: str, effort: ReasoningEffort | None, allowed: int
) -> None:
    assert limit(model, effort, by_default=True) == 512 + allowed
    assert limit(model, effort, by_default=False) == 512


def test_every_level_of_the_sdk_has_an_allowance_that_one_request_can_take() -> None:
    named = {level.name for level in ThinkingLevel} - {"THINKING_LEVEL_UNSPECIFIED"}
    assert named <= set(LEVELS)
    assert list(LEVELS.values()) == sorted(LEVELS.values())
    assert all(512 + allowance <= 65_536 for allowance in LEVELS.values())


def test_a_model_that_thinks_as_it_likes_gets_the_most_that_is_usual() -> None:
    assert allowance_of({"thinkingBudget": -1}) == LEVELS["HIGH"]
