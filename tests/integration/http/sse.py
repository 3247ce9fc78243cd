"""Reads server-sent events as a browser would."""

import json
from typing import Any, NamedTuple


class Event(NamedTuple):
    name: str
    data: dict[str, Any]


def events_of(body: str) -> list[Event]:
    """Comments are left out, and anything that is no event is refused."""
    events = []
    assert body.endswith("\n\n")
    for block in body.removesuffix("\n\n").split("\n\n"):
        if block.startswith(":"):
            continue
        name, data = block.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        events.append(Event(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


def text_of(events: list[Event]) -> str:
    return "".join(event.data.get("content", "") for event in events if event.name == "delta")


DONE = "[DONE]"


def chunks_of(body: str) -> list[Any]:
    """OpenAI's frames: data alone, of which the last may be `DONE`. Comments are left out."""
    chunks: list[Any] = []
    assert body.endswith("\n\n")
    for block in body.removesuffix("\n\n").split("\n\n"):
        if block.startswith(":"):
            continue
        assert block.startswith("data: ")
        assert "\n" not in block
        data = block.removeprefix("data: ")
        chunks.append(DONE if data == DONE else json.loads(data))
    return chunks
