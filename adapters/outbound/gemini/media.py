"""Texts and images as parts of the vendor's, and which kinds of images it takes."""

from base64 import urlsafe_b64encode
from typing import Final, TypeAlias

from llm_gateway.domain.chat import Image, Part, Text
from llm_gateway.domain.errors import ProviderRejected

Json: TypeAlias = dict[str, object]

IMAGES: Final = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")
"""The vendor's page on images, and its refusals of others (November 2026)."""
_SPELLINGS: Final = {"image/jpg": "image/jpeg"}
"""What clients write, and the vendor refuses."""


def part_of(provider: str, part: Part, path: str) -> Json:
    """Raises `ProviderRejected` at the path for an image of a kind that the vendor does not take."""
    match part:
        case Text():
            return {"text": part.text}
        case Image():
            kind = part.mime_type.lower()
            kind = _SPELLINGS.get(kind, kind)
            if kind not in IMAGES:
                raise ProviderRejected(provider, f"takes images of these types: {', '.join(IMAGES)}", path=path)
            return {"inlineData": {"data": urlsafe_b64encode(part.data).decode(), "mimeType": kind}}
