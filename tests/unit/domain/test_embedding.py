"""What an embedding may ask, and what counts as an answer to it."""

from datetime import timedelta
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.domain.cache_policy import CacheDirective
from llm_gateway.domain.embedding import EmbedCall, EmbedRequest, Vector, check_vectors
from llm_gateway.domain.errors import InvalidRequest, ProviderBroken, ProviderRejected
from llm_gateway.domain.estimate import estimate_inputs
from llm_gateway.domain.validation import MAX_DIMENSIONS, MAX_INPUTS, check_embedding

FINITE = st.floats(-1e6, 1e6)


def faults(*inputs: str, dimensions: int | None = None, model: str = "m", **more: Any) -> list[str]:
    request = EmbedRequest(inputs=inputs, dimensions=dimensions)
    try:
        check_embedding(EmbedCall(request=request, model=model, **more))
    except InvalidRequest as error:
        return [fault.path for fault in error.faults]
    return []


def test_texts_up_to_the_bound_have_no_fault() -> None:
    assert faults("one") == []
    assert faults(*["text"] * MAX_INPUTS, dimensions=1) == []
    assert faults(" ", "ключ", "🗝", dimensions=MAX_DIMENSIONS) == []


def test_too_few_and_too_many_texts_are_a_fault_of_the_input() -> None:
    assert faults() == ["input"]
    assert faults(*["text"] * (MAX_INPUTS + 1)) == ["input"]


def test_an_empty_text_and_half_a_character_are_named_by_their_place() -> None:
    assert faults("one", "", "two", "\ud800") == ["input[1]", "input[3]"]


@pytest.mark.parametrize("dimensions", [0, -1, MAX_DIMENSIONS + 1, 2**70])
def test_dimensions_have_bounds(dimensions: int) -> None:
    assert faults("one", dimensions=dimensions) == ["dimensions"]


def test_every_fault_is_found_at_once() -> None:
    cache = CacheDirective(ttl=timedelta(days=31))
    found = faults("", dimensions=0, model="", cache=cache, timeout=timedelta())
    assert found == ["model", "input[0]", "dimensions", "timeout", "cache.ttl_seconds"]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_the_estimate_is_never_below_the_bytes(inputs: list[str]) -> None:
    assert estimate_inputs(EmbedRequest(inputs=tuple(inputs))) > sum(len(text.encode()) for text in inputs)


@given(
    st.integers(1, 5).flatmap(lambda length: st.lists(st.lists(FINITE, min_size=length, max_size=length), min_size=1))
)
def test_even_finite_vectors_one_for_each_input_are_an_answer(vectors: list[list[float]]) -> None:
    inputs = tuple("text" for _ in vectors)
    check_vectors("p", EmbedRequest(inputs=inputs), vectors)
    check_vectors("p", EmbedRequest(inputs=inputs, dimensions=len(vectors[0])), vectors)


@pytest.mark.parametrize(
    "vectors",
    [
        (),
        ((0.1,),),
        ((0.1,), (0.2,), (0.3,)),
        ((0.1, 0.2), (0.3,)),
        ((), ()),
        ((0.1,), (nan,)),
        ((0.1, inf), (0.1, 0.2)),
        ((inf, -inf), (0.1, 0.2)),
        ((1e39, 0.1), (0.1, 0.2)),
        ((-1e39, 0.1), (0.1, 0.2)),
    ],
)
def test_anything_else_is_broken(vectors: tuple[Vector, ...]) -> None:
    with pytest.raises(ProviderBroken):
        check_vectors("p", EmbedRequest(inputs=("one", "two")), vectors)


def test_other_dimensions_than_asked_for_are_the_requests_fault() -> None:
    with pytest.raises(ProviderRejected, match="dimensions: this model makes vectors of 2"):
        check_vectors("p", EmbedRequest(inputs=("one",), dimensions=3), ((0.1, 0.2),))
