"""Texts and images as parts of the vendor's."""

from base64 import urlsafe_b64encode
from typing import TypeAlias

from llm_gateway.domain.chat import Image, Part, Text

Json: TypeAlias = dict[str, object]


def part_of(part: Part) -> Json:
    """A part of a message; of images the kinds that the model's facts name are planned, and no others."""
    match part:
        case Text():
            return {"text": part.text}
        case Image():
            return {"inlineData": {"data": urlsafe_b64encode(part.data).decode(), "mimeType": part.kind}}
