"""How each surface is asked a chat, and how its answers are read: one row a surface."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from msgspec import Struct, json

from llm_gateway.adapters.inbound.http.routes import ollama_routes, routes

from ..sse import DONE, chunks_of, events_of


class Streamed(Struct, frozen=True):
    """What a client has of a stream: its text, whether it is whole, and the error that it ended with."""

    text: str
    whole: bool
    error: Mapping[str, Any] | None = None


class Door(Struct, frozen=True, kw_only=True):
    """`body` makes one of a text, a model and whether it is to be streamed. `text_of` reads a whole answer, `read` the
    body of a stream, `message_of` an error's body. `statuses` are those that differ from the native ones. With
    `any_type` a body need not say that it is JSON.
    """

    name: str
    path: str
    body: Callable[[str, str, bool], dict[str, Any]]
    text_of: Callable[[Any], str]
    read: Callable[[str], Streamed]
    message_of: Callable[[Any], str]
    error_type: str = "application/json"
    stream_type: str = "text/event-stream; charset=utf-8"
    keep_alive: bytes = b": keep-alive\n\n"
    statuses: Mapping[int, int] = {}
    any_type: bool = False

    def status(self, native: int) -> int:
        return self.statuses.get(native, native)


def _said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def _native(body: str) -> Streamed:
    events = events_of(body)
    last = events[-1]
    return Streamed(
        "".join(event.data.get("content", "") for event in events if event.name == "delta"),
        last.name == "done",
        last.data if last.name == "error" else None,
    )


def _completions(body: str) -> Streamed:
    chunks = chunks_of(body)
    data = [chunk for chunk in chunks if chunk != DONE]
    deltas = [choice["delta"] for chunk in data for choice in chunk.get("choices", ())]
    error = data[-1] if "error" in data[-1] else None
    return Streamed("".join(delta.get("content") or "" for delta in deltas), chunks[-1] == DONE, error)


def _messages(body: str) -> Streamed:
    events = events_of(body)
    assert all(event.name == event.data["type"] for event in events)
    deltas = [event.data["delta"] for event in events if event.name == "content_block_delta"]
    last = events[-1]
    return Streamed(
        "".join(delta.get("text", "") for delta in deltas),
        last.name == "message_stop",
        last.data if last.name == "error" else None,
    )


def _responses(body: str) -> Streamed:
    events = events_of(body)
    assert all(event.name == event.data["type"] for event in events)
    assert [event.data["sequence_number"] for event in events] == [*range(len(events))]
    last = events[-1]
    return Streamed(
        "".join(event.data["delta"] for event in events if event.name == "response.output_text.delta"),
        last.name in ("response.completed", "response.incomplete"),
        last.data["response"] if last.name == "response.failed" else None,
    )


def _lines(body: str) -> Streamed:
    assert body.endswith("\n")
    assert "\n\n" not in body
    lines = [json.decode(line) for line in body.splitlines()]
    last = lines[-1]
    assert [line["done"] for line in lines[:-1]] == [False] * (len(lines) - 1)
    return Streamed(
        "".join(line["message"]["content"] for line in lines if "message" in line),
        last.get("done", False),
        last if "error" in last else None,
    )


def _error(body: Any) -> str:
    return str(body["error"]["message"])


ALL = (
    Door(
        name="native",
        path="/api/v1/chat",
        body=lambda text, model, stream: {
            "messages": _said(text),
            "model": model,
            "stream": stream,
            "temperature": 0,
        },
        text_of=lambda body: body["content"],
        read=_native,
        message_of=lambda body: body["detail"],
        error_type="application/problem+json",
    ),
    Door(
        name="completions",
        path="/v1/chat/completions",
        body=lambda text, model, stream: {
            "messages": _said(text),
            "model": model,
            "stream": stream,
            "temperature": 0,
        },
        text_of=lambda body: body["choices"][0]["message"]["content"] or "",
        read=_completions,
        message_of=_error,
    ),
    Door(
        name="messages",
        path="/v1/messages",
        body=lambda text, model, stream: {
            "messages": _said(text),
            "model": model,
            "stream": stream,
            "temperature": 0,
            "max_tokens": 100,
        },
        text_of=lambda body: "".join(block.get("text", "") for block in body["content"]),
        read=_messages,
        message_of=_error,
        keep_alive=b'event: ping\ndata: {"type":"ping"}\n\n',
        statuses={503: 529},
    ),
    Door(
        name="responses",
        path="/v1/responses",
        body=lambda text, model, stream: {
            "input": text,
            "model": model,
            "stream": stream,
            "temperature": 0,
            "store": False,
        },
        text_of=lambda body: "".join(
            part["text"] for item in body["output"] if item["type"] == "message" for part in item["content"]
        ),
        read=_responses,
        message_of=_error,
    ),
    Door(
        name="ollama",
        path="/api/chat",
        body=lambda text, model, stream: {
            "messages": _said(text),
            "model": model,
            "stream": stream,
            "options": {"temperature": 0},
        },
        text_of=lambda body: body["message"]["content"],
        read=_lines,
        message_of=lambda body: body["error"],
        stream_type="application/x-ndjson",
        keep_alive=b'"message":{"role":"assistant","content":""},"done":false}\n',
        any_type=True,
    ),
)
_SERVED = frozenset(route.path for route in (*routes(), *ollama_routes()))
DOORS = tuple(door for door in ALL if door.path in _SERVED)
each_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
each_grain = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def encoded(door: Door, text: str = "Hello", model: str = "ollama", *, stream: bool = False) -> bytes:
    return json.encode(door.body(text, model, stream))
