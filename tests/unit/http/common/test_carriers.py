"""What a provider wants back travels as one text, and comes back as it was, or is refused."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.inbound.http.common.carriers import MAX_CARRIER, carried, carrier_of
from llm_gateway.domain.errors import InvalidRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
SIGNED = {"google": {"thought_signature": "c2lnbmF0dXJl"}}


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_what_was_given_out_is_taken_back(extra_content: dict[str, Any]) -> None:
    text = carrier_of(extra_content)
    assert text.startswith("gw1.")
    assert text.isascii()
    assert "=" not in text
    assert carried(text, "input[0]") == extra_content


@pytest.mark.parametrize("text", ["", "gw2.e30", "EqQBCgIYAhIM", "gAAAAABo", "gw1", " gw1.e30"])
def test_another_s_blob_is_taken_and_means_nothing(text: str) -> None:
    assert carried(text, "input[0]") is None


@pytest.mark.parametrize(
    "text",
    [
        "gw1.",
        "gw1.a",
        "gw1.é",
        "gw1.****",
        "gw1.e30***",
        carrier_of(SIGNED) + "!",
        carrier_of(SIGNED)[:-3],
        "gw1.W10",
        "gw1.MQ",
        "gw1." + "W" * MAX_CARRIER,
    ],
)
def test_a_damaged_one_is_refused_by_its_path(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        carried(text, "messages[1].content[0].signature")
    assert [fault.path for fault in refused.value.faults] == ["messages[1].content[0].signature"]
    assert "W" * 9 not in refused.value.message


@given(st.binary(max_size=30))
def test_no_text_does_more_than_that(data: bytes) -> None:
    with suppress(InvalidRequest):
        assert isinstance(carried("gw1." + data.decode("latin-1"), "x"), dict)
