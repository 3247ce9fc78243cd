"""Every way in which a stream of Gemini's ends, as it was seen on the wire."""

import json
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from ..scripted_vendor import Cut, Script
from .payloads import said, sse, stream

USAGE: Final = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
_HELLO: Final = said({"text": "Hello"})
_SIGNED: Final = {"text": "", "thoughtSignature": "c2lnbmVk"}
_CALL: Final = {"functionCall": {"id": "c1", "name": "add", "args": {}}, "thoughtSignature": "c2lnbmVk"}
_ERROR: Final = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
_RAW: Final = json.dumps(_ERROR, indent=2).encode() + b"\n"
"""Over several lines, and no event of the stream's."""
_LF: Final = sse(said({"text": "Hello"}, finish="STOP", usage=USAGE)).replace(b"\r\n", b"\n")
_METADATA: Final = {"candidates": [{"index": 0}], "modelVersion": "gemini-3.6-flash"}
_COUNTED: Final = {"usageMetadata": USAGE, "modelVersion": "gemini-3.6-flash"}
_BLOCKED: Final = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}


class Ending(Struct, frozen=True):
    """`finish`: the vendor's reason, or None where the stream is broken. `status` is that of an error in it."""

    script: Script
    finish: str | None = None
    status: int | None = None
    text: str = "Hello"


ENDINGS: Final[Mapping[str, Ending]] = {
    "on the content": Ending(stream(said({"text": "Hello"}, finish="STOP", usage=USAGE)), "STOP"),
    "on a chunk without parts": Ending(stream(_HELLO, said(finish="STOP", usage=USAGE)), "STOP"),
    "before a chunk of counts only": Ending(stream(said({"text": "Hello"}, finish="STOP"), _COUNTED), "STOP"),
    "on a signature in an empty text": Ending(stream(_HELLO, said(_SIGNED, finish="STOP", usage=USAGE)), "STOP"),
    "after a chunk of metadata": Ending(stream(_HELLO, _METADATA, said(finish="STOP", usage=USAGE)), "STOP"),
    "on a call": Ending(stream(_HELLO, said(_CALL, finish="STOP", usage=USAGE)), "TOOL"),
    "after a call": Ending(stream(_HELLO, said(_CALL), said(finish="STOP", usage=USAGE)), "TOOL"),
    "at the limit": Ending(stream(_HELLO, said(finish="MAX_TOKENS", usage=USAGE)), "MAX_TOKENS"),
    "at the limit, in the thoughts": Ending(stream(said(finish="MAX_TOKENS", usage=USAGE)), "MAX_TOKENS", text=""),
    "in lines of LF alone": Ending(stream(then=(_LF,)), "STOP"),
    "blocked before any candidate": Ending(stream(_BLOCKED), "SAFETY", text=""),
    "an error over lines at once": Ending(stream(then=(_RAW,)), status=503, text=""),
    "an error over lines within": Ending(stream(_HELLO, then=(_RAW,)), status=503),
    "an error in an event": Ending(stream(_HELLO, _ERROR), status=503),
    "no reason": Ending(stream(_HELLO)),
    "no reason, but counts": Ending(stream(_HELLO, _COUNTED)),
    "cut": Ending(stream(_HELLO, then=(Cut(),))),
    "cut in an event": Ending(stream(_HELLO, then=(sse(_HELLO)[:40], Cut()))),
    "neither candidates nor feedback": Ending(stream(_COUNTED), text=""),
}
