"""JSON that decoding by types says too little of."""

import json
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.inbound.http.common.json_text import check_names
from llm_gateway.adapters.inbound.http.common.requests import decode
from llm_gateway.domain.errors import InvalidRequest

ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

LONG = "x" * 1000

numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,400})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
characters = st.characters(blacklist_categories=())
strings = st.text(characters, max_size=5).map(json.dumps)
values = st.recursive(
    st.one_of(st.sampled_from(["null", "true", "false", '"\\/"', '"\\ud83d\\ude00"']), numbers, strings),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{' , '.join(items)}]"),
        st.lists(st.tuples(strings, inner), max_size=4).map(
            lambda pairs: "{" + ",".join(f"{name} : {value}" for name, value in pairs) + "}"
        ),
    ),
)


def read(text: str) -> object:
    return json.loads(text, object_pairs_hook=tuple, parse_int=float, parse_float=float)


def attempted(text: str) -> tuple[object, InvalidRequest | None]:
    try:
        return decode(ANY, text.encode()), None
    except InvalidRequest as error:
        return None, error


def twice(value: Any) -> bool:
    """Whether some object of what `read` gives has a name twice."""
    if isinstance(value, tuple):
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(twice(inner) for _, inner in value)
    return isinstance(value, list) and any(map(twice, value))


@given(values, st.sampled_from(["", " ", "\t\r\n "]))
def test_whatever_is_json_is_taken_or_its_fault_is_named(text: str, space: str) -> None:
    """As the standard library reads it."""
    expected = read(text)
    said = ["stands there twice", "surrogate pair", "out of range"]
    decoded, refusal = attempted(space + text + space)

    if refusal is not None:
        assert any(word in refusal.message for word in said)
        assert twice(expected) or "twice" not in refusal.message
    else:
        assert not twice(expected)
        assert json.loads(json.dumps(decoded)) == json.loads(text)


@given(st.text(st.sampled_from('{}[]",:0123456789eE+-.truefalsn \\u'), max_size=20))
def test_what_is_no_json_is_never_taken(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda name: json.loads(""))
    except ValueError:
        with pytest.raises(InvalidRequest):
            decode(ANY, text.encode())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"a":1,"a":1}', "a"),
        ('{"a":{"b":[0,{"c":1,"c":2}]}}', "a.b[1].c"),
        ('[[{"x":1,"\\u0078":2}]]', "[0][0].x"),
        ('{"b":{"c":1,"c":1},"a":1,"a":2}', "a"),
        (f'{{"{LONG}":1,"{LONG}":1}}', LONG[:256]),
    ],
)
def test_the_path_is_that_of_the_second(text: str, path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_names(text.encode())
    assert [(fault.path, fault.message) for fault in refused.value.faults] == [(path, "stands there twice")]


def test_numbers_of_many_digits_take_no_time() -> None:
    """Made a number, one of a million digits would take minutes."""
    check_names(b'{"a":%b}' % (b"1" * 1_000_000))


@pytest.mark.parametrize("end", ['{"c":1,"c":2}', '"\\ud800"'])
def test_the_search_for_a_fault_keeps_nothing_for_each_item(end: str) -> None:
    """With a path for each, a body of 30 MB took 6 GB and half a minute."""
    body = b'{"%b":[%b%b]}' % (b"x" * 250, b"0," * 200_000, end.encode())
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest):
            decode(ANY, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(body)
