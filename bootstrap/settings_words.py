"""The settings' types as text, for error messages and for the reference."""

from collections.abc import Mapping

from msgspec import inspect
from msgspec.structs import FieldInfo

from .settings import LOCATION, ORIGIN, WHOLE_NAME

_PATTERNS: Mapping[str, str] = {
    WHOLE_NAME: "up to 64 letters, digits, dots, dashes and underscores",
    ORIGIN: "a scheme and a host, with nothing after it but a port, such as https://app.example",
    LOCATION: "small letters, digits and dashes",
}


def expected(field: FieldInfo) -> str:
    """What a setting has to be, such as `a whole number from 1 to 256`."""
    return _words(inspect.type_info(field.type))


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(type=inner):
            return _words(inner)
        case inspect.UnionType(types=types):
            return " or ".join(_words(inner) for inner in types if not isinstance(inner, inspect.NoneType))
        case inspect.DictType():
            return "a table of names, each with a name"
        case inspect.StructType(fields=parts):
            return f"a table of {' and '.join(part.name for part in parts if part.required)}"
        case inspect.VarTupleType(item_type=item, min_length=least):
            return f"a list{' of at least one' if least else ''}, each {_words(item)}"
        case inspect.TupleType(item_types=items):
            return f"a list of {len(items)}, each {_words(items[0])}"
        case _:
            return _of_one(kind)


def _of_one(kind: inspect.Type) -> str:
    """Of what holds no other values."""
    match kind:
        case inspect.IntType():
            return f"a whole number{_range(kind)}"
        case inspect.FloatType():
            return f"a number{_range(kind)}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(str(value) for value in values)}"
        case inspect.EnumType(cls=members):
            return f"one of {', '.join(str(member.value) for member in members)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.DateType():
            return "a date"
        case inspect.StrType(pattern=str(pattern)):
            return _PATTERNS[pattern]
        case _:
            return "text"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge:g} to {kind.le:g}" if kind.le < 1e6 else f" from {kind.ge} to {kind.le}"
    if kind.gt is not None:
        return f" above {kind.gt:g}"
    return f" of at least {kind.ge:g}" if kind.ge is not None else ""
