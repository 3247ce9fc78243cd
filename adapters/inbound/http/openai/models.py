"""What a key may name as `model`, as OpenAI's model objects."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from llm_gateway.application.list_models import UsableModel
from llm_gateway.domain.routing import Task


class ModelOut(Struct, frozen=True, kw_only=True):
    """`locality`, `context_length` (tokens), `tasks` and `alias_of` are this gateway's own.

    `alias_of` is the name that an alias stands for.
    """

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    locality: Literal["on_premises", "cloud"]
    context_length: int | None
    tasks: list[Task]
    alias_of: str | UnsetType = UNSET


class ModelsOut(Struct, frozen=True, kw_only=True):
    """What `GET /v1/models` answers."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


def model_out(model: UsableModel, created: int) -> ModelOut:
    return ModelOut(
        id=model.name,
        created=created,
        owned_by=model.owner or "llm-gateway",
        locality=model.locality.value,
        context_length=model.context_length,
        tasks=sorted(model.tasks),
        alias_of=model.alias_of or UNSET,
    )
