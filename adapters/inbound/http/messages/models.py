"""What a key may name as `model`, as Anthropic's model objects."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from msgspec import Struct

from llm_gateway.application.list_models import UsableModel
from llm_gateway.domain.errors import InvalidRequest

from ..common.queries import limit_of, query_of

MAX_PAGE: Final = 1_000


class AnthropicModel(Struct, frozen=True, kw_only=True, tag_field="type", tag="model"):
    """`max_input_tokens` is the length of the context, null where it is unknown."""

    id: str
    display_name: str
    created_at: str
    lifecycle: Literal["active"] = "active"
    max_input_tokens: int | None


class AnthropicModels(Struct, frozen=True, kw_only=True):
    """A page of `GET /v1/models`."""

    data: Sequence[AnthropicModel]
    has_more: bool
    first_id: str | None
    last_id: str | None


def anthropic_model(model: UsableModel, created: int) -> AnthropicModel:
    return AnthropicModel(
        id=model.name,
        display_name=model.name,
        created_at=datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        max_input_tokens=model.context_length,
    )


def page_of(models: Sequence[AnthropicModel], query: bytes) -> AnthropicModels:
    """The page that a query asks for: `limit` models behind `after_id` or before `before_id`; without `limit` all.

    Raises `InvalidRequest` where it asks for what is none.
    """
    asked = query_of(query)
    limit = limit_of(asked, MAX_PAGE, MAX_PAGE)
    places = {model.id: place for place, model in enumerate(models)}
    for field in ("before_id", "after_id"):
        if field in asked and asked[field] not in places:
            raise InvalidRequest.at(field, "is no model here")
    if "before_id" in asked:
        end = places[asked["before_id"]]
        data, more = models[max(0, end - limit) : end], end > limit
    else:
        start = places[asked["after_id"]] + 1 if "after_id" in asked else 0
        data, more = models[start : start + limit], start + limit < len(models)
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return AnthropicModels(data=data, has_more=more, first_id=first, last_id=last)
