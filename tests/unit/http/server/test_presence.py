"""Who left is told by the protocol, without a task for each request; under another server it is watched for."""

import asyncio
import gc
import weakref
from typing import Any, cast

import pytest
from litestar.types import HTTPScope, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from llm_gateway.adapters.inbound.http.common.presence import Presence, WhilePresent, presence_of
from llm_gateway.adapters.inbound.http.common.requests import ClientLeft

from .connections import GET, Connection

HEAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n"


async def never() -> Any:
    await asyncio.Event().wait()


class Waiting:
    """An application that answers nothing while the client is present, and says how each request ended."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.present: list[Presence | None] = []
        self.ends: list[BaseException] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        presence = presence_of(cast("HTTPScope", scope))
        self.present.append(presence)
        self.begun.set()
        try:
            with WhilePresent(presence, receive):
                await never()
        except asyncio.CancelledError as error:
            self.ends.append(error)


async def begun(connection: Connection, *parts: bytes) -> Waiting:
    app = cast("Waiting", connection.protocol.config.loaded_app)
    for part in parts:
        connection.protocol.data_received(part)
    await app.begun.wait()
    return app


def other_tasks() -> int:
    return len(asyncio.all_tasks()) - 1


@pytest.mark.parametrize("ours", [True, False])
async def test_who_leaves_is_known_at_once(ours: bool) -> None:
    connection = Connection(Waiting(), ours=ours)
    app = await begun(connection, GET)

    connection.lose()
    await connection.ask()

    assert [type(error) for error in app.ends] == [ClientLeft]
    assert other_tasks() == 0


@pytest.mark.parametrize(("ours", "tasks"), [(True, 1), (False, 2)])
async def test_a_task_watches_only_where_the_server_does_not_tell(ours: bool, tasks: int) -> None:
    connection = Connection(Waiting(), ours=ours)
    await begun(connection, GET)
    await asyncio.sleep(0)

    assert other_tasks() == tasks
    connection.lose()
    await connection.ask()


async def test_a_connection_is_read_on_while_a_long_body_is_worked_on() -> None:
    """Or it would go unnoticed that the client left."""
    body = bytes(HIGH_WATER_LIMIT + 1)
    head = HEAD.replace(b"4", b"%d" % len(body))
    connection = Connection(Waiting())
    await begun(connection, head + body[:-1], body[-1:])

    assert connection.transport.reading
    connection.lose()
    await connection.ask()


async def test_who_left_before_is_not_waited_for() -> None:
    presence = Presence()
    presence.leave()

    with pytest.raises(ClientLeft), WhilePresent(presence, never):
        pytest.fail("nobody is there")


async def test_to_be_cancelled_by_another_is_not_a_leaving() -> None:
    connection = Connection(Waiting())
    app = await begun(connection, GET)

    for task in connection.state.tasks:
        task.cancel()
    await connection.ask()

    assert [type(error) for error in app.ends] == [asyncio.CancelledError]


async def test_who_leaves_after_the_block_cancels_nothing() -> None:
    presence = Presence()
    with WhilePresent(presence, never):
        pass

    presence.leave()

    await asyncio.sleep(0)


async def test_what_left_is_not_counted_as_cancelled() -> None:
    """Or a timeout around it would take the next cancellation for another's."""
    presence = Presence()
    task = cast("asyncio.Task[None]", asyncio.current_task())
    asyncio.get_running_loop().call_soon(presence.leave)

    with pytest.raises(ClientLeft), WhilePresent(presence, never):
        await never()

    assert task.cancelling() == 0


async def test_of_a_pipelined_request_the_one_that_is_answered_is_told() -> None:
    connection = Connection(Waiting())
    app = await begun(connection, GET + GET)

    connection.lose()
    await connection.ask()

    assert len(app.present) == len(app.ends) == 1


@pytest.mark.parametrize(
    ("parts", "sent"), [((HEAD + b"body",), True), ((HEAD + b"bo",), False), ((HEAD, b"body"), True)]
)
async def test_it_tells_whether_the_body_is_here(parts: tuple[bytes, ...], sent: bool) -> None:
    connection = Connection(Waiting())
    app = await begun(connection, *parts)

    assert app.present[0] is not None
    assert app.present[0].sent is sent
    connection.lose()
    await connection.ask()


async def test_what_serves_a_request_ends_with_the_next_one_without_the_garbage_collector() -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        presence = presence_of(cast("HTTPScope", scope))
        assert presence is not None
        assert presence.take_sent() == b"body"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    connection = Connection(reads)
    gc.disable()
    try:
        await connection.ask(HEAD + b"body")
        first = weakref.ref(connection.protocol.cycle)
        await connection.ask(HEAD + b"body")
        assert first() is None
    finally:
        gc.enable()
