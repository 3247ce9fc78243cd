"""A Gemini and an Ollama that fail the way that a prompt names."""

from ..gemini.payloads import refusal, said, sse
from ..ollama.server import end, line
from ..ollama.server import stream as ollama_stream
from ..scripted_vendor import Answer, Asked, Cut, Script, whole

STATUSES = {"unavailable": 500, "throttled": 429, "rejected": 400}
"""What a prompt that begins so is answered. One that begins with `broken` breaks off."""

_LIST = whole(
    {
        "models": [
            {
                "name": "models/gemini-flash-latest",
                "supportedGenerationMethods": ["generateContent"],
                "inputTokenLimit": 100_000,
                "outputTokenLimit": 8_000,
            }
        ]
    }
)
_USAGE = {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}


def gemini(asked: Asked) -> Answer:
    if asked.method == "GET":
        return _LIST
    fault = asked.body["contents"][-1]["parts"][0]["text"].split()[0]
    if fault in STATUSES:
        return refusal(STATUSES[fault])
    begin, last = said({"text": "Hello"}), said({"text": " there"}, finish="STOP", usage=_USAGE)
    if "stream" not in asked.path:
        return whole(said({"text": "Hello there"}, finish="STOP", usage=_USAGE))
    steps = (sse(begin), Cut()) if fault == "broken" else (sse(begin), sse(last))
    return Answer(steps, headers={"Content-Type": "text/event-stream"})


def ollama(asked: Asked) -> Script:
    fault = asked.body["messages"][-1]["content"].split()[0]
    if fault in STATUSES:
        return whole({"error": "as asked"}, STATUSES[fault])
    if not asked.body["stream"]:
        return whole(line("Hello") if fault == "broken" else end(content="Hello there"))
    words = ollama_stream(line("Hello"), line(" there"), then=[])
    return words if fault == "broken" else ollama_stream(line("Hello"), line(" there"), end())
