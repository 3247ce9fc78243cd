"""Bodies of Anthropic's requests, grown from the wire type: whatever it takes, and sometimes what it does not."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any, Final, TypeAlias

from msgspec import inspect

from llm_gateway.adapters.inbound.http.common.fields import Fate
from llm_gateway.adapters.inbound.http.messages.fields import FIELDS
from llm_gateway.adapters.inbound.http.messages.wire import MessagesBody

Steps: TypeAlias = tuple[str | int, ...]
BODY: Final = inspect.type_info(MessagesBody)
REFUSED: Final = {field.path for field in FIELDS if field.top_level and field.fate is Fate.REFUSED}
ANYTHING: Final[Sequence[Any]] = (
    None,
    False,
    True,
    "x",
    "",
    [],
    {},
    {"type": "ephemeral"},
    {"type": "direct"},
    {"enabled": False},
    [1],
)
PLAIN: Final[dict[type[inspect.Type], Sequence[Any]]] = {
    inspect.BytesType: ("aGk=",),
    inspect.StrType: ("a", "b c", "ü"),
    inspect.BoolType: (False, True),
    inspect.NoneType: (None,),
    inspect.DictType: ({}, {"a": 1}, {"type": "object"}),
    inspect.RawType: ({}, {"a": 1}, {"a": {"b": ["c"]}}),
}
BY_NAME: Final[dict[str, Sequence[Any]]] = {
    "url": ("https://a.example/a.png", "https://a.example/a.png", "http://a.example"),
    "media_type": ("image/png", "image/jpeg"),
    "signature": ("", "gw1.eyJnIjp7fX0", "EqQBCg"),
    "model": ("ollama",),
    "model_hint": (None, "local", "secure"),
    "name": ("look", "find", "get"),
    "data": ("gw1.eyJnIjp7fX0", "EqQBCg"),
    "max_tokens": (1, 99),
    "schema": ({"type": "object"},),
    "input_schema": ({"type": "object"}, {"type": "object", "properties": {"a": {"type": "string"}}}),
    "stream": (None, False, True),
}


class Grower:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._calls = 0

    def body(self) -> dict[str, Any]:
        """One that decodes; results answer calls before them where there are any."""
        self._calls = 0
        body: dict[str, Any] = self._value(BODY, "")
        ids: list[str] = []
        for turn in body["messages"]:
            for block in turn["content"] if isinstance(turn["content"], list) else ():
                if block["type"] == "tool_use":
                    ids.append(block["id"])
                elif block["type"] == "tool_result" and ids:
                    block["tool_use_id"] = self.random.choice(ids)
        return body

    def spoilt(self) -> dict[str, Any]:
        """One with a member that is not known, somewhere."""
        body = self.body()
        places = [at for at, value in walk(body) if isinstance(value, dict) and at[-1] not in OPAQUE]
        inner(body, self.random.choice([(), *places]))["unheard_of"] = self._one_of(ANYTHING)
        return body

    def _value(self, kind: inspect.Type, name: str) -> Any:
        if name in BY_NAME and not isinstance(kind, inspect.BytesType):
            return self._one_of(BY_NAME[name])
        match kind:
            case inspect.Metadata(type=inside):
                return self._value(inside, name)
            case inspect.UnionType(types=kinds):
                return self._value(self.random.choice(kinds), name)
            case inspect.StructType():
                return self._object(kind)
            case inspect.CollectionType(item_type=item, min_length=least):
                return [self._value(item, "") for _ in range(max(least or 0, self.random.randrange(4)))]
            case _:
                return self._one_of(_choices(kind))

    def _one_of(self, values: Sequence[Any]) -> Any:
        """A copy: what is grown may be grown on."""
        return deepcopy(self.random.choice(values))

    def _object(self, kind: inspect.StructType) -> dict[str, Any]:
        draw = self.random
        made: dict[str, Any] = {} if kind.tag_field is None else {kind.tag_field: kind.tag}
        for field in kind.fields:
            rare = kind is BODY and field.name in REFUSED
            if field.required or draw.random() < (0.003 if rare else 0.3):
                made[field.name] = self._value(field.type, field.name)
        if "id" in made:
            self._calls += 1
            made["id"] = f"call_{self._calls}"
        return made


def _choices(kind: inspect.Type) -> Sequence[Any]:
    match kind:
        case inspect.LiteralType(values=values):
            return values
        case inspect.EnumType(cls=members):
            return [member.value for member in members]
        case inspect.IntType(ge=low) | inspect.FloatType(ge=low):
            return (int(low or 0), int(low or 0) + 1)
        case _:
            return PLAIN.get(type(kind), ANYTHING)


def walk(value: Any, at: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """What stands in a body, with the steps to it; not what is a client's own, such as schemas and arguments."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in members:
        yield (*at, step), member
        if step not in OPAQUE:
            yield from walk(member, (*at, step))


OPAQUE: Final = {
    *("input", "input_schema", "schema", "keep"),
    *(field.path.rpartition(".")[2] for field in FIELDS if field.fate in (Fate.NO_EFFECT, Fate.REFUSED)),
} - {"context_management", "thinking", "output_config"}


def inner(body: Any, steps: Steps) -> Any:
    for step in steps:
        body = body[step]
    return body


def kind_of(steps: Steps) -> str:
    """The path with `[]` for any element."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
