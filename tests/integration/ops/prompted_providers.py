"""A Gemini and an Ollama that fail the way that a prompt names."""

from ..gemini.payloads import refusal, said, sse
from ..gemini.payloads import whole as gemini_whole
from ..gemini.server import Answer, Cut
from ..gemini.server import Asked as GeminiAsked
from ..ollama.server import Asked as OllamaAsked
from ..ollama.server import Script, end, line
from ..ollama.server import stream as ollama_stream
from ..ollama.server import whole as ollama_whole

STATUSES = {"unavailable": 500, "throttled": 429, "rejected": 400}
"""What a prompt that begins so is answered. One that begins with `broken` breaks off."""

_LIST = gemini_whole(
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


def gemini(asked: GeminiAsked) -> Answer:
    if asked.method == "GET":
        return _LIST
    fault = asked.body["contents"][-1]["parts"][0]["text"].split()[0]
    if fault in STATUSES:
        return refusal(STATUSES[fault])
    begin, last = said({"text": "Hello"}), said({"text": " there"}, finish="STOP", usage=_USAGE)
    if "stream" not in asked.path:
        return gemini_whole(said({"text": "Hello there"}, finish="STOP", usage=_USAGE))
    steps = (sse(begin), Cut()) if fault == "broken" else (sse(begin), sse(last))
    return Answer(steps, headers={"Content-Type": "text/event-stream"})


def ollama(asked: OllamaAsked) -> Script:
    fault = asked.body["messages"][-1]["content"].split()[0]
    if fault in STATUSES:
        return ollama_whole({"error": "as asked"}, STATUSES[fault])
    if not asked.body["stream"]:
        return ollama_whole(line("Hello") if fault == "broken" else end(content="Hello there"))
    words = ollama_stream(line("Hello"), line(" there"), then=[])
    return words if fault == "broken" else ollama_stream(line("Hello"), line(" there"), end())
