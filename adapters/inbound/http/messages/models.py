"""What a key may name as `model`, as Anthropic's model objects."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import parse_qs

from msgspec import Struct

from llm_gateway.application.list_models import UsableModel
from llm_gateway.domain.errors import InvalidRequest

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
    asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
    limit = _limit(asked)
    before = "before_id" in asked
    names = [model.id for model in models]
    start, end = 0, len(models)
    if before:
        end = _place(names, asked, "before_id")
        start = max(0, end - limit)
    elif "after_id" in asked:
        start = _place(names, asked, "after_id") + 1
    data = models[start : min(end, start + limit)]
    more = start > 0 if before else start + len(data) < len(models)
    return AnthropicModels(
        data=data,
        has_more=more,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
    )


def _limit(asked: Mapping[str, str]) -> int:
    text = asked.get("limit", str(MAX_PAGE))
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MAX_PAGE):
        raise InvalidRequest.at("limit", f"must be from 1 to {MAX_PAGE}")
    return int(text)


def _place(names: Sequence[str], asked: Mapping[str, str], field: str) -> int:
    if asked[field] not in names:
        raise InvalidRequest.at(field, "is no model here")
    return names.index(asked[field])
