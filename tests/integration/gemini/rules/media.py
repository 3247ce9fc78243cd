"""The kinds of media that a model takes."""

from collections.abc import Iterator
from typing import Any, Final

from .call import Call, Objection
from .contents import of

_IMAGES: Final = {f"image/{kind}" for kind in ("png", "jpeg", "webp", "heic", "heif")}
_TEXTS: Final = {
    "application/pdf",
    *(f"text/{kind}" for kind in ("plain", "csv", "html", "css", "xml", "markdown", "rtf", "javascript")),
}
_SOUNDS: Final = {f"audio/{kind}" for kind in ("wav", "mp3", "aiff", "aac", "ogg", "flac")}
_FILMS: Final = {f"video/{kind}" for kind in ("mp4", "mpeg", "mov", "avi", "x-flv", "mpg", "webm", "wmv", "3gpp")}
_OFFICE: Final = {
    *(f"application/vnd.openxmlformats-officedocument.{kind}" for kind in (
        "wordprocessingml.document", "presentationml.presentation", "spreadsheetml.sheet"
    )),
    *(f"application/vnd.oasis.opendocument.{kind}" for kind in ("text", "presentation", "spreadsheet")),
}  # fmt: skip
_ALL: Final = _IMAGES | _TEXTS | _SOUNDS | _FILMS
_IN_A_RESULT: Final = {"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"}


def media(call: Call) -> Iterator[Objection]:
    office = _OFFICE if call.model.office else set()
    for number, content in enumerate(call.contents):
        for place, part in enumerate(content["parts"]):
            yield from _typed(part, _ALL | office, f"contents[{number}].parts[{place}]")
        for result in of(content, "functionResponse"):
            for part in result.get("parts", ()):
                yield from _typed(part, _IN_A_RESULT | office, f"contents[{number}].function_response.parts")


def _typed(part: dict[str, Any], taken: set[str], at: str) -> Iterator[Objection]:
    for field in ("inlineData", "fileData"):
        if field in part and part[field].get("mimeType") not in taken:
            yield Objection("G17", f"Unsupported MIME type: {part[field].get('mimeType')}", at)
