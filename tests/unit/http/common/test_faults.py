"""Where a body's fault is, however its client named things."""

import pytest
from msgspec import ValidationError, json

from llm_gateway.adapters.inbound.http.common.faults import MAX_PATH, fault_of
from llm_gateway.adapters.inbound.http.common.requests import decode
from llm_gateway.adapters.inbound.http.native.wire import ChatBody
from llm_gateway.domain.errors import InvalidRequest

HELLO = '{"role": "user", "content": "Hello"'


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        (f'{{"messages": [{HELLO}, "name": 5}}]}}', "messages[0].name", "Expected `str | null`, got `int`"),
        (f'{{"messages": [{HELLO}}}], "x": 5}}', "x", "is not a field here"),
        (f'{{"messages": [{HELLO}, "x` - at `$.y": 5}}]}}', "messages[0].x", "is not a field here"),
        ('{"messages": [{"role": "nobody"}]}', "messages[0].role", "must be one of"),
        (f'{{"messages": [{HELLO}}}], "{"b" * 1_000}": 5}}', "b" * MAX_PATH, "is not a field here"),
        ("5", "", "Expected `object`, got `int`"),
        ("{}", "messages", "is required"),
    ],
)
def test_a_fault_has_its_path(body: str, path: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        json.decode(body, type=ChatBody)
    (fault,) = fault_of(caught.value, ChatBody, body.encode()).faults
    assert fault.path == path
    assert fault.message.startswith(message)


@pytest.mark.parametrize(
    "behind", [', "x', ', "\\ud800": 1}', ', "\xff": 1}', "", ", }", ", [", ', "a": ' + "[" * 5_000]
)
def test_what_stands_behind_a_fault_may_be_anything(behind: str) -> None:
    """The fault is found first, and what may stand there is looked for in the rest too."""
    body = b'{"messages": [{"role": "nobody"}]' + behind.encode("latin-1")
    with pytest.raises(InvalidRequest) as refused:
        decode(json.Decoder(ChatBody), body)
    (fault,) = refused.value.faults
    assert (fault.path, fault.message) == ("messages[0].role", "Invalid value")
