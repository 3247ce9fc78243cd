"""Answers for OpenAI's form to word, and the folding of its chunks as clients do it."""

from types import SimpleNamespace
from typing import Any, cast

from msgspec import json

from llm_gateway.application.answer_chat import Answer
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality, Plan

TO = EndpointId(provider="gemini", model="gemini-flash-latest")


def answer_of(to: EndpointId = TO, *, fingerprint: str = "") -> Answer:
    """An answer as a form sees it: whose it is, and what was planned."""
    endpoint = Endpoint(id=to, locality=Locality.CLOUD, fingerprint=fingerprint)
    plan = Plan(hint=None, pinned=True, endpoints=(EndpointState(endpoint=endpoint, features=frozenset()),))
    return cast("Answer", SimpleNamespace(endpoint=to, plan=plan))


def chunks_of(frames: bytes) -> list[Any]:
    """What a client reads; the last is `[DONE]` as it is."""
    assert frames.endswith(b"\n\n")
    data = []
    for frame in frames.removesuffix(b"\n\n").split(b"\n\n"):
        assert frame.startswith(b"data: ")
        assert b"\n" not in frame
        text = frame.removeprefix(b"data: ")
        data.append("[DONE]" if text == b"[DONE]" else json.decode(text))
    return data


def folded(chunks: list[Any]) -> dict[str, Any]:
    """The message that a stream's deltas make: texts are appended, tool calls by their index, the rest is said once."""
    message: dict[str, Any] = {"content": ""}
    calls: dict[int, dict[str, Any]] = {}
    for delta in (choice["delta"] for chunk in chunks for choice in chunk["choices"]):
        for name in ("content", "reasoning_content"):
            if name in delta:
                message[name] = message.get(name, "") + delta[name]
        for name in ("role", "extra_content"):
            if name in delta:
                assert name not in message
                message[name] = delta[name]
        for part in delta.get("tool_calls", ()):
            call = calls.setdefault(part["index"], {"function": {"arguments": ""}})
            call["function"]["arguments"] += part["function"]["arguments"]
            if "name" in part["function"]:
                call["function"]["name"] = part["function"]["name"]
            call |= {name: part[name] for name in ("id", "type", "extra_content") if name in part}
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return message
