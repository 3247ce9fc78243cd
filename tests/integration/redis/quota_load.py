"""Clients that each ask for all they can get, of four gateways at once, and what they got above their quotas."""

import asyncio
import json
import re
import subprocess
import sys
import time
from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from msgspec import Struct

from .faults_load import VENDORS, Program

GATEWAYS = 4
MILLISECOND = 0.001
"""The server counts in whole ones."""
WHOLE, QUICK, LONG = "whole-1", "paced-2", "paced-82"
LEAST_SECONDS = {QUICK: 0.02, LONG: 81 * 0.02}
"""That the vendor takes for a stream's chunks."""
PROMPT = "A prompt that is as long as its vendor says that it is, in tokens. " * 15
_TOKENS = re.compile(rb'"total_tokens":\s*(\d+)')


class Case(Struct, frozen=True, kw_only=True):
    """A client, with its quota as capacity and units a second, and what it asks.

    `alike`: one prompt, so that all but the first can be hits. `leaves`: in the middle of each answer. `debt`: tokens
    that one answer may use above what was reserved for it.
    """

    name: str
    requests: tuple[int, float] = (1_000_000, 1_000_000.0)
    tokens: tuple[int, float] | None = None
    concurrency: int | None = None
    model: str = WHOLE
    stream: bool = False
    alike: bool = False
    leaves: bool = False
    max_tokens: int = 1_000
    debt: int = 0

    @property
    def key(self) -> str:
        return f"sk-case-{self.name}-0123456789"

    def toml(self) -> str:
        lines = ["[[clients]]", f'name = "{self.name}"', f'keys = ["{self.key}"]', _bucket("requests", self.requests)]
        if self.tokens:
            lines.append(_bucket("tokens", self.tokens))
        if self.concurrency:
            lines.append(f"concurrency = {self.concurrency}")
        return "\n".join(lines)


def _bucket(name: str, bucket: tuple[int, float]) -> str:
    return f"{name} = {{ capacity = {bucket[0]}, refill_rate = {bucket[1]} }}"


CASES = (
    Case(name="hits", requests=(100, 1.0), alike=True),
    Case(name="misses", requests=(100, 1.0)),
    Case(name="quick", requests=(25, 50.0)),
    Case(name="single", requests=(1, 5.0)),
    Case(name="streamed", requests=(20, 10.0), stream=True, model=QUICK),
    Case(name="left", requests=(20, 10.0), stream=True, model=QUICK, leaves=True),
    Case(name="tokens", tokens=(8_000, 800.0)),
    Case(name="one-answer", tokens=(1_500, 500.0)),
    Case(name="tokens-streamed", tokens=(8_000, 800.0), stream=True, model=QUICK),
    Case(name="debt", tokens=(2_000, 400.0), concurrency=2, max_tokens=20, debt=2_000),
    Case(name="one-at-once", concurrency=1, stream=True, model=LONG),
    Case(name="four-at-once", concurrency=4, stream=True, model=LONG),
    Case(name="at-once-left", concurrency=3, stream=True, model=LONG, leaves=True),
    Case(name="all-three", requests=(40, 20.0), tokens=(20_000, 4_000.0), concurrency=3, stream=True, model=QUICK),
)


class Given(Struct, frozen=True):
    """One request: when it was sent, when its head and its end were heard, and what it used."""

    case: str
    port: int
    asked: float
    began: float
    heard: float
    status: int
    degraded: bool
    tokens: int

    @property
    def admitted(self) -> bool:
        return self.status == 200


class QuotaLoad:
    """Enter to start the gateways, over the Redis that `url` names, and with `environ` too."""

    def __init__(self, url: str, environ: Mapping[str, str] | None = None) -> None:
        self._url = url
        self._environ = environ or {}
        self._unique = count()
        self.given: list[Given] = []

    async def __aenter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="quotas-")
        (Path(self._folder.name) / "llm-gateway.toml").write_text("\n\n".join(case.toml() for case in CASES))
        self._vendor = Program(str(VENDORS), folder=self._folder.name, environ={})
        await self._vendor.start()
        environ = {
            "PORT": "0",
            "REDIS_URL": self._url,
            "EXPECTED_REPLICAS": str(GATEWAYS),
            "OLLAMA_BASE_URL": f"http://127.0.0.1:{self._vendor.port}",
            "OLLAMA_MODEL": WHOLE,
            **self._environ,
        }
        serve = ("-P", "-m", "llm_gateway", "serve")
        self.gateways = [Program(*serve, folder=self._folder.name, environ=environ) for _ in range(GATEWAYS)]
        await asyncio.gather(*(gateway.start() for gateway in self.gateways))
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(program.stop() for program in (*self.gateways, self._vendor)))
        self._folder.cleanup()

    async def press(self, cases: Sequence[Case], callers: int, stop: asyncio.Event, pause: float = 0.0) -> None:
        """So many callers of each case ask each gateway, until `stop` is set. None is cut off in an answer."""
        async with asyncio.TaskGroup() as tasks:
            for case in cases:
                for gateway in self.gateways:
                    for _ in range(callers):
                        tasks.create_task(self._call_until(case, gateway.port, stop, pause))

    async def _call_until(self, case: Case, port: int, stop: asyncio.Event, pause: float) -> None:
        caller = Caller(case, port)
        try:
            while not stop.is_set():
                self.given.append(await caller.ask(case.name if case.alike else f"new {next(self._unique)}"))
                await asyncio.sleep(pause)
        finally:
            caller.leave()

    async def ask(self, case: Case, gateway: int = 0) -> Given:
        caller = Caller(case, self.gateways[gateway].port)
        given = await caller.ask(f"alone {next(self._unique)}")
        caller.leave()
        return given


class Caller:
    """A connection that one request after the other goes over."""

    def __init__(self, case: Case, port: int) -> None:
        self._case = case
        self._port = port
        self._writer: asyncio.StreamWriter | None = None

    def leave(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def ask(self, prompt: str) -> Given:
        case = self._case
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        messages = [{"role": "user", "content": f"{prompt}: {PROMPT}"}]
        asked = {"messages": messages, "model": f"ollama/{case.model}", "stream": case.stream}
        body = json.dumps({**asked, "max_tokens": case.max_tokens}).encode()
        sent = time.monotonic()
        self._writer.write(
            b"POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\nx-api-key: %b\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (case.key.encode(), len(body), body)
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        began, status = time.monotonic(), int(head.split(b" ", 2)[1])
        leaves = case.leaves and status == 200
        answer = b"" if leaves else await self._body(head)
        heard = time.monotonic()
        if leaves:
            self.leave()
        used = _TOKENS.findall(answer)
        degraded = b"x-gateway-limiter" in head
        return Given(case.name, self._port, sent, began, heard, status, degraded, int(used[-1]) if used else 0)

    async def _body(self, head: bytes) -> bytes:
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if length:
            return await self._reader.readexactly(int(length))
        answer = b""
        while size := int(await self._reader.readline(), 16):
            answer += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()
        return answer


def excess(case: Case, given: Sequence[Given]) -> dict[str, float]:
    """What was certainly got above each limit, in its units."""
    admitted = [one for one in given if one.case == case.name and one.admitted]
    assert admitted, f"{case.name}: nothing was admitted"
    found = {"requests": max(_above(case.requests, admitted))}
    if case.tokens:
        seconds = max(one.heard for one in admitted) - min(one.asked for one in admitted) + MILLISECOND
        most = case.tokens[0] + case.tokens[1] * seconds + case.debt
        found["tokens"] = sum(one.tokens for one in admitted) - most
    if case.concurrency and case.stream:
        found["concurrency"] = max(_at_once(case, admitted), default=0) - case.concurrency
    return found


def _above(bucket: tuple[int, float], admitted: Sequence[Given]) -> Iterator[float]:
    """For each window from one asking to one hearing, what certainly passed within it above what may."""
    heard: list[float] = []
    for one in sorted(admitted, key=lambda one: one.asked, reverse=True):
        insort(heard, one.began)
        yield max(
            number - bucket[0] - bucket[1] * (end - one.asked + MILLISECOND) for number, end in enumerate(heard, 1)
        )


def _at_once(case: Case, admitted: Sequence[Given]) -> Iterator[int]:
    """Answers certainly under way at each beginning of one: heard of, and not yet left, or as the vendor is not done.

    Their end may be heard late, and so be no sign.
    """
    changes = []
    for one in admitted:
        end = one.heard if case.leaves else one.asked + LEAST_SECONDS[case.model]
        if one.began < end:
            changes += [(one.began, 1), (end, -1)]
    under_way = 0
    for _, change in sorted(changes):
        under_way += change
        yield under_way


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """The machine, with so many loops that never rest."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
