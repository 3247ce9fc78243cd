"""What plain HTTP brings into a process."""

import subprocess
import sys

CODE = """
import asyncio, sys
from llm_gateway.adapters.outbound.gemini.chat_model import GeminiChatModel
from llm_gateway.adapters.outbound.gemini.client import GeminiClient
from llm_gateway.adapters.outbound.gemini.directory import GeminiDirectory
from llm_gateway.adapters.outbound.gemini.embedding_model import GeminiEmbeddingModel
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.errors import ProviderRefused
from llm_gateway.domain.resilience import Deadline

async def use():
    clock = SystemClock()
    client = GeminiClient(provider="gemini", api_key="key", base_url="http://127.0.0.1:9", clock=clock)
    directory = GeminiDirectory(client, clock, model="gemini-flash-latest")
    await directory.refresh()
    model = GeminiChatModel(client, clock)
    GeminiEmbeddingModel(client, clock)
    request = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))
    to = directory.snapshot()[0].endpoint
    for grain in Grain:
        events = model.events(to, request, grain=grain, deadline=Deadline(clock.monotonic() + 60), headers={})
        try:
            await anext(events)
        except ProviderRefused:
            print("refused")
    await client.aclose()

asyncio.run(use())
print(sorted({"google", "google.genai", "httpx", "httpx2", "pydantic", "requests"} & set(sys.modules)))
"""


def test_no_sdk_is_imported_where_plain_http_asks() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["refused", "refused", "[]"]
