"""The proxy of docs/ollama.md gives a program that has no field for a key the one that it states."""

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import ollama
import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, answer

from ...ports import free_port
from ...waiting import HANG_SECONDS
from ..served import KEY, Serve, stopped_clock

PAGE = Path(__file__).parents[4] / "docs" / "ollama.md"
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""


def stated(upstream: int) -> str:
    """The block of the page, with the port and the key of a test."""
    block = re.search(r"^```\n(location / \{.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1].replace("127.0.0.1:8000", f"127.0.0.1:{upstream}").replace("sk-gateway-123", KEY)


@asynccontextmanager
async def proxy(folder: Path, upstream: int) -> AsyncGenerator[str, None]:
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, port=port, location=stated(upstream)))
    program = shutil.which("nginx")
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        *(program, "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(file)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    assert process.returncode is None
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.external("nginx")
async def test_a_program_without_a_key_is_served_through_it(start: Serve, tmp_path: Path) -> None:
    served = await start(ScriptedChatModel(stopped_clock(), answer("Here it is.")))
    async with proxy(tmp_path, served.port) as url, ollama.AsyncClient(url) as client:
        assert (await client.list()).models
        parts = [part async for part in await client.chat("ollama", [{"role": "user", "content": "Hi"}], stream=True)]
    assert "".join(part.message.content or "" for part in parts) == "Here it is."
    async with ollama.AsyncClient(f"http://127.0.0.1:{served.port}") as client:
        with pytest.raises(ollama.ResponseError) as refused:
            await client.list()
    assert refused.value.status_code == 401
