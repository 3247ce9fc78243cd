"""What a server can have reading its answer cost: no more for a part than for the first."""

import json
import time

import pytest

from llm_gateway.adapters.outbound.openai.translate_reply import SpokenReplyReader
from llm_gateway.domain.events import ToolCallDelta
from llm_gateway.domain.routing import EndpointId

PARTS = 100_000
CPU_SECONDS = 4.0
"""Ten times what they take. Were each a copy of all before it, they would take longer."""


def reader() -> SpokenReplyReader:
    returns = ("reasoning_details", "reasoning_content")
    to = EndpointId(provider="mine", model="able")
    return SpokenReplyReader(to, (), whole=False, forced=False, returns=returns)


def part(**delta: object) -> bytes:
    return json.dumps({"choices": [{"delta": delta}]}).encode()


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning": "x", "reasoning_details": [{"text": "x"}]},
        {"reasoning_content": "x" * 20},
        {"tool_calls": [{"index": 0, "function": {"arguments": "x" * 200}}]},
    ],
)
def test_many_small_parts_cost_as_much_each_as_few(delta: dict[str, object]) -> None:
    reading, event = reader(), part(**delta)
    began = time.process_time()
    for _ in range(PARTS):
        reading.events((event,))
    assert time.process_time() - began < CPU_SECONDS


def test_what_comes_after_a_call_is_not_told_as_what_came_before_it() -> None:
    reading = reader()
    reading.events((part(reasoning_details=[{"text": "a"}]),))
    call = {"index": 0, "id": "c", "function": {"name": "add", "arguments": "{}"}}
    *_, delta = reading.events((part(tool_calls=[call]),))
    reading.events((part(reasoning_details=[{"text": "b"}]),))
    assert isinstance(delta, ToolCallDelta)
    assert delta.extra_content is not None
    assert json.dumps(delta.extra_content).count("text") == 1
