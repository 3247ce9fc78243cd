"""Every way in which a stream of Gemini's ends, as it was seen on the wire."""

import json
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from ..scripted_vendor import Answer, Cut
from .payloads import said, sse, stream

USAGE: Final = {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4, "totalTokenCount": 9}
_HELLO: Final = said({"text": "Hello"})
_SIGNED: Final = {"text": "", "thoughtSignature": "c2lnbmVk"}
_CALL: Final = {"functionCall": {"id": "c1", "name": "add", "args": {}}, "thoughtSignature": "c2lnbmVk"}
_METADATA: Final = {"candidates": [{"index": 0, "groundingMetadata": {}}], "modelVersion": "gemini-3.6-flash"}
_COUNTED: Final = {"usageMetadata": USAGE, "modelVersion": "gemini-3.6-flash"}
_BLOCKED: Final = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USAGE}
_ERROR: Final = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
_RAW: Final = json.dumps(_ERROR, indent=2).encode() + b"\n"
"""Over several lines, and no event of the stream's."""
_STOPPED: Final = said(finish="STOP", usage=USAGE)
_WHOLE: Final = said({"text": "Hello"}, finish="STOP", usage=USAGE)


class Ending(Struct, frozen=True):
    """`finish`: the vendor's reason, or None where there is none. `fails`: the status of an error in the stream.

    `calls`: whether a function is called. What has a reason counts `USAGE`.
    """

    answer: Answer
    finish: str | None = None
    fails: int | None = None
    text: str = "Hello"
    calls: bool = False


ENDINGS: Final[Mapping[str, Ending]] = {
    "on the content": Ending(stream(_WHOLE), "STOP"),
    "on a chunk without parts": Ending(stream(_HELLO, _STOPPED), "STOP"),
    "before a chunk of counts only": Ending(stream(_HELLO, said(finish="STOP"), _COUNTED), "STOP"),
    "before a chunk of metadata": Ending(stream(_HELLO, _STOPPED, _METADATA), "STOP"),
    "after a chunk of metadata": Ending(stream(_HELLO, _METADATA, _STOPPED), "STOP"),
    "on a signature in an empty text": Ending(stream(_HELLO, said(_SIGNED, finish="STOP", usage=USAGE)), "STOP"),
    "twice": Ending(
        stream(said({"text": "Hel"}, finish="STOP"), said({"text": "lo"}, finish="STOP", usage=USAGE)), "STOP"
    ),
    "on a call": Ending(stream(_HELLO, said(_CALL, finish="STOP", usage=USAGE)), "STOP", calls=True),
    "after a call": Ending(stream(_HELLO, said(_CALL), _STOPPED), "STOP", calls=True),
    "on an empty text after a call": Ending(
        stream(_HELLO, said(_CALL), said({"text": ""}, finish="STOP", usage=USAGE)), "STOP", calls=True
    ),
    "in lines of LF alone": Ending(stream(then=(sse(_WHOLE).replace(b"\r\n", b"\n"),)), "STOP"),
    "at the limit": Ending(stream(_HELLO, said(finish="MAX_TOKENS", usage=USAGE)), "MAX_TOKENS"),
    "at the limit, in the thoughts": Ending(stream(said(finish="MAX_TOKENS", usage=USAGE)), "MAX_TOKENS", text=""),
    "blocked before any candidate": Ending(stream(_BLOCKED), "PROHIBITED_CONTENT", text=""),
    "an error over lines at once": Ending(stream(then=(_RAW,)), fails=503, text=""),
    "an error over lines within": Ending(stream(_HELLO, then=(_RAW,)), fails=503),
    "an error in an event": Ending(stream(_HELLO, _ERROR), fails=503),
    "no reason": Ending(stream(_HELLO)),
    "no reason, but counts": Ending(stream(_HELLO, _COUNTED)),
    "cut": Ending(stream(_HELLO, then=(Cut(),))),
    "cut in an event": Ending(stream(_HELLO, then=(sse(_HELLO)[:40], Cut()))),
    "neither candidates nor feedback": Ending(stream(_COUNTED), text=""),
}
