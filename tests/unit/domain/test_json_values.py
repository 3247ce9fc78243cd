"""What passes as JSON can be passed on, stored and compared; all else is refused with a reason."""

from collections import UserDict, deque
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from msgspec import json, msgpack

from llm_gateway.domain.json_values import MAX_DEPTH, json_fault

from .generated import JSON_VALUES


def nested(depth: int) -> Any:
    value: Any = "leaf"
    for level in range(depth):
        value = [value] if level % 2 else {"key": value}
    return value


@given(JSON_VALUES)
def test_every_json_value_is_taken_and_comes_back_from_the_store_as_it_was(value: Any) -> None:
    if json_fault(value) is None:
        assert msgpack.decode(msgpack.encode(value)) == value
        json.encode(value)
    else:
        assert "inf" in repr(value)


def test_depth_is_bounded() -> None:
    assert json_fault(nested(MAX_DEPTH)) is None
    assert json_fault(nested(MAX_DEPTH + 1)) == f"is nested more than {MAX_DEPTH} deep"
    assert json_fault(nested(10_000)) == f"is nested more than {MAX_DEPTH} deep"


@pytest.mark.parametrize("number", [-(2**63), 2**64 - 1, 0, True, 1.5, -0.0])
def test_numbers_of_64_bits_are_taken(number: float) -> None:
    assert json_fault({"key": [number]}) is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**64, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        (float("nan"), "not finite"),
        (float("inf"), "not finite"),
        ({1: "one"}, "key that is not a string"),
        (b"bytes", "no word"),
        (bytearray(b"bytes"), "no word"),
        ({"a", "set"}, "no word"),
        (deque([1]), "no word"),
        (range(3), "no word"),
        (UserDict(key=1), "no word"),
        (MappingProxyType({"key": 1}), "no word"),
        (object(), "no word"),
    ],
)
def test_what_json_or_the_store_cannot_hold_is_refused_however_deep(value: object, reason: str) -> None:
    assert reason in (json_fault(value) or "")
    assert reason in (json_fault({"key": [1, (value,)]}) or "")
