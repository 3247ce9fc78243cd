"""The next answer is likely to be as long as the last ones of its endpoint, within stated bounds."""

from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.domain.answer_lengths import (
    FIRST_ANSWERS,
    MAX_ENDPOINTS,
    RECENT_ANSWERS,
    SHORTEST_SHARE,
    AnswerLengths,
)
from llm_gateway.domain.routing import EndpointId

ONE = EndpointId(provider="one", model="any")
OTHER = EndpointId(provider="other", model="any")
UNLEARNED = 1_024


def learned(lengths: AnswerLengths, *tokens: int, endpoint: EndpointId = ONE) -> int:
    for length in tokens:
        lengths.add(endpoint, length)
    return lengths.likely(endpoint, UNLEARNED)


def test_nothing_is_learned_of_few_answers() -> None:
    lengths = AnswerLengths()
    assert lengths.likely(ONE, UNLEARNED) == UNLEARNED
    assert learned(lengths, *[300] * (FIRST_ANSWERS - 1)) == UNLEARNED
    assert learned(lengths, 300) == 300


def test_each_endpoint_has_its_own() -> None:
    lengths = AnswerLengths()
    assert learned(lengths, *[300] * RECENT_ANSWERS) == 300
    assert learned(lengths, *[500] * RECENT_ANSWERS, endpoint=OTHER) == 500
    assert lengths.likely(ONE, UNLEARNED) == 300


@pytest.mark.parametrize(
    ("lengths", "likely"),
    [((200, 300, 400), 300), ((10, 300, 10**9), 300), ((0,), UNLEARNED // SHORTEST_SHARE), ((9_000,), UNLEARNED)],
    ids=["the median", "whatever the extremes are", "no less than a share", "no more than unlearned"],
)
def test_what_is_likely(lengths: tuple[int, ...], likely: int) -> None:
    assert learned(AnswerLengths(), *chain.from_iterable(repeat(lengths, FIRST_ANSWERS))) == likely


def test_what_is_not_recent_has_no_say() -> None:
    assert learned(AnswerLengths(), *[900] * 1_000, *[300] * RECENT_ANSWERS) == 300


def test_the_share_is_never_nothing() -> None:
    lengths = AnswerLengths()
    learned(lengths, *[0] * RECENT_ANSWERS)
    assert lengths.likely(ONE, 1) == 1


def test_of_too_many_endpoints_the_first_is_forgotten() -> None:
    lengths = AnswerLengths()
    learned(lengths, *[300] * RECENT_ANSWERS)
    for number in range(MAX_ENDPOINTS - 1):
        lengths.add(EndpointId(provider="many", model=str(number)), 1)
    assert lengths.likely(ONE, UNLEARNED) == 300
    lengths.add(OTHER, 1)
    assert lengths.likely(ONE, UNLEARNED) == UNLEARNED


@given(st.lists(st.integers(0, 2_000), min_size=FIRST_ANSWERS, max_size=3 * RECENT_ANSWERS))
def test_it_is_the_median_of_the_recent_ones(tokens: list[int]) -> None:
    recent = sorted(tokens[-RECENT_ANSWERS:])
    median = recent[len(recent) // 2]
    assert learned(AnswerLengths(), *tokens) == min(UNLEARNED, max(median, UNLEARNED // SHORTEST_SHARE))
