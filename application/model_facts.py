"""What is known of a vendor's models, as dated data: rows by name, before which an operator's own rows count."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from llm_gateway.domain.chat import ReasoningEffort
from llm_gateway.domain.routing import Task
from llm_gateway.domain.sequences import CheckedStruct

FRESH_FOR: Final = timedelta(days=90)
"""Vendors replace models within weeks: older data than this is warned of."""
_REMEMBERED: Final = 4_096


class ModelFacts(CheckedStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What models of these names take. None: nothing is said of it, and nothing is sent that would need it.

    From `replaced_on` on the vendor answers by `replaced_by`, whose rules hold then; without one, not at all.
    """

    names: Annotated[
        tuple[str, ...], Meta(min_length=1, description="The models, as the vendor names them; `*` is anything.")
    ]
    tasks: Annotated[tuple[Task, ...] | None, Meta(description="What they can be asked for.")] = None
    levels: Annotated[
        tuple[ReasoningEffort, ...] | None, Meta(description="Levels of reasoning that they take, ascending.")
    ] = None
    budget: Annotated[
        tuple[int, int] | None,
        Meta(description="The least and the most tokens of reasoning, where they take a budget."),
    ] = None
    reasoning_off: Annotated[bool | None, Meta(description="Whether a budget of 0 turns reasoning off.")] = None
    sampling: Annotated[bool | None, Meta(description="Whether temperature, top_p, top_k and seed have an effect.")] = (
        None
    )
    default_temperature: Annotated[
        bool | None, Meta(description="Whether a temperature that no client stated may be sent.")
    ] = None
    prefill: Annotated[bool | None, Meta(description="Whether the last message may be the model's.")] = None
    system: Annotated[bool | None, Meta(description="Whether they take system messages.")] = None
    tools: Annotated[bool | None, Meta(description="Whether they take tools and structured output.")] = None
    tools_with_json: Annotated[bool | None, Meta(description="Whether they take both in one request.")] = None
    call_ids: Annotated[bool | None, Meta(description="Whether ids of tool calls are given and taken back.")] = None
    signatures: Annotated[bool | None, Meta(description="Whether a tool call has to come back with its signature.")] = (
        None
    )
    media_types: Annotated[tuple[str, ...] | None, Meta(description="Of images and documents that they take.")] = None
    tool_media: Annotated[bool | None, Meta(description="Whether a tool result may hold images and documents.")] = None
    image_urls: Annotated[bool | None, Meta(description="Whether they fetch images by their public URLs.")] = None
    image_detail: Annotated[bool | None, Meta(description="Whether an image may have a resolution of its own.")] = None
    context_length: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Tokens.")] = None
    output_limit: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Tokens of one answer.")] = None
    replaced_on: Annotated[date | None, Meta(description="The day on which the vendor retires them.")] = None
    replaced_by: Annotated[str | None, Meta(description="The model that answers from that day on.")] = None
    source: Annotated[str | None, Meta(description="Where this is written.")] = None
    seen: Annotated[date | None, Meta(description="When it was read there.")] = None

    def is_for(self, model: str) -> bool:
        """Whether the model has one of the names."""
        return any(fnmatchcase(model, name) for name in self.names)


class ModelFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vendor's file. Of each field the first of `models` counts that fits the name and states the field."""

    checked: date
    models: tuple[ModelFacts, ...]


class ModelTable:
    """The facts of each model of a vendor. An operator's `own` rows count before the file's."""

    def __init__(self, file: ModelFile, own: Sequence[ModelFacts] = ()) -> None:
        self.checked = file.checked
        self.rows = (*own, *file.models)
        self._remembered = lru_cache(_REMEMBERED)(self._on)

    def of(self, model: str, now: float) -> ModelFacts:
        """`now` in Unix seconds: from the day on which a model is replaced, the facts are its successor's.

        Those of one that is replaced by none say so.
        """
        return self._remembered(model, datetime.fromtimestamp(now, UTC).date())

    def end_of(self, model: str) -> str | None:
        """What to tell an operator whose model the vendor retires, or has retired; None where nothing is known."""
        facts = self._stated(model)
        if facts.replaced_on is None:
            return None
        if facts.replaced_by is None:
            return f"{model} is retired by the vendor on {facts.replaced_on}, and replaced by none"
        return f"{model} is replaced by {facts.replaced_by}, which answers in its place from {facts.replaced_on} on"

    def is_old(self, now: float) -> bool:
        """Whether the file should be looked over again."""
        return datetime.fromtimestamp(now, UTC).date() - self.checked > FRESH_FOR

    def _on(self, model: str, day: date) -> ModelFacts:
        facts = self._stated(model)
        for _ in self.rows:  # no further than there are rows, whatever an operator's lead to
            if facts.replaced_by is None or facts.replaced_on is None or day < facts.replaced_on:
                break
            facts = self._stated(facts.replaced_by)
        return facts

    def _stated(self, model: str) -> ModelFacts:
        stated: dict[str, Any] = {}
        for row in reversed(self.rows):
            if row.is_for(model):
                values = ((field, getattr(row, field)) for field in ModelFacts.__struct_fields__)
                stated |= {field: value for field, value in values if value is not None}
        return ModelFacts(**{**stated, "names": (model,)})
