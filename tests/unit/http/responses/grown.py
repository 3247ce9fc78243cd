"""Bodies of requests for responses, grown from the tables: whatever is taken, and sometimes what is not."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any, Final, TypeAlias

from llm_gateway.adapters.inbound.http.common.fields import Fate
from llm_gateway.adapters.inbound.http.responses.fields import FIELDS, ITEMS, LEFT_OUT_TOOLS

from .bodies import CARRIER, CUSTOM, IMAGE, PDF, SPACE, TOOL, text
from .test_fields import VALUES

Steps: TypeAlias = tuple[str | int, ...]
REFUSED: Final = {field.path for field in FIELDS if field.top_level and field.fate is Fate.REFUSED}
ANYTHING: Final[Sequence[Any]] = (None, False, True, "x", "", [], {}, {"mode": "explicit"}, {"type": "direct"}, [1])
OPAQUE: Final = {
    *("parameters", "schema", "summary", "metadata", "client_metadata", "external_web_access", "some_tool"),
    *(field.path.rpartition(".")[2] for field in FIELDS if field.fate is Fate.NO_EFFECT),
}
"""What is a client's own, or is read as one value."""
PARTS: Final[Sequence[dict[str, Any]]] = (
    text("a"),
    text("ü", prompt_cache_breakpoint={"mode": "explicit"}),
    IMAGE,
    {**IMAGE, "detail": "high"},
    {"type": "input_image", "image_url": "https://a.example/a.png", "detail": "auto"},
    PDF,
    {**PDF, "detail": "low"},
)
SAID: Final[Sequence[dict[str, Any]]] = (
    {"type": "output_text", "text": "b", "annotations": [], "logprobs": []},
    {"type": "output_text", "text": "c", "annotations": [{"type": "url_citation"}]},
    {"type": "refusal", "refusal": "No."},
    {"type": "output_text", "text": "d", "some_tool": {"a": 1}},
    text("e"),
)
TOOLS: Final[Sequence[dict[str, Any]]] = (
    TOOL,
    {**TOOL, "name": "find", "description": "It finds.", "strict": True, "output_schema": {"type": "object"}},
    {**TOOL, "name": "get", "defer_loading": True, "allowed_callers": ["direct"], "async": True},
    CUSTOM,
    {**CUSTOM, "name": "write", "format": {"type": "grammar", "syntax": "regex", "definition": "a+"}},
    {**CUSTOM, "name": "say", "format": {"type": "text"}, "defer_loading": False},
    SPACE,
    *({"type": kind, "external_web_access": True} for kind in LEFT_OUT_TOOLS),
)
OPTIONS: Final[dict[str, Sequence[Any]]] = {
    "tool_choice": ("auto", "none", None),
    "text": ({"format": {"type": "text"}}, {"format": None, "verbosity": "low"}, {"format": {"type": "json_object"}}),
    "reasoning": (
        *({"effort": effort} for effort in ("none", "low", "xhigh", "max")),
        {"summary": "auto", "context": "all_turns", "mode": "standard"},
        {},
    ),
    "stream_options": ({"include_obfuscation": False}, {"include_obfuscation": True}),
    "store": (False, False, False, True),
    "service_tier": ("auto", "default"),
    "truncation": ("disabled",),
    "top_logprobs": (0,),
    "model_hint": ("local", "secure", None),
    "stream": (True, False, None),
    "parallel_tool_calls": (True, False, None),
    "include": (["reasoning.encrypted_content"], [], None),
}


class Grower:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def body(self) -> dict[str, Any]:
        draw = self.random
        made: dict[str, Any] = {"model": "ollama", "input": "Hello" if draw.random() < 0.1 else list(self._items())}
        if draw.random() < 0.5:
            made["tools"] = [deepcopy(tool) for tool in draw.sample(TOOLS, draw.randrange(4))]
        for name, value in VALUES.items():
            if draw.random() < (0.003 if name in REFUSED else 0.1):
                made[name] = deepcopy(value)
        for name, values in OPTIONS.items():
            if draw.random() < 0.15:
                made[name] = deepcopy(draw.choice(values))
        return made

    def spoilt(self) -> dict[str, Any]:
        """One with a member that is not known, somewhere."""
        body = self.body()
        places = [at for at, value in walk(body) if isinstance(value, dict) and at[-1] not in OPAQUE]
        inner(body, self.random.choice([(), *places]))["unheard_of"] = deepcopy(self.random.choice(ANYTHING))
        return body

    def _items(self) -> Iterator[dict[str, Any]]:
        """Outputs answer the call before them."""
        for number in range(self.random.randrange(1, 5)):
            kind = self.random.choice([*ITEMS, "message", "message"])
            if kind.endswith("_output"):
                yield {**self._item(kind.removesuffix("_output")), "call_id": f"c{number}"}
            yield {**self._item(kind), **({"call_id": f"c{number}"} if "call_id" in ITEMS[kind].needs else {})}
        yield {"role": "user", "content": "Hello"}

    def _item(self, kind: str) -> dict[str, Any]:
        draw, may = self.random, ITEMS[kind].may_have
        names = [*ITEMS[kind].needs, *(name for name in may if "output" not in kind and draw.random() < 0.5)]
        role = draw.choice(["user", "user", "assistant", "developer"])
        made = {name: self._value(kind, name, role) for name in names}
        if kind != "message" or draw.random() < 0.5:
            made["type"] = kind
        for name, value in (("id", "x_1"), ("status", "completed"), ("phase", "commentary"), ("caller", {"type": "p"})):
            if draw.random() < 0.1:
                made[name] = value
        if (kind != "message" or role == "assistant") and "type" in made and draw.random() < 0.1:
            made["some_tool"] = draw.choice(ANYTHING)
        return made

    def _value(self, kind: str, name: str, role: str) -> Any:
        draw = self.random
        match name:
            case "role":
                return "developer" if kind == "additional_tools" else role
            case "content" if kind == "reasoning":
                return draw.choice([None, [], [{"type": "reasoning_text", "text": "Hm."}]])
            case "content":
                parts = {"user": PARTS, "assistant": SAID}.get(role, PARTS[:2])
                return draw.choice(["a", [deepcopy(part) for part in draw.choices(parts, k=draw.randrange(1, 3))]])
            case "output":
                return draw.choice(["a", [deepcopy(part) for part in draw.choices(PARTS, k=draw.randrange(1, 3))]])
            case "tools":
                return [{**deepcopy(TOOL), "name": f"late{draw.randrange(9_999)}"}]
            case "summary":
                return draw.choice([[], [{"type": "summary_text", "text": "Hm."}]])
            case "encrypted_content":
                return draw.choice([CARRIER, "gAAAA", None])
            case "arguments":
                return draw.choice(["{}", '{"a":1}', "{a"])
            case "namespace":
                return "agents"
            case _:
                return draw.choice(["look", "find"])


def walk(value: Any, at: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """What stands in a body, with the steps to it; not what stands in what is a client's own."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in members:
        yield (*at, step), member
        if step not in OPAQUE:
            yield from walk(member, (*at, step))


def inner(body: Any, steps: Steps) -> Any:
    for step in steps:
        body = body[step]
    return body


def kind_of(steps: Steps) -> str:
    """The path with `[]` for any element."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
