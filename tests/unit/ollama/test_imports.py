"""What plain HTTP brings into a process."""

import subprocess
import sys

CODE = """
import asyncio, sys
from llm_gateway.adapters.outbound.ollama.chat_model import OllamaChatModel
from llm_gateway.adapters.outbound.ollama.directory import OllamaDirectory
from llm_gateway.adapters.outbound.ollama.embedding_model import OllamaEmbeddingModel
from llm_gateway.adapters.outbound.system import SystemClock
from llm_gateway.domain.chat import ChatRequest, Grain, Text, UserMessage
from llm_gateway.domain.errors import ProviderRefused
from llm_gateway.domain.resilience import Deadline

async def use():
    clock = SystemClock()
    directory = OllamaDirectory(model="m", clock=clock, base_url="http://127.0.0.1:9")
    await directory.look()
    model = OllamaChatModel(base_url="http://127.0.0.1:9", clock=clock)
    request = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))
    to = directory.snapshot()[0].endpoint
    events = model.events(to, request, grain=Grain.STREAM, deadline=Deadline(clock.monotonic() + 60), headers={})
    try:
        await anext(events)
    except ProviderRefused:
        print("refused")
    await model.aclose()
    await directory.aclose()

asyncio.run(use())
print(sorted({"ollama", "httpx", "httpx_aiohttp", "pydantic"} & set(sys.modules)))
"""


def test_no_sdk_is_imported_where_plain_http_asks() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["refused", "[]"]
