"""Conversations of thousands of messages to Gemini: none of them keeps the event loop from everybody else for long."""

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..gemini.payloads import said, stream
from ..gemini.server import GeminiServer
from ..scripted_vendor import Answer, Asked, whole
from ..workers.processes import client, workers
from .served import Served, serve

MAX_TURN_SECONDS = 0.05
MAX_HEALTH_SECONDS = 0.25
HELLO = said({"text": "Hello"}, finish="STOP")
TRANSPORT = pytest.mark.parametrize("transport", ["rest", "sdk"])
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


class Turns:
    """The longest turn of the event loop in its thread's CPU time, whatever else the machine is busy with."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._began = 0.0
        self._next: asyncio.Handle | None = None

    def __enter__(self) -> "Turns":
        gc.collect()
        self._tracer = sys.gettrace()
        sys.settrace(None)  # what measuring the coverage costs is not the product's
        gc.freeze()  # as a gateway does once it has started: what the other tests left is not looked through
        self._began = time.thread_time()
        self._next = asyncio.get_running_loop().call_soon(self._turn)
        return self

    def __exit__(self, *_: object) -> None:
        if self._next is not None:
            self._next.cancel()
        gc.unfreeze()
        sys.settrace(self._tracer)

    def _turn(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._began)
        self._began = now
        self._next = asyncio.get_running_loop().call_soon(self._turn)


def answer(asked: Asked) -> Answer:
    if asked.method == "GET":
        return whole({"models": []})
    return stream(HELLO) if "stream" in asked.path else whole(HELLO)


@asynccontextmanager
async def gateway(transport: str) -> AsyncGenerator[tuple[Served, GeminiServer], None]:
    async with (
        GeminiServer(answer, judges=False).running() as vendor,  # it works on the loop that is measured
        serve(None, gemini_api_key=Secret("k"), gemini_base_url=vendor.url, gemini_transport=transport) as served,
    ):
        assert (await served.chat(model="gemini")).status_code == 200  # the SDK makes its types on first use
        vendor.forget()
        yield served, vendor


def talk(messages: int, text: str) -> dict[str, Any]:
    """Whose last word is the user's."""
    answers = range(1, messages - 1, 2)
    return {"messages": [{"role": "assistant" if n in answers else "user", "content": text} for n in range(messages)]}


def parts(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * number}]}


def rules(number: int) -> dict[str, Any]:
    return {"messages": [*({"role": "system", "content": "a"} for _ in range(number)), *talk(1, "b")["messages"]]}


def calls(number: int) -> dict[str, Any]:
    made = [{"id": f"{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in range(number)]
    results = [{"role": "tool", "tool_call_id": f"{n}", "content": "a"} for n in range(number)]
    return {"messages": [*talk(1, "b")["messages"], {"role": "assistant", "tool_calls": made}, *results]}


def tools(number: int) -> dict[str, Any]:
    return {**talk(1, "a"), "tools": [{"type": "function", "function": {"name": f"f{n}"}} for n in range(number)]}


async def longest_turn(served: Served, path: str, chats: Sequence[Mapping[str, Any]], *, streamed: bool) -> float:
    """Of all these chats at once, in seconds."""
    bodies = [json.dumps({"model": "gemini", "stream": streamed, **chat}).encode() for chat in chats]
    wires = [await served.connect() for _ in bodies]
    requests = [served.request("POST", path, body, connection="close") for body in bodies]
    with Turns() as turns:
        await asyncio.gather(*(wire.send(request) for wire, request in zip(wires, requests, strict=True)))
        answers = await asyncio.gather(*(wire.rest() for wire in wires))
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert b"Hello" in answer
    return turns.longest


@TRANSPORT
@STREAMED
@pytest.mark.parametrize("path", ["/api/v1/chat", "/v1/chat/completions"])
@pytest.mark.parametrize(("messages", "at_once"), [(2_001, 1), (4_000, 4)])
async def test_a_long_conversation_holds_the_loop_for_a_moment(
    messages: int, at_once: int, path: str, streamed: bool, transport: str
) -> None:
    async with gateway(transport) as (served, vendor):
        longest = await longest_turn(served, path, [talk(messages, f"{n}") for n in range(at_once)], streamed=streamed)
        assert [len(asked.body["contents"]) for asked in vendor.asked] == [messages] * at_once
    assert longest < MAX_TURN_SECONDS


@TRANSPORT
@STREAMED
@pytest.mark.parametrize(
    "chat", [parts(8_000), rules(4_000), calls(2_500), tools(4_000)], ids=["parts", "rules", "calls", "tools"]
)
async def test_whatever_there_is_much_of_holds_the_loop_for_a_moment(
    chat: Mapping[str, Any], streamed: bool, transport: str
) -> None:
    async with gateway(transport) as (served, _):
        assert await longest_turn(served, "/v1/chat/completions", [chat], streamed=streamed) < MAX_TURN_SECONDS


@pytest.mark.nightly
@STREAMED
async def test_health_is_told_at_once_beside_long_conversations(tmp_path: Path, streamed: bool) -> None:
    """On the wall clock, of a gateway in a process of its own: for a machine with nothing else to do."""
    bodies = [
        json.dumps({"model": "gemini", "stream": streamed, **talk(4_000, f"{number}")}).encode() for number in range(20)
    ]

    def slowest(asked: SplitResult, done: Event) -> float:
        seconds = []
        line = HTTPConnection(asked.netloc)
        while not done.is_set():
            began = time.perf_counter()
            line.request("GET", "/health")
            assert line.getresponse().read()
            seconds.append(time.perf_counter() - began)
        line.close()
        return max(seconds)

    async with (
        GeminiServer(answer, judges=False).running() as vendor,
        workers(tmp_path, RATE_LIMITER_CAPACITY="100", GEMINI_API_KEY="k", GEMINI_BASE_URL=vendor.url) as running,
        client(running.url) as asking,
    ):
        headers = {"Content-Type": "application/json"}

        async def ask(body: bytes) -> None:
            assert (await asking.post("/api/v1/chat", content=body, headers=headers)).status_code == 200

        await ask(bodies.pop())
        done = Event()
        health = asyncio.create_task(asyncio.to_thread(slowest, urlsplit(running.url), done))
        while bodies:
            await asyncio.gather(*(ask(bodies.pop()) for _ in range(min(4, len(bodies)))))
        done.set()
        assert await health < MAX_HEALTH_SECONDS
