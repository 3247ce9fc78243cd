"""What images and documents go to Gemini as."""

import pytest

from llm_gateway.adapters.outbound.gemini.media import part_of
from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.media import Detail, Document, Image, ImageUrl

NEWER = ModelFacts(names=("*",), image_detail=True)
OLDER = ModelFacts(names=("*",), image_detail=False)
INLINE = {"inlineData": {"data": "YQ==", "mimeType": "image/png"}}
URL = "https://pictures.example/cat.JPG?size=2"
FILE = {"fileData": {"fileUri": URL, "mimeType": "image/jpeg"}}
HIGH = {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}


@pytest.mark.parametrize(
    ("kind", "sent"), [("image/png", "image/png"), ("image/jpg", "image/jpeg"), ("IMAGE/JPG", "image/jpeg")]
)
def test_an_image_goes_under_its_registered_name(kind: str, sent: str) -> None:
    assert part_of(Image(data=b"a", mime_type=kind), NEWER) == {"inlineData": {"data": "YQ==", "mimeType": sent}}


def test_a_document_goes_as_what_it_is() -> None:
    sent = {"inlineData": {"data": "YQ==", "mimeType": "application/pdf"}}
    assert part_of(Document(data=b"a", name="any.pdf"), NEWER) == sent


@pytest.mark.parametrize(
    ("detail", "facts", "beside"),
    [
        (Detail.HIGH, NEWER, HIGH),
        (Detail.LOW, NEWER, {"mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}),
        (None, NEWER, {}),
        (Detail.HIGH, OLDER, {}),
    ],
)
def test_detail_goes_as_a_resolution_of_the_part_where_a_model_has_one(
    detail: Detail | None, facts: ModelFacts, beside: dict[str, object]
) -> None:
    assert part_of(Image(data=b"a", mime_type="image/png", detail=detail), facts) == INLINE | beside
    assert part_of(ImageUrl(url=URL, detail=detail), facts) == FILE | beside
