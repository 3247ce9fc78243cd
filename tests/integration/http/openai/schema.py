"""The paths of all fields that a wire type takes, and what a table of fields says of any path."""

from collections.abc import Iterable, Iterator

from msgspec import inspect

from llm_gateway.adapters.inbound.http.common.fields import Field


def paths_of(wire: type) -> frozenset[str]:
    """Dotted, with `[]` for any element."""
    return frozenset(_paths(inspect.type_info(wire), ""))


def _paths(of: inspect.Type, path: str) -> Iterator[str]:
    match of:
        case inspect.Metadata(type=inner):
            yield from _paths(inner, path)
        case inspect.UnionType(types=types):
            for one in types:
                yield from _paths(one, path)
        case inspect.ListType(item_type=item):
            yield from _paths(item, f"{path}[]")
        case inspect.StructType(fields=fields, tag_field=tag):
            begin = f"{path}." if path else ""
            if tag is not None:
                yield begin + tag
            for field in fields:
                yield begin + field.name
                yield from _paths(field.type, begin + field.name)


def row_of(path: str, table: Iterable[Field]) -> Field:
    """The field's own row, or that of the nearest field that holds it. Raises `StopIteration` where there is none."""
    rows = {field.path: field for field in table}
    steps = path.replace("[]", ".[]").split(".")
    above = (".".join(steps[:length]).replace(".[]", "[]") for length in range(len(steps), 0, -1))
    return next(rows[one] for one in above if one in rows)
