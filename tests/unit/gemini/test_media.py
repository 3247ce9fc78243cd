"""Which images go to Gemini, and as what."""

import pytest

from llm_gateway.adapters.outbound.gemini.media import part_of
from llm_gateway.domain.chat import Image
from llm_gateway.domain.errors import ProviderRejected


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        *((kind, kind) for kind in ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")),
        ("image/jpg", "image/jpeg"),
        ("IMAGE/JPG", "image/jpeg"),
    ],
)
def test_images_that_gemini_takes(kind: str, sent: str) -> None:
    assert part_of("gemini", Image(data=b"a", mime_type=kind), "p") == {
        "inlineData": {"data": "YQ==", "mimeType": sent}
    }


@pytest.mark.parametrize("kind", ["image/gif", "image/svg+xml", "image/bmp", "png", "image/*"])
def test_other_images_are_refused_by_their_path(kind: str) -> None:
    with pytest.raises(ProviderRejected) as caught:
        part_of("gemini", Image(data=b"a", mime_type=kind), "messages[3].content[1]")
    assert caught.value.message.startswith("gemini: messages[3].content[1]: takes images of these types: image/png, ")
