"""Reads OpenAI's events as its strictest clients do, and folds them into the response that they make."""

import json
from typing import Any, NamedTuple

RESPONSE = {
    *("id", "object", "created_at", "completed_at", "status", "background", "error", "incomplete_details"),
    *("instructions", "max_output_tokens", "metadata", "model", "output", "parallel_tool_calls"),
    *("previous_response_id", "reasoning", "service_tier", "store", "temperature", "text", "tool_choice", "tools"),
    *("top_p", "truncation", "usage"),
}
USAGE = {"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"}
LAST = {"completed": "response.completed", "incomplete": "response.incomplete", "failed": "response.failed"}
PREFIXES = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_", "custom_tool_call": "ctc_"}
EMPTY: dict[str, dict[str, Any]] = {
    "message": {"status": "in_progress", "content": []},
    "reasoning": {"status": "in_progress", "summary": []},
    "function_call": {"status": "in_progress", "arguments": ""},
    "custom_tool_call": {"input": ""},
}
"""What an item holds when it begins, beside what names it."""
TEXT_PART = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}


class SentEvent(NamedTuple):
    name: str
    data: dict[str, Any]


def sent_of(frames: bytes) -> list[SentEvent]:
    """Each event with its name, which its data has as its type, and its number."""
    assert frames.endswith(b"\n\n")
    events: list[SentEvent] = []
    for one in frames.decode().removesuffix("\n\n").split("\n\n"):
        if one.startswith(":"):
            continue
        name, data = one.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        event = SentEvent(name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        assert event.data["type"] == event.name
        assert event.data["sequence_number"] == len(events)
        events.append(event)
    return events


def response_of(events: list[SentEvent]) -> dict[str, Any]:
    """The response that a stream makes. Fails where anything that a client needs is not there, or out of order."""
    created, progress, *between, last = events
    assert (created.name, progress.name) == ("response.created", "response.in_progress")
    first: dict[str, Any] = created.data["response"]
    response: dict[str, Any] = last.data["response"]
    assert progress.data["response"] == first
    assert last.name == LAST[response["status"]]
    for said in (first, response):
        assert said.keys() - {"warning"} == RESPONSE
        assert said["id"].startswith("resp_")
        assert said["model"]
    assert (first["status"], first["output"], first["usage"]) == ("in_progress", [], None)
    if response["status"] != "failed":
        assert response["usage"].keys() - {"estimated"} == USAGE
        assert response["usage"]["input_tokens_details"].keys() == {"cached_tokens", "cache_write_tokens"}
        assert response["usage"]["output_tokens_details"].keys() == {"reasoning_tokens"}
    same = ("id", "created_at", "model", "instructions", "tools", "tool_choice", "text", "reasoning", "metadata")
    assert [first[name] for name in same] == [response[name] for name in same]
    items: dict[int, list[SentEvent]] = {}
    for event in between:
        items.setdefault(event.data["output_index"], []).append(event)
    assert [*items] == [*range(len(items))]
    whole = [_item(at, of) for at, of in items.items()]
    done = [event.data["item"] for event in between if event.name == "response.output_item.done"]
    assert response["output"] == done == [item for item in whole if item is not None]
    return response


def _item(at: int, events: list[SentEvent]) -> dict[str, Any] | None:
    """The item that its events make; None for one that broke off."""
    first, *within = events
    assert first.name == "response.output_item.added"
    begun = first.data["item"]
    assert begun["id"].startswith(PREFIXES[begun["type"]])
    for name, value in EMPTY[begun["type"]].items():
        assert begun[name] == value
    last = within[-1]
    if last.name != "response.output_item.done":
        return None
    *within, _ = within
    item: dict[str, Any] = last.data["item"]
    assert {name: item[name] for name in ("id", "type")} == {name: begun[name] for name in ("id", "type")}
    assert all((event.data["output_index"], event.data["item_id"]) == (at, item["id"]) for event in within)
    _WITHIN[item["type"]](item, within)
    return item


def _message(item: dict[str, Any], within: list[SentEvent]) -> None:
    added, *deltas, text, part = within
    assert (added.name, text.name, part.name) == (
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
    )
    assert all(event.data["content_index"] == 0 for event in within)
    assert added.data["part"] == TEXT_PART
    assert deltas
    for delta in deltas:
        assert (delta.name, delta.data["logprobs"]) == ("response.output_text.delta", [])
    said = "".join(delta.data["delta"] for delta in deltas)
    assert (text.data["text"], text.data["logprobs"]) == (said, [])
    assert item["content"] == [part.data["part"]] == [{**TEXT_PART, "text": said}]
    assert (item["role"], item["status"] in ("completed", "incomplete")) == ("assistant", True)


def _reasoning(item: dict[str, Any], within: list[SentEvent]) -> None:
    if not within:
        assert item["summary"] == []
        return
    added, *deltas, text, part = within
    assert [event.name for event in (added, text, part)] == [
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
    ]
    assert all(event.data["summary_index"] == 0 for event in within)
    assert {delta.name for delta in deltas} == {"response.reasoning_summary_text.delta"}
    said = "".join(delta.data["delta"] for delta in deltas)
    assert text.data["text"] == said
    assert added.data["part"] == {"type": "summary_text", "text": ""}
    assert item["summary"] == [part.data["part"]] == [{"type": "summary_text", "text": said}]


def _call(kind: str, name: str) -> Any:
    def check(item: dict[str, Any], within: list[SentEvent]) -> None:
        *deltas, done = within
        assert done.name == f"response.{kind}.done"
        assert {delta.name for delta in deltas} == {f"response.{kind}.delta"}
        assert "".join(delta.data["delta"] for delta in deltas) == done.data[name] == item[name]
        assert item["call_id"]
        assert item["name"]

    return check


_WITHIN = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _call("function_call_arguments", "arguments"),
    "custom_tool_call": _call("custom_tool_call_input", "input"),
}
