"""What a Gemini says, as the vendor writes it."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from ..scripted_vendor import Answer, Asked, Step, whole


def said(
    *parts: Mapping[str, Any], finish: str | None = None, usage: Mapping[str, int] | None = None, **more: Any
) -> dict[str, Any]:
    """One answer, or one chunk of one, as the vendor writes it."""
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"parts": list(parts), "role": "model"}
    if finish is not None:
        candidate["finishReason"] = finish
    made = {"candidates": [candidate], "modelVersion": "gemini-3.5-flash", "responseId": "R1"}
    return made | ({"usageMetadata": dict(usage)} if usage else {}) | more


def sse(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\r\n\r\n"


def stream(*chunks: object, then: Sequence[Step] = (), framed: bool = True) -> Answer:
    return Answer(
        (*(sse(chunk) for chunk in chunks), *then), headers={"Content-Type": "text/event-stream"}, framed=framed
    )


def embedded(asked: Asked) -> Answer:
    """A vector of its own for each content of a batch: `gemini-embedding-2` makes one of all the parts of one."""
    vectors = []
    for one in asked.body["requests"]:
        text = "".join(part["text"] for part in one["content"]["parts"])
        vectors.append({"values": [len(text), ord(text[0]), ord(text[-1])][: one.get("outputDimensionality", 3)]})
    return whole({"embeddings": vectors, "usageMetadata": {"promptTokenCount": 2 * len(vectors)}})


def refusal(
    code: int,
    *details: Mapping[str, Any],
    status: str = "ERROR",
    message: str = "It was refused.",
    **headers: str,
) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return whole({"error": {"code": code, "message": message, "status": status, "details": list(details)}}, code, named)


class SignedTools:
    """Plays a tool loop, and answers 400 where the first call of a turn comes back without its signature, exactly.

    `or_else` is another signature that it takes, as the vendor takes one that stands for none.
    """

    def __init__(
        self, turns: Sequence[Sequence[Mapping[str, Any]]], last: str, *, or_else: bytes | None = None
    ) -> None:
        self._turns = turns
        self._last = last
        self._or_else = or_else and b64encode(or_else).decode()

    def __call__(self, asked: Asked) -> Answer:
        contents = asked.body["contents"]
        back = [content["parts"] for content in contents if content["role"] == "model"]
        for number, parts in enumerate(back):
            signed, as_given = self._signatures(parts), self._signatures(self._turns[number])
            if signed != as_given and signed != [self._or_else, *as_given[1:]]:
                return refusal(400, status="INVALID_ARGUMENT")
            results = contents[contents.index({"parts": parts, "role": "model"}) + 1]["parts"]
            called = [(part["functionCall"].get("id"), part["functionCall"]["name"]) for part in parts]
            answered = [(part["functionResponse"].get("id"), part["functionResponse"]["name"]) for part in results]
            if answered != called:
                return refusal(400, status="INVALID_ARGUMENT")
        if len(back) == len(self._turns):
            answer = [said({"text": self._last}, finish="STOP", usage={"promptTokenCount": 1})]
        else:
            answer = [said(*self._turns[len(back)]), said(finish="STOP")]
        if "stream" in asked.path:
            return stream(*answer)
        parts = [part for chunk in answer for part in chunk["candidates"][0].get("content", {}).get("parts", ())]
        return whole(said(*parts, finish="STOP"))

    @staticmethod
    def _signatures(parts: Sequence[Mapping[str, Any]]) -> list[str | None]:
        """In one alphabet: the vendor's protocol takes both of base64."""
        found = (part.get("thoughtSignature") for part in parts)
        return [each and each.replace("-", "+").replace("_", "/") for each in found]


# Some fields go out in Python's spelling, which the vendor's protocol takes as well.
SPELLINGS = {
    "mime_type": "mimeType",
    "parameters_json_schema": "parametersJsonSchema",
    "thinking_level": "thinkingLevel",
    "thinking_budget": "thinkingBudget",
    "include_thoughts": "includeThoughts",
}


def respelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {SPELLINGS.get(name, name): respelled(inner) for name, inner in value.items()}
    return [respelled(inner) for inner in value] if isinstance(value, list) else value
