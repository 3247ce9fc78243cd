"""Runs a gateway as its user does, in a network namespace of its own, and tells what left. Asked for by the tests."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct

from ..ollama.server import OllamaServer, ollama_server
from ..openai.server import SpokenServer, spoken_server
from .cloud import ADDRESS, EMBEDDING, PORT, RESOLVER, URL, Cloud, Wire
from .scenes import ANSWER, ANYONE, KEPT, SCENES, Scene, Told, configuration, hosts, prepare

GATEWAY = "http://127.0.0.1:8000"
PROMPT = "a prompt that never leaves the premises"
MAY_LEAVE = "a prompt that may leave"
PROXY_PORT = 3128
QUIET_SECONDS = 0.5

ENVIRONMENT = {
    "OLLAMA_BASE_URL": "http://ollama.premises:11434",
    "GEMINI_API_KEY": "a key for the cloud",
    "GEMINI_BASE_URL": f"http://gemini.cloud.test:{PORT}",
    "PROVIDER_TIMEOUT_SECONDS": "2",
    "PROVIDER_FIRST_TOKEN_TIMEOUT_SECONDS": "1",
    "PROVIDER_MAX_RETRIES": "1",
    "CACHE_TTL_SECONDS": "0",
    "LOG_FORMAT": "json",
    "OLLAMA_DOOR": "true",
    # what no part of a gateway may take notice of
    "OLLAMA_HOST": URL,
    "OLLAMA_API_KEY": "another key",
    "GOOGLE_GEMINI_BASE_URL": URL,
    "GOOGLE_VERTEX_BASE_URL": URL,
    "GOOGLE_API_KEY": "another key",
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "HTTPS_PROXY": URL,
    "ALL_PROXY": URL,
}

_OTHERS = ("messages", "responses", "ollama")
_SECURE = {"x-gateway-hint": "secure"}

WAYS: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, object]]] = {
    "body": (ANYONE, {}, {"model_hint": "secure"}),
    "header": (ANYONE, {"x-gateway-hint": "secure"}, {}),
    "header over body": (ANYONE, {"x-gateway-hint": "secure"}, {"model_hint": "online"}),
    "model": (ANYONE, {}, {"model": "secure"}),
    "model beside a hint": (ANYONE, {}, {"model": "online", "model_hint": "secure"}),
    "key": (KEPT, {}, {"model": "secure"}),
    "key, model": (KEPT, {}, {"model": "ollama"}),
    "key, model in the cloud": (KEPT, {}, {"model": "gemini"}),
    "key, hint of the cloud": (KEPT, {}, {"model_hint": "online"}),
    "OpenAI's surface, header": (ANYONE, {"x-gateway-hint": "secure"}, {"model": "ollama"}),
    "OpenAI's surface, header over model": (ANYONE, {"x-gateway-hint": "secure"}, {"model": "online"}),
    "OpenAI's surface, model": (ANYONE, {}, {"model": "secure"}),
    "OpenAI's surface, model in the cloud": (ANYONE, {"x-gateway-hint": "secure"}, {"model": "gemini"}),
    "OpenAI's surface, embedding in the cloud": (ANYONE, {"x-gateway-hint": "secure"}, {"model": EMBEDDING}),
    **{f"{name}, header": (ANYONE, _SECURE, {"model": "ollama"}) for name in _OTHERS},
    **{f"{name}, header over model": (ANYONE, _SECURE, {"model": "online"}) for name in _OTHERS},
    **{f"{name}, model": (ANYONE, {}, {"model": "secure"}) for name in _OTHERS},
    **{f"{name}, key": (KEPT, {}, {"model": "ollama"}) for name in _OTHERS},
    **{f"{name}, model in the cloud": (ANYONE, _SECURE, {"model": "gemini"}) for name in _OTHERS},
}
"""How a request can be `secure`: the key, the headers and the fields that say so."""


class Report(Struct, frozen=True, kw_only=True):
    """What was seen from outside. `left` is everything that was sent anywhere while `secure` was asked for.

    `spilled` names the places where words of a prompt or an answer were found. `open_breakers` are those at the end.
    `seen_of_others` is what the cloud saw of a request that was not secure.
    """

    scenes: dict[str, Told] = {}
    ways: dict[str, list[Told]] = {}
    left: list[str] = []
    heard: list[str] = []
    resolved: list[str] = []
    unseen: int = 0
    spilled: list[str] = []
    open_breakers: list[str] = []
    seen_of_others: list[str] = []
    names_of_others: list[str] = []


class Order(Struct, frozen=True, kw_only=True):
    """What to run. `without` is the guard that is removed; `proxy` is a proxy on the premises that passes all on.
    `transport` is how Ollama is asked.
    """

    scenes: Sequence[str] = ()
    ways: Sequence[str] = ()
    proxy: bool = False
    transport: str = "rest"
    without: str | None = None


class Premises:
    def __init__(self, order: Order, folder: Path) -> None:
        self._order = order
        self._folder = folder
        self._servers: dict[str, OllamaServer | SpokenServer] = {}
        self._open: dict[str, AsyncExitStack] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[httpx.AsyncClient]:
        """The servers, the gateway, and a client of it; returns once the gateway has looked at every server."""
        self._name(turned=False)
        async with AsyncExitStack() as stack:
            urls: dict[str, str] = {}
            for scene in SCENES:
                if scene.answers is None:
                    urls |= {scene.name: scene.url} if scene.url else {}
                    continue
                own = self._open[scene.name] = await stack.enter_async_context(AsyncExitStack())
                port = int(scene.url.rpartition(":")[2]) if scene.url else 0
                server = self._servers[scene.name] = await own.enter_async_context(
                    ollama_server(port) if scene.kind == "ollama" else spoken_server(port=port)
                )
                prepare(scene, server)
                urls[scene.name] = scene.url or server.url
            if self._order.proxy:
                await stack.enter_async_context(_proxy())
            await stack.enter_async_context(self._gateway(configuration(urls)))
            client = httpx.AsyncClient(base_url=GATEWAY, trust_env=False, timeout=30)
            await stack.enter_async_context(client)
            await _looked(client)
            yield client

    async def turn(self) -> None:
        """Everything that changes behind the gateway's back, at once."""
        for scene in SCENES:
            match scene.turns:
                case "closes":
                    await self._open[scene.name].aclose()
                case "is hosted elsewhere":
                    server = self._servers[scene.name]
                    assert isinstance(server, OllamaServer)
                    for model in server.models:
                        model.remote_host = URL
        self._name(turned=True)

    def _name(self, *, turned: bool) -> None:
        Path("/etc/hosts").write_text(hosts(turned=turned))

    @asynccontextmanager
    async def _gateway(self, toml: str) -> AsyncIterator[None]:
        (self._folder / "llm-gateway.toml").write_text(toml)
        proxy = f"http://127.0.0.1:{PROXY_PORT}" if self._order.proxy else URL
        serve = [str(Path(sys.executable).with_name("llm-gateway")), "serve"]
        if self._order.without is not None:
            serve = [sys.executable, "-m", "tests.integration.premises.without", self._order.without, "serve"]
        with (self._folder / "said").open("wb") as said:
            process = await asyncio.create_subprocess_exec(
                *serve,
                cwd=self._folder,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": os.getcwd(),
                    "HTTP_PROXY": proxy,
                    "OLLAMA_TRANSPORT": self._order.transport,
                    **ENVIRONMENT,
                },
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            if await asyncio.wait_for(process.wait(), 20):
                print((self._folder / "said").read_text(), file=sys.stderr)


@asynccontextmanager
async def _proxy() -> AsyncIterator[None]:
    """On the premises, and passes on to the cloud whatever it is given."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_cloud, to_cloud = await asyncio.open_connection(ADDRESS, PORT)
        to_cloud.write(await reader.read(65536))
        writer.write(await from_cloud.read())
        await writer.drain()
        to_cloud.close()
        writer.close()

    listener = await asyncio.start_server(pass_on, "127.0.0.1", PROXY_PORT)
    try:
        yield
    finally:
        listener.close()


async def _looked(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.ConnectError):
                found = (await client.get("/health/ready")).json()["endpoints"]
                if not any(each.get("reason") == "not looked at yet" for each in found):
                    return
            await asyncio.sleep(0.02)


async def _ask(client: httpx.AsyncClient, key: str, headers: Mapping[str, str], **body: object) -> Told:
    asked = {"messages": [{"role": "user", "content": PROMPT}]} | body
    answer = await client.post("/api/v1/chat", headers={"x-api-key": key, **headers}, json=asked)
    if answer.headers["content-type"].startswith("text/event-stream"):
        last = answer.text.rpartition("event: ")[2]
        data = json.loads(last.partition("data: ")[2])
        told = data | {"content": ANSWER if ANSWER in answer.text else ""} if last.startswith("done") else data
        return _told(200 if last.startswith("done") else int(data["status"]), told)
    return _told(answer.status_code, answer.json())


async def _ask_openai(client: httpx.AsyncClient, key: str, headers: Mapping[str, str], **body: object) -> Told:
    chats = body["model"] != EMBEDDING
    said = body | {"messages": [{"role": "user", "content": PROMPT}]}
    answer = await client.post(
        "/v1/chat/completions" if chats else "/v1/embeddings",
        headers={"authorization": f"Bearer {key}", **headers},
        json=said if chats else {"model": EMBEDDING, "input": PROMPT},
    )
    if answer.status_code == 200:
        return Told(200, "", ANSWER if ANSWER in answer.text and '"error"' not in answer.text else answer.text)
    error = answer.json()["error"]
    return Told(answer.status_code, str(error["code"]), error["message"])


async def _ask_door(
    client: httpx.AsyncClient, key: str, headers: Mapping[str, str], *, name: str, model: str, stream: bool
) -> Told:
    from ..http.surfaces.doors import ALL  # not before a guard could be taken out of what this imports

    (door,) = (one for one in ALL if one.name == name)
    answer = await client.post(door.path, headers={"x-api-key": key, **headers}, json=door.body(PROMPT, model, stream))
    if answer.status_code != 200:
        return Told(answer.status_code, "", door.message_of(answer.json()))
    if not stream:
        return Told(200, "", door.text_of(answer.json()))
    streamed = door.read(answer.text)
    return Told(200, "", streamed.text if streamed.whole and streamed.error is None else answer.text)


def _told(status: int, body: Mapping[str, Any]) -> Told:
    said = "".join(str(body.get(field, "")) for field in ("content", "detail", "errors"))
    return Told(status, body.get("code", ""), said)


async def _quiet(wire: Wire) -> None:
    """A gateway looks twice at what is outside when it opens; it looks again after half a minute, and sends nothing."""
    seen = -1
    while seen < len(wire.left):
        seen = len(wire.left)
        await asyncio.sleep(QUIET_SECONDS)
        wire.read()


async def _scene(client: httpx.AsyncClient, scene: Scene) -> Told:
    return await _ask(client, ANYONE, {}, model=scene.name, model_hint="secure")


async def _way(client: httpx.AsyncClient, name: str) -> list[Told]:
    """Whole and streamed; the second time the breakers of what failed are open."""
    key, headers, body = WAYS[name]
    surface = name.partition(",")[0]
    ask: Any = _ask_openai if name.startswith("OpenAI") else _ask
    if surface in _OTHERS:
        ask = partial(_ask_door, name=surface)
    return [await ask(client, key, headers, stream=stream, **body) for _ in range(2) for stream in (False, True)]


async def _spilled(client: httpx.AsyncClient, said: str, told: Sequence[Told]) -> list[str]:
    metrics = (await client.get("/metrics")).text
    ready = (await client.get("/health/ready")).text
    problems = "".join(one.says for one in told if one.status != 200)
    places = {"logs": said, "metrics": metrics, "readiness": ready, "errors": problems}
    return [place for place, text in places.items() if PROMPT in text or ANSWER in text]


async def run(order: Order, folder: Path) -> Report:
    premises = Premises(order, folder)
    wire = Wire()
    async with Cloud().running() as cloud:
        async with premises.running() as client:
            await _quiet(wire)
            await premises.turn()
            before, asked, named = len(wire.left), len(cloud.requests), len(cloud.names)
            scenes = [scene for scene in SCENES if scene.name in order.scenes]
            told = await asyncio.gather(*(_scene(client, scene) for scene in scenes))
            ways = await asyncio.gather(*(_way(client, name) for name in order.ways))
            wire.read()
            left = [f"{packet.kind} to {packet.to}:{packet.port}" for packet in wire.left[before:]]
            heard, resolved = cloud.requests[asked:], cloud.names[named:]
            everything = [*told, *(one for way in ways for one in way)]
            said = (folder / "said").read_text()
            spilled = await _spilled(client, said, everything)
            breakers = await _open_breakers(client)
            await _ask(client, ANYONE, {}, model_hint="online", messages=[{"role": "user", "content": MAY_LEAVE}])
        spilled += ["the cloud"] if PROMPT.encode() in cloud.heard else []
        return Report(
            scenes={scene.name: one for scene, one in zip(scenes, told, strict=True)},
            ways=dict(zip(order.ways, ways, strict=True)),
            left=left,
            heard=heard,
            resolved=resolved,
            unseen=wire.unseen(),
            spilled=spilled,
            open_breakers=breakers,
            seen_of_others=[*cloud.requests[asked:]] if MAY_LEAVE.encode() in cloud.heard else [],
            names_of_others=cloud.names,
        )


async def _open_breakers(client: httpx.AsyncClient) -> list[str]:
    body = {"messages": [{"role": "user", "content": PROMPT}], "model_hint": "secure"}
    plan = (await client.post("/api/v1/explain", headers={"x-api-key": ANYONE}, json=body)).json()
    return [each["provider"] for each in plan.get("endpoints", ()) if each["breaker"] != "closed"]


def _furnish(folder: Path) -> None:
    """The namespace: every address in the world leads to this machine, and names to the resolver of the cloud."""
    for command in ("link set lo up", "route add local default dev lo", "-6 route add local default dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    for path, content in (("/etc/hosts", ""), ("/etc/resolv.conf", f"nameserver {RESOLVER}\n")):
        own = folder / Path(path).name
        own.write_text(content)
        subprocess.run(["mount", "--bind", own, path], check=True)


def main() -> None:
    from msgspec import json as encoding

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _furnish(folder)
        report = asyncio.run(run(encoding.decode(sys.argv[1], type=Order), folder))
    print(encoding.encode(report).decode())


if __name__ == "__main__":
    main()
