"""The parameter table as a page, from the adapters' data."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from llm_gateway.domain.parameters import PARAMETERS, Column, Place, Treatment

from .kinds import KINDS

COLUMNS: Sequence[Column] = [column for kind in KINDS for column in kind.columns()]

_HEAD = """\
# What becomes of each parameter of a chat

Made from the adapters' own tables by `just generate`. A request that needs what an endpoint can't honour is refused
with 400, naming field and endpoint, where it names that endpoint; where a hint routes it, that endpoint is skipped.

| mark | meaning |
|---|---|
"""
_TITLES = {kind.name: kind.title or kind.name.capitalize() for kind in KINDS}
_MEANINGS = {
    Treatment.HONOURED: "goes out as it is",
    Treatment.TRANSLATED: "goes out in the vendor's words",
    Treatment.MODEL_DEPENDENT: "goes out where the server says that the model can, else 400",
    Treatment.REFUSED: "400, and nothing is sent",
    Treatment.LEFT_OUT: "without effect there: not sent, and named in `X-Gateway-Ignored` and in the record; a "
    "`strict` client gets 400",
}


def page() -> str:
    marks = "".join(f"| {mark.value} | {meaning} |\n" for mark, meaning in _MEANINGS.items())
    tables = (_table(provider, list(columns)) for provider, columns in groupby(COLUMNS, lambda one: one.provider))
    return _HEAD + marks + "".join(tables)


def _table(provider: str, columns: Sequence[Column]) -> str:
    """One provider's. Models that treat everything alike share a column; the first pattern that fits a name counts."""
    alike: dict[tuple[Treatment, ...], list[str]] = {}
    for column in columns:
        marks = tuple(column.treatment(parameter) for parameter in PARAMETERS)
        alike.setdefault(marks, []).append(f"`{column.models}`")
    rows = [["field", "goes to", *(", ".join(models) for models in alike.values())], ["---"] * (len(alike) + 2)]
    places = {field: place for column in columns for field, place in column.places.items() if place.at}
    rows += ([*_named(places, index), *(marks[index].value for marks in alike)] for index in range(len(PARAMETERS)))
    return f"\n## {_TITLES[provider]}\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _named(places: Mapping[str, Place], index: int) -> Iterator[str]:
    field = PARAMETERS[index].field
    name, separator, rest = field.partition(next((mark for mark in (", ", ": ") if mark in field), "\n"))
    yield f"`{name}`{separator.strip(chr(10))}{rest}"
    place = places.get(field)
    yield "" if place is None else f"`{place.at}`" + (f": {place.how}" if place.how else "")
