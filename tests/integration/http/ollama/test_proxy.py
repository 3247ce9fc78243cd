"""The proxy of docs/ollama.md gives a program that has no field for a key the one that it states."""

import re
from pathlib import Path

import ollama
import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, answer
from llm_gateway.bootstrap.settings import Secret

from ...nginx import nginx
from ...ports import free_port
from ..served import KEY, Serve, stopped_clock

OTHER = "another-client-s-key"
PAGE = Path(__file__).parents[4] / "docs" / "ollama.md"


def stated(upstream: int) -> str:
    """The block of the page, with the port and the key of a test."""
    block = re.search(r"^```\n(location / \{.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1].replace("127.0.0.1:8000", f"127.0.0.1:{upstream}").replace("sk-gateway-123", KEY)


@pytest.mark.external("nginx")
async def test_a_program_without_a_key_is_served_through_it(start: Serve, tmp_path: Path) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), answer("Here it is.")))
    port = free_port()
    servers = f"server {{ listen 127.0.0.1:{port}; {stated(served.port)} }}"
    async with nginx(tmp_path, port, servers) as url, ollama.AsyncClient(url) as client:
        assert (await client.list()).models
        parts = [part async for part in await client.chat("ollama", [{"role": "user", "content": "Hi"}], stream=True)]
    assert "".join(part.message.content or "" for part in parts) == "Here it is."
    async with ollama.AsyncClient(f"http://127.0.0.1:{served.port}") as client:
        with pytest.raises(ollama.ResponseError) as refused:
            await client.list()
    assert refused.value.status_code == 401


@pytest.mark.external("nginx")
@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"])
async def test_a_program_that_sends_a_key_of_its_own_is_served_by_the_one_that_is_stated(
    start: Serve, tmp_path: Path, name: str
) -> None:
    served = await start(ScriptedChatModel(stopped_clock()), api_keys=(Secret(KEY), Secret(OTHER)))
    port = free_port()
    servers = f"server {{ listen 127.0.0.1:{port}; {stated(served.port)} }}"
    sent = f"Bearer {OTHER}" if name == "Authorization" else OTHER
    async with nginx(tmp_path, port, servers) as url, ollama.AsyncClient(url, headers={name: sent}) as client:
        assert (await client.list()).models
