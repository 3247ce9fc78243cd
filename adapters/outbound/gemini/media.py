"""Texts, images and documents as parts of the vendor's."""

from base64 import urlsafe_b64encode
from typing import TypeAlias, assert_never

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.chat import Part, Text
from llm_gateway.domain.media import Detail, Document, Image, ImageUrl

Json: TypeAlias = dict[str, object]


def part_of(part: Part, facts: ModelFacts) -> Json:
    """A part of a message; of media the kinds that the model's facts name are planned, and no others."""
    match part:
        case Text():
            return {"text": part.text}
        case Document():
            return _inline(part)
        case Image():
            return _inline(part) | _resolution(part.detail, facts)
        case ImageUrl():
            return {"fileData": {"fileUri": part.url, "mimeType": part.kind}} | _resolution(part.detail, facts)
        case _:
            assert_never(part)


def _inline(part: Image | Document) -> Json:
    return {"inlineData": {"data": urlsafe_b64encode(part.data).decode(), "mimeType": part.kind}}


def _resolution(detail: Detail | None, facts: ModelFacts) -> Json:
    if detail is None or not facts.image_detail:
        return {}
    return {"mediaResolution": {"level": f"MEDIA_RESOLUTION_{detail.name}"}}
