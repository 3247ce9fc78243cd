"""How servers differ that speak OpenAI's API: a data file, and what follows from it for a model's requests."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from msgspec import Struct, field, toml

from llm_gateway.application.model_facts import ModelFacts, ModelFile, ModelTable
from llm_gateway.domain.chat import ChatRequest, ReasoningEffort
from llm_gateway.domain.features import numbers_sent
from llm_gateway.domain.parameters import Place, features_of, left_out_of
from llm_gateway.domain.routing import Feature

from .places import places_of, without_effect

Body = dict[str, Any]

DEFAULT: Final = "generic"
_ASCENDING: Final = tuple(ReasoningEffort)


class ModelsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the requests to models of these names hold beside the rest."""

    names: tuple[str, ...]
    body: Body


class Dialect(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How requests to a server are said. Its answers need no dialect: they are read by rules that fit all.

    `takes` are rows of the table of parameters beyond those that every server takes. `max_tokens` is the field's name,
    `late_system` the role of a system message after the first other one, `required` the word for any tool;
    `named_tool`: a tool can be named, else it alone is offered. `usage`: counts of a stream are sent where they are
    asked for. `empty_text`: an answer of calls alone has an empty text, not none. `call_ids` is the length that ids of
    calls must have. `effort` is the path of the field, `off` what turns reasoning off, `prefill` what has the last
    answer continued, `words` other names of fields and efforts. `returns` are the fields of an answer with calls that
    are to come back, each with what stands there where a client lost it. `url` is where such a server listens unless
    told otherwise, and `slots_at` the path, from the API's own, where it says how many requests it answers at once.
    """

    takes: frozenset[str]
    models: tuple[ModelFacts, ...]
    url: str | None = None
    slots_at: str | None = None
    max_tokens: str = "max_tokens"
    late_system: str = "user"
    required: str = "required"
    named_tool: bool = True
    usage: bool = False
    empty_text: bool = False
    call_ids: int | None = None
    effort: str = "reasoning_effort"
    off: Body = field(default_factory=lambda: {"reasoning_effort": "none"})
    prefill: Body = {}
    words: Mapping[str, str] = {}
    returns: Body = {}
    bodies: tuple[ModelsBody, ...] = ()


class _DialectFile(Struct, frozen=True, forbid_unknown_fields=True):
    checked: date
    dialects: Mapping[str, Dialect]


FILE: Final = toml.decode(files(__package__).joinpath("dialects.toml").read_bytes(), type=_DialectFile)


class SpokenModel(Struct, frozen=True, kw_only=True):
    """A model's facts in a dialect, and what follows from them. `numbers` gives those that a request states."""

    dialect: Dialect
    facts: ModelFacts
    places: Mapping[str, Place]
    features: frozenset[Feature]
    left_out: frozenset[str]
    numbers: Callable[[ChatRequest], Body]
    body: Body

    def level(self, effort: ReasoningEffort) -> ReasoningEffort:
        """The lowest that the model has and is no lower than the effort, else its highest."""
        levels = self.facts.levels or (effort,)
        wanted = _ASCENDING.index(effort)
        return next((level for level in levels if _ASCENDING.index(level) >= wanted), levels[-1])


class SpokenModels:
    """Every model of a server by its name. Of each fact that counts which an operator's `own` rows state, then what the
    server's list says (`listed`, by name), then the dialect's.
    """

    def __init__(self, dialect: str = DEFAULT, own: Sequence[ModelFacts] = ()) -> None:
        self.dialect = FILE.dialects[dialect]
        self.table = ModelTable(ModelFile(checked=FILE.checked, models=self.dialect.models), own)
        self.listed: Mapping[str, ModelFacts] = {}
        self._own = ModelTable(ModelFile(checked=FILE.checked, models=()), own)
        self._remembered = lru_cache(1_024)(self._of)

    def of(self, model: str, now: float) -> SpokenModel:
        """`now` in Unix seconds, as vendors replace models on a day."""
        return self._remembered(self._own.of(model, now), self.listed.get(model), self.table.of(model, now))

    def _of(self, own: ModelFacts, listed: ModelFacts | None, spoken: ModelFacts) -> SpokenModel:
        stated = {
            name: value
            for row in (spoken, *((listed,) if listed is not None else ()), own)
            for name in ModelFacts.__struct_fields__
            if (value := getattr(row, name)) is not None
        }
        facts = ModelFacts(**stated)
        dialect = self.dialect
        names = {**dialect.words, "max_tokens": dialect.max_tokens, "reasoning_effort": dialect.effort}
        places = places_of(dialect.takes, names, facts)
        body: Body = {}
        for more in dialect.bodies:
            if ModelFacts(names=more.names).is_for(facts.names[0]):
                body |= more.body
        return SpokenModel(
            dialect=dialect,
            facts=facts,
            places=places,
            features=features_of(places),
            left_out=left_out_of(places, *without_effect(facts)),
            numbers=numbers_sent({field: place for field, place in places.items() if "." not in place.at}),
            body=body,
        )
