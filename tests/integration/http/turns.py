"""The turns of a gateway's event loop, measured in its own thread, while others ask it."""

import asyncio
import gc
import selectors
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from http.client import HTTPConnection
from threading import Event, Thread
from typing import TypeVar

from typing_extensions import override

from ..waiting import HANG_SECONDS
from .served import KEY, Served

T = TypeVar("T")


class Turns(selectors.DefaultSelector):
    """What an event loop waits with. A turn is what its thread does from one wait to the next.

    In CPU time of that thread: how busy the machine is, and what other threads do meanwhile, does not count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self._began: float | None = None

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._began is not None:
            self.longest = max(self.longest, time.thread_time() - self._began)
        try:
            return super().select(timeout)
        finally:
            self._began = time.thread_time()


@contextmanager
def in_a_thread(
    manager: Callable[[], AbstractAsyncContextManager[T]], selector: selectors.BaseSelector | None = None
) -> Iterator[tuple[T, asyncio.AbstractEventLoop]]:
    """What the context manager gives, entered on an event loop in a thread of its own."""
    entered: Future[tuple[T, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def hold() -> None:
        try:
            async with manager() as value:
                leave = asyncio.Event()
                entered.set_result((value, asyncio.get_running_loop(), leave))
                await leave.wait()
        except BaseException as error:
            if entered.done():
                raise
            entered.set_exception(error)

    ended: Future[None] = Future()

    def run() -> None:
        sys.settrace(None)  # what measuring the coverage costs is not the product's
        try:
            with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
                runner.run(hold())
        except BaseException as error:
            ended.set_exception(error)
        else:
            ended.set_result(None)

    thread = Thread(target=run)
    thread.start()
    try:
        value, loop, leave = entered.result(HANG_SECONDS)
        gc.collect()
        gc.freeze()  # as a gateway does once it has started: what the other tests left is not looked through
        try:
            yield value, loop
        finally:
            gc.unfreeze()
            loop.call_soon_threadsafe(leave.set)
    finally:
        thread.join(HANG_SECONDS)
    ended.result(0)


class Asked:
    """An answer, and the longest turn that the loop took from the request on until it had nothing left to do."""

    def __init__(self, status: int, body: bytes, seconds: float) -> None:
        self.status = status
        self.body = body
        self.seconds = seconds


class Measured:
    """A gateway on a loop of its own. `model` is the one to ask."""

    model = ""

    def __init__(self, served: Served, turns: Turns, loop: asyncio.AbstractEventLoop) -> None:
        self.served = served
        self._turns = turns
        self._loop = loop

    def ask(self, path: str, body: bytes, **headers: str) -> Asked:
        self._rest()
        self._turns.longest = 0.0
        line = HTTPConnection("127.0.0.1", self.served.port, timeout=HANG_SECONDS)
        line.request("POST", path, body, {"X-API-Key": KEY, "Content-Type": "application/json", **headers})
        answer = line.getresponse()
        data = answer.read()
        line.close()
        self._rest()
        return Asked(answer.status, data, self._turns.longest)

    def _rest(self) -> None:
        """Until what was asked has ended."""

        async def idle() -> None:
            await self.served.server._idle()
            for _ in range(3):
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(idle(), self._loop).result(HANG_SECONDS)


@contextmanager
def measured(serving: Callable[[], AbstractAsyncContextManager[Served]]) -> Iterator[Measured]:
    turns = Turns()
    with in_a_thread(serving, turns) as (served, loop):
        yield Measured(served, turns, loop)


@contextmanager
def health_asked(port: int) -> Iterator[list[float]]:
    """The seconds that `/health` took, asked again and again by a thread: to be read when the block is left."""
    seconds: list[float] = []
    done = Event()

    def ask() -> None:
        line = HTTPConnection("127.0.0.1", port, timeout=HANG_SECONDS)
        while not done.wait(0.001):
            began = time.perf_counter()
            line.request("GET", "/health")
            line.getresponse().read()
            seconds.append(time.perf_counter() - began)
        line.close()

    thread = Thread(target=ask)
    thread.start()
    try:
        yield seconds
    finally:
        done.set()
        thread.join(HANG_SECONDS)
