"""What each of Gemini's models makes of the fields of a chat request."""

from datetime import UTC, datetime, time
from typing import Final

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.parameters import Column
from llm_gateway.domain.routing import Task

from .models import FILE, PACKAGED, GeminiModels

_NOW: Final = datetime.combine(FILE.checked, time(), UTC).timestamp()


def columns_of(models: GeminiModels) -> list[Column]:
    """Of the models that chat, on the day of the data file."""
    told = (row for row in models.table.rows if row.context_length is None or row.levels or row.budget)
    names = dict.fromkeys(name for row in told for name in row.names)
    named = {name: models.of(name.replace("*", "x"), _NOW) for name in names}
    return [
        Column(
            provider="gemini",
            models=name,
            features=model.features,
            left_out=model.left_out,
            places=model.places,
        )
        for name, model in named.items()
        if Task.CHAT in (model.facts.tasks or ()) and not _is_gone(model.facts)
    ]


def _is_gone(facts: ModelFacts) -> bool:
    return facts.replaced_on is not None and facts.replaced_on <= FILE.checked


COLUMNS: Final = columns_of(PACKAGED)
