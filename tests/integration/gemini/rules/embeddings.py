"""What may be asked of a model that embeds."""

from collections.abc import Iterator
from typing import Any

from .call import Call, Objection

MAX_BATCH = 100


def embeddings(call: Call) -> Iterator[Objection]:
    asked = _asked(call)
    if len(asked) > MAX_BATCH:
        yield Objection("G19", "at most 100 requests can be in one batch", "requests")
    for number, one in enumerate(asked):
        if call.method == "batchEmbedContents" and one.get("model") != f"models/{call.name}":
            yield Objection("G19", "model does not match the one in the path", f"requests[{number}].model")
        parts = one.get("content", {}).get("parts", ())
        if not parts or not all(part.get("text") or "inlineData" in part for part in parts):
            yield Objection("G19", "content is empty", f"requests[{number}].content")


def without_task(call: Call) -> Iterator[str]:
    """The newer model has no kinds of task: they go into the text."""
    if call.name != "gemini-embedding-001":
        yield from (f"requests[{number}].taskType" for number, one in enumerate(_asked(call)) if "taskType" in one)


def _asked(call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call.body.get("requests", []) if "requests" in call.body else [call.body]
    return found
