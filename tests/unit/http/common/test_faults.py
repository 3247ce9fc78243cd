"""Where a body's fault is, however its client named things."""

import pytest
from msgspec import ValidationError, json

from llm_gateway.adapters.inbound.http.common.faults import MAX_PATH, fault_of
from llm_gateway.adapters.inbound.http.native.wire import ChatBody

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
