"""Ten thousand bodies: each is a call or is refused by name, and nothing that it states is dropped without a word."""

import random
import re
from copy import deepcopy
from typing import Any, Final

import pytest
from msgspec import json

from llm_gateway.adapters.inbound.http.common.handling import ChatSurface
from llm_gateway.adapters.inbound.http.ollama.fields import CHAT_FIELDS, IDLE_OPTIONS, PROMPT_FIELDS, REFUSED_OPTIONS
from llm_gateway.adapters.inbound.http.ollama.handlers import CHATS, PROMPTS
from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.errors import InvalidRequest

BODIES: Final = 10_000
PNG: Final = "iVBORw0KGgo="
SCHEMA: Final = {"type": "object", "properties": {"a": {"type": "integer"}}}
SAYS_NOTHING: Final[tuple[object, ...]] = (None, "", [], {}, False, True)
QUIET: Final[dict[str, tuple[object, ...]]] = {"options.num_predict": (-1,)}
ANYTHING: Final[tuple[Any, ...]] = (None, True, False, 0, 1, -1, 0.5, "", "text", "5m", [], {}, [1], {"a": 1}, PNG)
SAID: Final[dict[str, tuple[Any, ...]]] = {
    "content": ("", "Hello", "Привет"),
    "images": (None, [], [PNG]),
    "thinking": (None, "Hm."),
    "tool_name": (None, "look"),
    "tool_call_id": (None, "a"),
    "kept": (1, None),
}
STATED: Final[dict[str, tuple[Any, ...]]] = {
    "stream": (None, True, False),
    "think": (None, True, False, "low", "max", "deep"),
    "format": (None, "", "json", SCHEMA, "yaml"),
    "keep_alive": (None, 0, "5m", -1, []),
    "truncate": (True, False),
    "tools": (None, [], [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]),
    "system": (None, "", "Be brief."),
    "raw": (None, False, True),
    "logprobs": (False, True),
    "unheard_of": ANYTHING,
}
OPTIONS: Final[dict[str, tuple[Any, ...]]] = {
    **{name: ANYTHING for name in ("temperature", "top_k", "seed", "stop", "num_predict", "unheard_of")},
    **{name: (None, 1, 4096) for name in IDLE_OPTIONS},
    **{name: (None, nothing, 0.37) for name, nothing in REFUSED_OPTIONS.items()},
}


class Grower:
    """Bodies by chance, most of them sound."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def some(self, of: dict[str, tuple[Any, ...]], most: int) -> dict[str, Any]:
        return {name: self.random.choice(of[name]) for name in self.random.sample([*of], self.random.randint(0, most))}

    def message(self) -> dict[str, Any]:
        role = self.random.choice(("system", "user", "assistant", "tool"))
        calls = {"tool_calls": [{"function": {"name": "look", "arguments": {"a": self.random.randint(0, 9)}}}]}
        return {"role": role, "content": "Hi"} | self.some(SAID, 2) | (calls if role == "assistant" else {})

    def body(self, prompted: bool) -> dict[str, Any]:
        asked = (
            {"prompt": "Hi"} if prompted else {"messages": [self.message() for _ in range(self.random.randint(1, 4))]}
        )
        options = {"options": self.some(OPTIONS, 3)} if self.random.random() < 0.5 else {}
        return {"model": "local", **asked, **self.some(STATED, 2), **options}


def become(surface: ChatSurface[Any], body: Any) -> ChatCall | None:
    """The call; None where it is refused, which is by the path of something in it."""
    try:
        return surface.read({}, 1_000, json.encode(body))[1]
    except InvalidRequest as error:
        refused = error
    assert all(fault.path for fault in refused.faults), (body, refused)
    return None


def leaves(body: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The places of members that hold something of their own, down to those of messages and options."""
    if isinstance(body, list):
        return [place for number, inner in enumerate(body) for place in leaves(inner, (*at, number))]
    if not isinstance(body, dict) or (at and at[-1] in ("format", "function")):
        return []
    own = [(*at, name) for name in body if name not in ("role", "type", "messages", "options", "tool_calls")]
    return [*own, *(place for name, inner in body.items() for place in leaves(inner, (*at, name)))]


def says_nothing(value: object) -> bool:
    return any(type(value) is type(nothing) and value == nothing for nothing in SAYS_NOTHING)


@pytest.mark.search
@pytest.mark.parametrize("bodies", [1_000, pytest.param(BODIES, marks=pytest.mark.nightly)])
def test_each_is_a_call_or_is_refused_by_name_and_loses_nothing_in_silence(bodies: int) -> None:
    grower = Grower(17)
    taken = 0
    for number in range(bodies):
        prompted = number % 4 == 0
        surface: ChatSurface[Any] = PROMPTS if prompted else CHATS
        rows = {field.path: field for field in (PROMPT_FIELDS if prompted else CHAT_FIELDS)}
        body = grower.body(prompted)
        call = become(surface, body)
        if call is None:
            continue
        taken += 1
        at = grower.random.choice(leaves(body))
        without = deepcopy(body)
        inner: Any = without
        for step in at[:-1]:
            inner = inner[step]
        value = inner.pop(at[-1])
        if says_nothing(value) or become(surface, without) != call:
            continue
        kind = re.sub(r"\.?\[\d+\]", "[]", ".".join(f"[{step}]" if isinstance(step, int) else step for step in at))
        named = {re.sub(r"\[\d+\]", "[]", path) for path in call.ignored}
        row = rows.get(kind)
        if value in QUIET.get(kind, ()):
            continue
        assert kind in named or (row is not None and not row.asks(value)), (at, value, body)
    assert taken > bodies / 4
