"""A proxy that keeps its connections meets none that the gateway has just closed: 0 of 1,000 requests fail."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from ..nginx import nginx
from ..ollama.server import end, ollama_server
from ..ports import free_port
from ..scripted_vendor import whole
from ..workers.processes import KEY, workers

pytestmark = [pytest.mark.nightly, pytest.mark.external("nginx"), pytest.mark.timeout(240)]

CLIENTS, ROUNDS = 100, 10
LAG_SECONDS = 0.25
GATEWAY_SECONDS = 2.5
"""The gateway's 75 seconds and nginx's 60, both by the same factor, so that a test need not wait for them."""
NGINX_MS = round(GATEWAY_SECONDS * 60 / 75 * 1000)

SERVERS = """
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
"""


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
            port = free_port()
            servers = SERVERS.format(port=port, upstream=upstream, clients=CLIENTS, kept=NGINX_MS)
            async with nginx(tmp_path, port, servers) as url:
                seen = await statuses(url, running.process.pid)
    assert seen == {200: CLIENTS * ROUNDS}, (tmp_path / "nginx.log").read_text()[-2000:]
