"""Reads Anthropic's events as its strictest client does, and folds them into the message that they make."""

import json
from typing import Any, NamedTuple

ZEROS = {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}
EMPTY: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}
"""What a block holds when it begins, beside what names it."""
GROWS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}
"""By the type of a delta that of its block, and what it appends."""


class StreamedEvent(NamedTuple):
    name: str
    data: dict[str, Any]


def streamed_of(frames: bytes) -> list[StreamedEvent]:
    """Each event with its name, which its data has as its type: some clients see nothing without either."""
    assert frames.endswith(b"\n\n")
    events = []
    for one in frames.decode().removesuffix("\n\n").split("\n\n"):
        name, data = one.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        event = StreamedEvent(name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        assert event.data["type"] == event.name
        events.append(event)
    return events


def message_of(events: list[StreamedEvent]) -> dict[str, Any]:
    """The message that a whole stream makes. Fails where anything that a client needs is not there, or out of order."""
    events = [event for event in events if event.name != "ping"]
    first, *between, delta, last = events
    message = first.data["message"]
    assert (first.name, delta.name, last.data) == ("message_start", "message_delta", {"type": "message_stop"})
    assert message["id"].startswith("msg_")
    assert message["model"]
    assert message == {
        "id": message["id"],
        "type": "message",
        "role": "assistant",
        "model": message["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": ZEROS,
    }
    assert delta.data["delta"].keys() == {"stop_reason", "stop_sequence"}
    assert delta.data["usage"].keys() >= ZEROS.keys()
    warning = {"warning": delta.data["warning"]} if "warning" in delta.data else {}
    return {**message, **delta.data["delta"], "content": _blocks(between), "usage": delta.data["usage"], **warning}


def _blocks(events: list[StreamedEvent]) -> list[dict[str, Any]]:
    """Never two open at once, and their numbers rise."""
    blocks: list[dict[str, Any]] = []
    arguments: list[str] | None = None
    is_open = False
    for name, data in events:
        match name:
            case "content_block_start":
                assert not is_open
                block = data["content_block"]
                assert data == {"type": name, "index": len(blocks), "content_block": block}
                assert block.items() >= EMPTY.get(block["type"], {}).items()
                blocks.append(dict(block))
                is_open, arguments = True, [] if block["type"] == "tool_use" else None
            case "content_block_delta":
                assert is_open
                kind, member = GROWS[data["delta"]["type"]]
                assert data == {"type": name, "index": len(blocks) - 1, "delta": data["delta"]}
                assert data["delta"].keys() == {"type", member}
                assert blocks[-1]["type"] == kind
                if arguments is not None:
                    arguments.append(data["delta"][member])
                else:
                    assert not (member == "thinking" and blocks[-1]["signature"])
                    blocks[-1][member] += data["delta"][member]
            case _:
                assert is_open
                assert (name, data) == ("content_block_stop", {"type": name, "index": len(blocks) - 1})
                is_open = False
                if arguments is not None:
                    blocks[-1]["input"] = json.loads("".join(arguments))
    assert not is_open
    return blocks
