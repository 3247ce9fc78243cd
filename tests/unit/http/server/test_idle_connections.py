"""An idle connection is closed so long after its last answer, by one timer that all its requests share."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from litestar.types import Receive, Scope, Send

from llm_gateway.adapters.inbound.http.server.protocol import Bounds

from .connections import GET, Connection

SECONDS = 5
"""uvicorn's own, where nothing else is set."""


class Timers:
    """An event loop whose time and timers are told here; its tasks are the real one's."""

    def __init__(self) -> None:
        self.now = 0.0
        self.set: list[tuple[float, Callable[[], object]]] = []
        self.create_task = asyncio.get_running_loop().create_task

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, callback: Callable[[], object]) -> "Timers":
        self.set.append((self.now + seconds, callback))
        return self

    def cancel(self) -> None:
        self.set.clear()

    def go_to(self, now: float) -> None:
        self.now = now
        due = [callback for when, callback in self.set if when <= now]
        self.set = [(when, callback) for when, callback in self.set if when > now]
        for callback in due:
            callback()


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def opened() -> tuple[Connection, Timers]:
    connection, timers = Connection(answer), Timers()
    connection.protocol.loop = cast("Any", timers)
    return connection, timers


async def test_a_connection_is_kept_so_long_after_its_last_answer() -> None:
    connection, timers = await opened()
    for now in range(4):
        timers.now = now
        await connection.ask(GET)

    assert len(timers.set) == 1
    timers.go_to(SECONDS)
    assert not connection.transport.closed
    timers.go_to(3 + SECONDS)
    assert connection.transport.closed


async def test_a_request_that_has_begun_is_not_cut() -> None:
    connection, timers = await opened()
    await connection.ask(GET)
    connection.protocol.data_received(GET[:4])
    timers.set = timers.set[:1]  # without that of the head

    timers.go_to(SECONDS)
    assert not connection.transport.closed
    await connection.ask(GET[4:])
    timers.go_to(2 * SECONDS)
    assert connection.transport.closed


async def test_a_lost_connection_has_no_timer() -> None:
    connection, timers = await opened()
    await connection.ask(GET)
    connection.lose()

    assert not timers.set


async def test_a_connection_that_has_not_asked_yet_may_do_so_once_after_the_server_ended() -> None:
    connection, _ = await opened()
    connection.protocol.shutdown()
    assert not connection.transport.closed

    writes = await connection.ask(GET)

    assert b"".join(writes).startswith(b"HTTP/1.1 204")
    assert connection.transport.closed


async def test_a_connection_that_does_not_ask_then_is_closed() -> None:
    connection, timers = await opened()
    connection.protocol.shutdown()
    timers.go_to(Bounds().last_seconds)
    assert connection.transport.closed


async def test_an_idle_connection_that_has_asked_is_closed_at_once() -> None:
    connection, _ = await opened()
    await connection.ask(GET)
    connection.protocol.shutdown()
    assert connection.transport.closed
