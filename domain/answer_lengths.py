"""How long the answers of each endpoint are, by the last ones, for what is likely of the next."""

from bisect import bisect_left, insort
from collections import deque

from .routing import EndpointId

RECENT_ANSWERS = 64
"""Of an endpoint, in whose middle the next is looked for."""
FIRST_ANSWERS = 16
"""Fewer tell nothing yet."""
SHORTEST_SHARE = 8
"""Nothing below an eighth of what is reserved unlearned: short answers to some make no room for long ones to others."""
MAX_ENDPOINTS = 1_000
"""Of more, those that were learned of first are forgotten."""


class AnswerLengths:
    """Output tokens of the last answers of each endpoint, in this process: their median is what is likely."""

    def __init__(self) -> None:
        self._recent: dict[EndpointId, _Recent] = {}

    def add(self, endpoint: EndpointId, tokens: int) -> None:
        """Learn of an answer that came to its end."""
        recent = self._recent.get(endpoint)
        if recent is None:
            if len(self._recent) >= MAX_ENDPOINTS:
                del self._recent[next(iter(self._recent))]
            recent = self._recent[endpoint] = _Recent()
        recent.add(tokens)

    def likely(self, endpoint: EndpointId, unlearned: int) -> int:
        """At most `unlearned`, which holds as long as little is known, and at least an eighth of it."""
        recent = self._recent.get(endpoint)
        median = recent.median() if recent else None
        return unlearned if median is None else min(unlearned, max(median, -(-unlearned // SHORTEST_SHARE)))


class _Recent:
    """The last ones as they came, and in order of length."""

    def __init__(self) -> None:
        self._came: deque[int] = deque()
        self._ordered: list[int] = []

    def add(self, tokens: int) -> None:
        if len(self._came) == RECENT_ANSWERS:
            del self._ordered[bisect_left(self._ordered, self._came.popleft())]
        self._came.append(tokens)
        insort(self._ordered, tokens)

    def median(self) -> int | None:
        known = len(self._ordered)
        return self._ordered[known // 2] if known >= FIRST_ANSWERS else None
