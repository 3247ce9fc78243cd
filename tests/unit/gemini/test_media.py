"""What images go to Gemini as."""

import pytest

from llm_gateway.adapters.outbound.gemini.media import part_of
from llm_gateway.domain.chat import Image


@pytest.mark.parametrize(
    ("kind", "sent"), [("image/png", "image/png"), ("image/jpg", "image/jpeg"), ("IMAGE/JPG", "image/jpeg")]
)
def test_an_image_goes_under_its_registered_name(kind: str, sent: str) -> None:
    assert part_of(Image(data=b"a", mime_type=kind)) == {"inlineData": {"data": "YQ==", "mimeType": sent}}
