"""A proxy that keeps its connections meets none that the gateway has just closed: 0 of 1,000 requests fail."""

import asyncio
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from ..ollama.server import end, ollama_server
from ..ports import free_port
from ..scripted_vendor import whole
from ..waiting import HANG_SECONDS
from ..workers.processes import KEY, workers

pytestmark = [pytest.mark.nightly, pytest.mark.external("nginx"), pytest.mark.timeout(240)]

CLIENTS, ROUNDS = 100, 10
LAG_SECONDS = 0.25
GATEWAY_SECONDS = 2.5
"""The gateway's 75 seconds and nginx's 60, both by the same factor, so that a test need not wait for them."""
NGINX_MS = round(GATEWAY_SECONDS * 60 / 75 * 1000)

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream gateway {{
        server 127.0.0.1:{upstream};
        keepalive {clients};
        keepalive_timeout {kept}ms;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host localhost;
        }}
    }}
}}
"""


@asynccontextmanager
async def nginx(folder: Path, port: int, upstream: int, kept: int) -> AsyncGenerator[str, None]:
    """nginx before the gateway; its address."""
    program = shutil.which("nginx")
    assert program is not None
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, port=port, upstream=upstream, clients=CLIENTS, kept=kept))
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


async def statuses(url: str, gateway: int) -> Counter[int]:
    """Of POSTs, which a proxy does not send twice, after pauses up to as long as the gateway keeps a connection.

    The gateway lags when they come, as a busy one does: its event loop then closes what is idle before it reads.
    """
    seen: Counter[int] = Counter()
    body = {"model_hint": "local", "messages": [{"role": "user", "content": "Say hello."}]}
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    transport = httpx.AsyncHTTPTransport(verify=False, limits=limits)

    async def ask() -> None:
        seen[(await client.post("/api/v1/chat", json=body)).status_code] += 1

    async with httpx.AsyncClient(base_url=url, headers={"x-api-key": KEY}, transport=transport, timeout=20) as client:
        for turn in range(ROUNDS):
            await asyncio.sleep(GATEWAY_SECONDS * (0.6 + 0.38 * turn / (ROUNDS - 1)))
            os.kill(gateway, signal.SIGSTOP)
            try:
                asking = [asyncio.create_task(ask()) for _ in range(CLIENTS)]
                await asyncio.sleep(LAG_SECONDS)
            finally:
                os.kill(gateway, signal.SIGCONT)
            await asyncio.gather(*asking)
    return seen


async def test_behind_nginx_no_request_fails(tmp_path: Path) -> None:
    variables = {"KEEP_ALIVE_SECONDS": str(GATEWAY_SECONDS), "RATE_LIMITER_CAPACITY": "1000000"}
    async with ollama_server() as ollama:
        ollama.scripts = [whole(end(content="Hello"))]
        async with workers(tmp_path, OLLAMA_BASE_URL=ollama.url, **variables) as running:
            upstream = httpx.URL(running.url).port or 0
            async with nginx(tmp_path, free_port(), upstream, NGINX_MS) as url:
                seen = await statuses(url, running.process.pid)
    assert seen == {200: CLIENTS * ROUNDS}, (tmp_path / "nginx.log").read_text()[-2000:]
