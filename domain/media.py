"""What a user's message may hold besides text: images, by their bytes or their address, and documents."""

from enum import StrEnum
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

PDF: Final = "application/pdf"
_JPEG = "image/jpeg"
_BY_SUFFIX = {
    "png": "image/png",
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
}
MAX_URL = 8_192
"""Characters of an image's address."""


class Detail(StrEnum):
    """How closely a model is to look at an image, in OpenAI's terms; None leaves it to the model."""

    LOW = "low"
    HIGH = "high"


class Image(Struct, frozen=True, kw_only=True, tag="image", gc=False):
    """An image: its bytes, not base64, and its media type, such as `image/png`."""

    data: bytes
    mime_type: str
    detail: Detail | None = None

    @property
    def kind(self) -> str:
        """The media type as it is registered: in lower case, `image/jpeg` for the `image/jpg` that clients write."""
        kind = self.mime_type.lower()
        return _JPEG if kind == "image/jpg" else kind


class ImageUrl(Struct, frozen=True, kw_only=True, tag="image_url", gc=False):
    """An image by its public `https:` address, which the provider fetches; the gateway fetches nothing."""

    url: str
    detail: Detail | None = None

    @property
    def kind(self) -> str | None:
        """The media type, by the end of the path; None where that does not tell."""
        return _BY_SUFFIX.get(urlsplit(self.url).path.rpartition(".")[2].lower())


class Document(Struct, frozen=True, kw_only=True, tag="document", gc=False):
    """A document: its bytes, not base64, and its media type, which is `application/pdf`."""

    data: bytes
    mime_type: str = PDF
    name: str | None = None

    @property
    def kind(self) -> str:
        """The media type in lower case."""
        return self.mime_type.lower()


Media: TypeAlias = Image | ImageUrl | Document


def url_fault(url: str) -> str | None:
    """What is wrong with an image's address; None for an `https:` URL with a host and without credentials."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not url.isascii() or not url.isprintable() or len(url) > MAX_URL:
        return f"must be a data: URL in base64, or a public https: URL of at most {MAX_URL} characters"
    if parts.username or parts.password:
        return "must hold no credentials"
    return None
