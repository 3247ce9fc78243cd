"""Ways of Gemini's that a test can't tell from one answer: what a redirect, a limit and a continuation make of it."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..scripted_vendor import Answer, Asked, whole
from .payloads import refusal, said, stream
from .rules.verdict import Vendor, asked_model

THOUGHTS: Final[Mapping[str, int]] = {"MINIMAL": 0, "LOW": 300, "MEDIUM": 1_000, "HIGH": 4_000, "XHIGH": 8_000}
"""Tokens of thoughts before an answer, by level."""
SOFT_FLOOR: Final = 500
"""What a model thinks that takes a budget of 0 and can't be stopped."""


def answered(asked: Asked, *parts: Mapping[str, Any], **more: Any) -> Answer:
    """In a stream or whole, as it was asked for."""
    answer = said(*parts, **more)
    return stream(answer) if "stream" in asked.path else whole(answer)


class Redirected:
    """Answers in the name of the model that stands behind the one that was asked."""

    def __init__(self, vendor: Vendor, text: str = "Hello") -> None:
        self._vendor = vendor
        self._text = text

    def __call__(self, asked: Asked) -> Answer:
        target = self._vendor.target(asked_model(asked.path))
        return answered(asked, {"text": self._text}, finish="STOP", modelVersion=target)


class Thinking:
    """Thinks before it says these words, a token each. All of it counts against `maxOutputTokens`, and what that leaves
    no room for is cut: in the thoughts, there is no part at all.
    """

    def __init__(self, *words: str) -> None:
        self._words = words

    def __call__(self, asked: Asked) -> Answer:
        config = asked.body.get("generationConfig", {})
        wanted = _thoughts(config.get("thinkingConfig", {}))
        limit = config.get("maxOutputTokens", wanted + len(self._words))
        thoughts = min(wanted, limit)
        words = self._words[: limit - thoughts]
        parts = [{"text": "".join(words)}] if words else []
        counts = {"promptTokenCount": 3, "candidatesTokenCount": len(words), "thoughtsTokenCount": thoughts}
        usage = {name: count for name, count in counts.items() if count} | {"totalTokenCount": sum(counts.values())}
        return answered(asked, *parts, finish="STOP" if len(words) == len(self._words) else "MAX_TOKENS", usage=usage)


def _thoughts(config: Mapping[str, Any]) -> int:
    level = config.get("thinkingLevel", config.get("thinking_level", "HIGH"))
    budget = config.get("thinkingBudget", config.get("thinking_budget"))
    if budget is None or budget < 0:
        return THOUGHTS[level.upper()]
    return int(budget) or SOFT_FLOOR


class Pieces:
    """Cuts an answer at the vendor's limit for one request, and goes on with it for the same body and the last token.

    `parts` are those of each piece; `usage` counts one.
    """

    def __init__(self, *parts: Sequence[Mapping[str, Any]], usage: Mapping[str, int] | None = None) -> None:
        self._parts = parts
        self._usage = usage
        self._given = 0
        self._first: dict[str, Any] = {}

    def __call__(self, asked: Asked) -> Answer:
        body = dict(asked.body)
        token = body.pop("continuationToken", None)
        if token is None:
            self._first, self._given = body, 0
        elif body != self._first or token != self.token(self._given):
            return refusal(400, status="INVALID_ARGUMENT", message="The continuation token is of another request.")
        parts = self._parts[self._given]
        self._given += 1
        answer = said(*parts, finish="STOP", usage=self._usage)
        if self._given < len(self._parts):
            answer["candidates"][0] |= {"finishReason": "CONTINUATION", "continuationToken": self.token(self._given)}
        return stream(answer) if "stream" in asked.path else whole(answer)

    @staticmethod
    def token(number: int) -> str:
        return b64encode(b"\xfb\xef\xff after %d" % number).decode()
