"""ops/nginx before a gateway, by the real nginx: streams, kept connections, the path, and the key that it adds."""

import asyncio
import json
import re
import shutil
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import pytest_asyncio
from msgspec import Struct
from msgspec.structs import fields

from llm_gateway import Settings
from llm_gateway.adapters.outbound.scripted.chat_model import Script, ScriptedChatModel, Wait, answer
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.bootstrap.settings import Secret
from llm_gateway.domain.chat import ChatRequest
from llm_gateway.domain.events import TextDelta

from ..certificates import self_signed_pem
from ..http.served import KEY, Served, Wire, chat, serve, stopped_clock
from ..nginx import nginx
from ..ports import free_port
from ..waiting import HANG_SECONDS, eventually
from .files import OPS

pytestmark = pytest.mark.external("nginx")

EXAMPLE = (OPS / "nginx" / "llm-gateway.conf").read_text()
SNIPPET = (OPS / "nginx" / "snippets" / "llm-gateway.conf").read_text()
SLOW: Script = [TextDelta(text="One."), Wait(1), *answer("Two.")]

OTHER_KEY = "another-client-s-key"
LONG = answer("a" * (7 << 20))
SLOW_CHAT = chat("slow", stream=True)


class Proxied(Struct, frozen=True):
    """`outside` is what the world reaches, `keyed` what adds a key."""

    served: Served
    clock: ScriptedClock
    folder: Path
    outside: httpx.AsyncClient
    keyed: httpx.AsyncClient


@pytest_asyncio.fixture
async def proxied(tmp_path: Path) -> AsyncGenerator[Proxied, None]:
    clock = stopped_clock()
    model = ScriptedChatModel(clock, script_for)
    hosts, keys = ("gateway.example", "127.0.0.1"), (Secret(KEY), Secret(OTHER_KEY))
    async with serve({"ollama": model}, allowed_hosts=hosts, max_body_bytes=3 << 20, api_keys=keys) as served:
        tls, plain = free_port(), free_port()
        async with nginx(tmp_path, tls, installed(tmp_path, served.port, tls, plain)):
            named = {"Host": "gateway.example"}
            transport = httpx.AsyncHTTPTransport(verify=False)
            outside = httpx.AsyncClient(
                base_url=f"https://127.0.0.1:{tls}", headers=named, transport=transport, timeout=HANG_SECONDS
            )
            keyed = httpx.AsyncClient(base_url=f"http://127.0.0.1:{plain}", timeout=HANG_SECONDS, trust_env=False)
            async with outside, keyed:
                yield Proxied(served, clock, tmp_path, outside, keyed)


def script_for(request: ChatRequest) -> Script:
    asked = str(request.messages[-1])
    return SLOW if "slow" in asked else LONG if "long" in asked else answer("Well.")


def installed(folder: Path, upstream: int, tls: int, plain: int) -> str:
    """The example, with its files in the folder and its addresses on ports of this test."""
    shutil.copytree(OPS / "nginx" / "snippets", folder / "snippets")
    (folder / "llm-gateway-key.conf").write_text(f'proxy_set_header Authorization "Bearer {KEY}";\n')
    certificate = self_signed_pem()
    for name in ("gateway.pem", "gateway.key"):
        (folder / name).write_bytes(certificate)
    text = EXAMPLE
    for written, own in (
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{tls} ssl;"),
        ("listen 127.0.0.1:8001;", f"listen 127.0.0.1:{plain};"),
        ("/etc/nginx/", f"{folder}/"),
    ):
        assert written in text
        text = text.replace(written, own)
    return text


async def test_events_come_as_the_provider_sends_them(proxied: Proxied) -> None:
    headers = {"x-api-key": KEY}
    async with proxied.outside.stream("POST", "/llm/api/v1/chat", json=SLOW_CHAT, headers=headers) as response:
        lines = response.aiter_lines()
        assert "One." in await until("One.", lines)
        await proxied.clock.advance(1)
        assert "event: done" in await until("event: done", lines)
    assert response.status_code == 200


async def test_a_client_that_leaves_lets_the_provider_go(proxied: Proxied) -> None:
    headers = {"x-api-key": KEY}
    async with proxied.outside.stream("POST", "/llm/api/v1/chat", json=SLOW_CHAT, headers=headers) as response:
        await until("One.", response.aiter_lines())
    await eventually(lambda: proxied.served.observer.active == 0)


async def test_the_gateways_connections_are_kept(proxied: Proxied) -> None:
    for turn in range(20):
        answered = await proxied.keyed.post("/api/v1/chat", json=chat(f"Hello {turn}"))
        assert answered.status_code == 200
    assert len(proxied.served.server.server_state.connections) == 1
    assert proxied.served.server.server_state.total_requests == 20


async def test_the_console_is_whole_under_the_path(proxied: Proxied) -> None:
    moved = await proxied.outside.get("/llm")
    assert (moved.status_code, moved.headers["location"]) == (308, "/llm/")
    for page in ("/llm/", "/llm/docs"):
        shown = await proxied.outside.get(page)
        named = {urljoin(page, name) for name in re.findall(r'(?:href|src)="([^"#:]+)"', shown.text)}
        assert len(named) > 2
        assert all(name.startswith("/llm/") for name in named)
        assert {name: (await proxied.outside.get(name)).status_code for name in named} == dict.fromkeys(named, 200)


async def test_a_key_is_added_on_this_machine_and_nowhere_else(proxied: Proxied) -> None:
    for name in ("X-Other", "X-Api-Key", "X-Goog-Api-Key", "Api-Key", "Authorization"):
        answered = await proxied.keyed.post("/api/v1/chat", json=chat(), headers={name: OTHER_KEY})
        assert answered.status_code == 200, name
        assert KEY not in answered.text + str(answered.headers)
    assert len({record.client for record in proxied.served.observer.records}) == 1
    refused = await proxied.outside.post("/llm/api/v1/chat", json=chat())
    assert refused.status_code == 401
    (address,) = re.findall(r"listen (\S+):8001;", EXAMPLE)
    assert address == "127.0.0.1"


async def test_names_that_are_not_served_are_told_apart(proxied: Proxied) -> None:
    refused = await proxied.outside.get("/llm/health", headers={"Host": "elsewhere.example"})
    assert refused.status_code == 421


async def test_the_gateway_bounds_bodies_and_nothing_gets_onto_the_disk(proxied: Proxied) -> None:
    taken = await proxied.keyed.post("/api/v1/chat", json=chat("a" * (2 << 20)))
    refused = await proxied.keyed.post("/api/v1/chat", json=chat("a" * (4 << 20)))
    assert (taken.status_code, refused.status_code) == (200, 413)
    assert refused.json()["code"] == "too_large"
    assert await read_slowly(proxied, "long") > 7 << 20
    assert "temporary file" not in (proxied.folder / "nginx.log").read_text()  # where nginx warns of it


async def read_slowly(proxied: Proxied, question: str) -> int:
    """How many bytes an answer has, for a client that takes little at once."""
    with socket.socket() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plug.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", proxied.keyed.base_url.port))
        reader, writer = await asyncio.open_connection(sock=plug)
        wire = Wire(reader, writer)
        await wire.send(proxied.served.request(body=json.dumps(chat(question)).encode(), connection="close"))
        read = len(await wire.rest())
        writer.close()
        await writer.wait_closed()
        return read


def test_its_times_fit_the_gateways() -> None:
    default = {field.name: field.default for field in fields(Settings)}
    (kept,) = re.findall(r"keepalive_timeout (\d+)s;", EXAMPLE)
    assert int(kept) < default["keep_alive_seconds"]
    (read,) = re.findall(r"proxy_read_timeout (\d+)s;", SNIPPET)
    assert int(read) > default["provider_timeout_seconds"] + default["ollama_load_timeout_seconds"]
    assert f"127.0.0.1:{default['port']};" in EXAMPLE


async def until(mark: str, lines: AsyncIterator[str]) -> str:
    async with asyncio.timeout(HANG_SECONDS):
        async for line in lines:
            if mark in line:
                return line
    raise AssertionError(f"{mark} did not come")
