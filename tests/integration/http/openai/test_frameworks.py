"""Frameworks over the official client, in default modes, through a gateway to vendors that enforce their rules."""

from collections.abc import AsyncGenerator
from typing import Any, Final

import pytest

from llm_gateway.bootstrap.settings import Secret

from ....external.environments import HERE
from ...gemini.server import GeminiServer
from ...ollama.server import OllamaServer, ollama_server
from ..served import Served, serve
from .obliging import PLACES, SPOKEN, ObligingGemini, ObligingOllama
from .test_clients import told

pytestmark = pytest.mark.external("frameworks")

GEMINIS: Final = ("gemini-flash-latest", "gemini-3.8-flash", "gemini-4-neon")
MODELS: Final = ("ollama", "gemini", *(f"gemini/{name}" for name in GEMINIS[1:]))
THING: Final = {
    "name": "dog",
    "count": 4,
    "kind": "pet",
    "legs": [{"side": "left", "length": 0.5}],
    "owner": "dog",
}
LOOP: Final = [[[place] for place in PLACES], SPOKEN]
STANDS_FOR_NONE: Final = (b"skip_thought_signature_validator", b"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I")


class Vendors:
    def __init__(self, gemini: GeminiServer, ollama: OllamaServer, served: Served) -> None:
        self.gemini = gemini
        self.ollama = ollama
        self.served = served

    async def seen_by(self, script: str) -> dict[str, Any]:
        return await told("frameworks", "python", HERE / "frameworks" / script, self.served, *MODELS)


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors, None]:
    """No cache, so that every question reaches a vendor."""
    async with GeminiServer(ObligingGemini(*GEMINIS)).running() as gemini, ollama_server() as ollama:
        ollama.scripts = [ObligingOllama()]
        ollama.default_context = 131_072
        async with serve(
            None,
            ollama_base_url=ollama.url,
            gemini_base_url=gemini.url,
            gemini_api_key=Secret("any"),
            cache_ttl_seconds=0,
        ) as served:
            yield Vendors(gemini, ollama, served)
    assert not ollama.dropped
    assert not ollama.cut
    assert not any(stand_in in gemini.received for stand_in in STANDS_FOR_NONE)


SEEN: Final[dict[str, dict[str, Any]]] = {
    "instructor": {"whole": THING, "partial": THING, "iterable": [THING]},
    "langchain": {"default": THING, "function_calling": THING, "streamed": THING, "loop": LOOP},
    "pydantic_ai": {"default": THING, "streamed": THING, "with_tools": THING, "loop": SPOKEN},
    "smolagents": {"tools": ["dog", 5], "streamed": ["dog", 5], "code": "dog", "structured": "dog"},
    "llama_index": {"predict": THING, "structured": THING, "loop": SPOKEN, "streamed": SPOKEN},
}


@pytest.mark.parametrize("framework", SEEN)
async def test_a_framework_gets_what_it_demands_of_each_vendor(vendors: Vendors, framework: str) -> None:
    assert await vendors.seen_by(f"with_{framework}.py") == dict.fromkeys(MODELS, SEEN[framework])
    assert not vendors.gemini.ignored
