"""Micro-dollars from tokens: what is cached and what is reasoning told apart, in whole ones, rounded up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.domain.chat import Usage
from llm_gateway.domain.prices import Price, Rates, RatesAbove

FLASH = Rates(input=750_000, output=3_750_000, cached=75_000)
counts = st.integers(0, 2_000_000)


def usage(prompt: int, completion: int, cached: int | None = None, reasoning: int | None = None) -> Usage:
    return Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached, reasoning_tokens=reasoning)


@pytest.mark.parametrize(
    ("used", "rates", "cost"),
    [
        (usage(1_000, 100), FLASH, 750 + 375),
        (usage(1_000, 100, cached=600), FLASH, 300 + 45 + 375),
        (usage(1_000, 100, cached=600), Rates(input=750_000, output=3_750_000), 750 + 375),
        (usage(1_000, 100, reasoning=40), FLASH, 750 + 375),
        (usage(0, 100, reasoning=40), Rates(input=1, output=2_000_000, reasoning=1_000_000), 120 + 40),
        (usage(1, 0), FLASH, 1),
        (usage(0, 0), FLASH, 0),
        (usage(10, 10), Rates(input=0, output=0), 0),
    ],
)
def test_what_a_call_costs(used: Usage, rates: Rates, cost: int) -> None:
    assert Price(rates=rates).microdollars(used) == cost


@given(counts, counts, counts, counts, counts)
def test_more_tokens_never_cost_less_and_what_is_cached_never_more(
    prompt: int, more: int, completion: int, cached: int, reasoning: int
) -> None:
    price = Price(rates=FLASH)
    whole = price.microdollars(usage(prompt, completion, reasoning=reasoning))
    assert whole <= price.microdollars(usage(prompt + more, completion, reasoning=reasoning))
    assert 0 <= price.microdollars(usage(prompt, completion, cached=cached)) <= whole


@pytest.mark.parametrize(("prompt", "rate"), [(200_000, 1), (200_001, 2), (500_001, 3)])
def test_a_long_prompt_has_rates_of_its_own_for_all_of_it(prompt: int, rate: int) -> None:
    steps = tuple(
        RatesAbove(prompt_tokens=above, rates=Rates(input=rate * 1_000_000, output=0))
        for above, rate in ((200_000, 2), (500_000, 3))
    )
    price = Price(rates=Rates(input=1_000_000, output=0), above=steps)
    assert price.microdollars(usage(prompt, 7)) == rate * prompt
