"""What a table of a request's fields says of each, and the rows that every surface has."""

from collections.abc import Iterable
from enum import StrEnum
from operator import attrgetter
from typing import Annotated, Any, TypeVar, cast

from msgspec import Meta, Struct, defstruct, json

from llm_gateway.domain.errors import Fault, InvalidRequest

S = TypeVar("S", bound=Struct)


class Fate(StrEnum):
    """What becomes of a field. `LEFT_OUT`: it is taken, and not sent to providers. That and `NO_EFFECT` are named in
    `X-Gateway-Ignored`. `TAKEN`: it asks for nothing, and is what it is to the client alone.
    """

    HONOURED = "honoured"
    NO_EFFECT = "no effect"
    LEFT_OUT = "left out"
    TAKEN = "taken"
    REFUSED = "refused"
    OURS = "honoured, and this gateway's own"


_EMPTY: tuple[object, ...] = (False, [], {}, "")


class Field(Struct, frozen=True, kw_only=True):
    """A field by its path, `[]` for any element. One below another is listed where it fares otherwise.

    `*` is every member that is not known there, in an assistant's message. `neutral` are the values that ask for
    nothing, beside null, false and what is empty: they are taken everywhere, and named nowhere. With `empty_asks` what
    is empty asks for something. `kind` is the type of a top-level field without effect; other values are refused.
    """

    path: str
    fate: Fate
    note: str = ""
    neutral: tuple[object, ...] = ()
    empty_asks: bool = False
    kind: Any = None

    @property
    def top_level(self) -> bool:
        return "." not in self.path and "[" not in self.path

    def asks(self, value: object) -> bool:
        """Whether a value of this field is a wish."""
        if value is None or value is False or (not self.empty_asks and value in _EMPTY[1:]):
            return False
        return not any(_same(value, neutral) for neutral in self.neutral)

    @property
    def type(self) -> Any:
        """What decoding takes where the field is not honoured."""
        if self.fate is Fate.NO_EFFECT:
            return self.kind | None
        taken = [None, *self.neutral, *(value for value in _EMPTY if not self.asks(value))]
        return Annotated[Any, Meta(extra_json_schema={"enum": taken})]


def _same(value: object, neutral: object) -> bool:
    """JSON's true is not its 1."""
    return type(value) is type(neutral) and value == neutral


def honoured(path: str, note: str = "") -> Field:
    return Field(path=path, fate=Fate.HONOURED, note=note)


def no_effect(path: str, note: str = "", kind: Any = None, *neutral: object) -> Field:
    return Field(path=path, fate=Fate.NO_EFFECT, kind=kind, note=note, neutral=neutral)


def label(path: str) -> Field:
    return Field(path=path, fate=Fate.LEFT_OUT, note="a label, which is passed on to no provider")


def refused(path: str, note: str, *neutral: object, empty_asks: bool = False) -> Field:
    return Field(path=path, fate=Fate.REFUSED, note=note, neutral=neutral, empty_asks=empty_asks)


def taken(path: str, note: str) -> Field:
    return Field(path=path, fate=Fate.TAKEN, note=note)


def ours(path: str, note: str) -> Field:
    return Field(path=path, fate=Fate.OURS, note=note)


_CACHE = "of another vendor's prompt cache"
_THOUGHTS = "what an answer held, sent back; thoughts are passed on to no provider"
_BACK = "what an answer held, sent back"
_OTHERS = "of an assistant's message: whatever else another tool keeps there"
SENT_BACK = (
    no_effect("messages[].annotations", _BACK),
    no_effect("messages[].cache_control", _CACHE),
    no_effect("messages[].id", _BACK),
    no_effect("messages[].parsed", "what OpenAI's client made of it, sent back"),
    no_effect("messages[].provider_specific_fields", "what LiteLLM made of it, sent back"),
    no_effect("messages[].reasoning", _THOUGHTS),
    no_effect("messages[].reasoning_content", _THOUGHTS),
    no_effect("messages[].reasoning_details", _THOUGHTS),
    no_effect("messages[].refusal", "is passed on to no provider"),
    no_effect("messages[].*", _OTHERS),
    *(
        no_effect(f"messages[].content[].{name}", note)
        for name, note in (
            ("annotations", _BACK),
            ("cache_control", _CACHE),
            ("id", _BACK),
            ("provider_specific_fields", "what LiteLLM made of it, sent back"),
            ("*", _OTHERS),
        )
    ),
    no_effect("messages[].tool_calls[].*", _OTHERS),
    no_effect("messages[].tool_calls[].function.*", _OTHERS),
    no_effect("tools[].cache_control", _CACHE),
    no_effect("tools[].function.cache_control", _CACHE),
)
"""What clients leave in messages that they send back, on every surface."""


class FieldTable:
    """The top-level fields of a body that are not honoured: what decoding takes there, and what it is refused for."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = [field for field in fields if field.top_level and field.fate in (Fate.NO_EFFECT, Fate.REFUSED)]
        self._stated_of = attrgetter(*(field.path for field in self._fields))
        self._unstated = (None,) * len(self._fields)

    def body(self, name: str, honoured: type[S], doc: str) -> type[S]:
        """The type of the whole body: what is honoured, and the rest of the table."""
        return cast(
            "type[S]",
            defstruct(
                name,
                [(field.path, field.type, None) for field in self._fields],
                bases=(honoured,),
                namespace={"__doc__": doc},
                module=honoured.__module__,
                frozen=True,
                kw_only=True,
                forbid_unknown_fields=True,
            ),
        )

    def check(self, body: Struct) -> tuple[str, ...]:
        """The fields by which a decoded body asks for something and nothing here takes notice of.

        Raises `InvalidRequest` with a fault for each that asks for what is not given here.
        """
        if self._stated_of(body) == self._unstated:
            return ()
        asking = [field for field in self._fields if field.asks(getattr(body, field.path))]
        faults = [_refusal(field) for field in asking if field.fate is Fate.REFUSED]
        if faults:
            raise InvalidRequest(faults)
        return tuple(field.path for field in asking)


def _refusal(field: Field) -> Fault:
    spelt = " or ".join(json.encode(value).decode() for value in field.neutral)
    but = f", but for {spelt}" if spelt else ""
    return Fault(path=field.path, message=f"is not taken here{but}: {field.note}")


def table(fields: Iterable[Field]) -> str:
    """A table as Markdown."""
    lines = ["| field | what becomes of it | |", "|---|---|---|"]
    for field in fields:
        fate = field.fate.value
        if field.neutral:
            fate += ", but for " + ", ".join(f"`{json.encode(value).decode()}`" for value in field.neutral)
        lines.append(f"| `{field.path}` | {fate} | {field.note} |")
    return "\n".join(lines) + "\n"
